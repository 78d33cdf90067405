//go:build integration

package redisbus

import (
	"errors"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
	"tuitalk/talk"
)

func TestSpoolContract(t *testing.T) {
	t.Parallel()
	fanouttest.RunSpool(t, func(t *testing.T) fanout.Spool {
		o := options(t, cluster(t))
		o.SpoolCap = fanouttest.SpoolCap
		return openBus(t, o, fanouttest.NewRecorder())
	})
}

// roomIn returns a room of a partition.
func roomIn(partition int) int32 {
	for room := int32(0); ; room++ {
		if partitionOf(room) == partition {
			return room
		}
	}
}

// depthOf waits for who serves the partition: after a failover that may change once more.
func depthOf(t *testing.T, b *Bus, partition int) (depth int64) {
	t.Helper()
	await(t, "the depth of the spool", func() bool {
		depths, err := b.Depths(t.Context())
		if err == nil {
			depth = depths[partition]
		}
		return err == nil
	})
	return depth
}

// An entry is accepted once a replica has it, and not before; a repeat only
// waits again.
func TestSpoolWaitsForReplica(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	o := options(t, c)
	o.SpoolWait = 100 * time.Millisecond
	b := openBus(t, o, fanouttest.NewRecorder())
	entry := []talk.Entry{fanouttest.PendingEntry(roomIn(0), 1, 1)}
	replicas, err := c.Replicas(t.Context(), masterOf(t, c, 0))
	must(t, err)
	must(t, c.Stop(replicas[0]))
	for range 3 {
		if err := b.Add(t.Context(), entry)[0]; !errors.Is(err, fanout.ErrNotReplicated) {
			t.Errorf("with the replica frozen: %v", err)
		}
	}
	// Another node's connection is fresh: its wait must not come cheaper.
	if err := openBus(t, o, fanouttest.NewRecorder()).Add(t.Context(), entry)[0]; !errors.Is(err, fanout.ErrNotReplicated) {
		t.Errorf("on a fresh connection with the replica frozen: %v", err)
	}
	must(t, c.Cont(replicas[0]))
	await(t, "the replica to confirm", func() bool { return b.Add(t.Context(), entry)[0] == nil })
	if d := depthOf(t, b, 0); d != 1 {
		t.Errorf("depth %d after repeats, want 1", d)
	}
}

// What was accepted survives the master's death; then there is no replica, so
// nothing is accepted until one is back.
func TestSpoolSurvivesMaster(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	b := openBus(t, options(t, c), fanouttest.NewRecorder())
	room := roomIn(0)
	began := time.Now()
	var accepted []talk.Entry
	for n := range 2000 {
		accepted = append(accepted, fanouttest.PendingEntry(room, 1, n))
	}
	for i, err := range b.Add(t.Context(), accepted) {
		if err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
	t.Logf("MEASURED %d entries accepted by a replica in %v", len(accepted), time.Since(began).Round(time.Millisecond))
	master := masterOf(t, c, 0)
	must(t, c.Kill(master))
	await(t, "a replica to take over", func() bool { return !b.Healthy() })
	await(t, "the bus to be healthy", b.Healthy)

	found, err := b.Read(t.Context(), 0, "", len(accepted)+1)
	must(t, err)
	if len(found) != len(accepted) {
		t.Fatalf("%d entries survived, want %d", len(found), len(accepted))
	}
	for i, f := range found {
		if f.Err != nil || f.Entry != accepted[i] {
			t.Fatalf("entry %d: %+v, %v", i, f.Entry, f.Err)
		}
	}
	if err := b.Add(t.Context(), accepted[:1])[0]; !errors.Is(err, fanout.ErrNotReplicated) {
		t.Errorf("without a replica: %v", err)
	}
	must(t, c.Start(t.Context(), master))
	await(t, "the replica to confirm", func() bool { return b.Add(t.Context(), accepted[:1])[0] == nil })
	if d := depthOf(t, b, 0); d != int64(len(accepted)) {
		t.Errorf("depth %d, want %d", d, len(accepted))
	}
}

func TestSpoolAway(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	b := openBus(t, options(t, c), fanouttest.NewRecorder())
	entries := []talk.Entry{fanouttest.PendingEntry(roomIn(0), 1, 1), fanouttest.PendingEntry(roomIn(partitions-1), 1, 2)}
	master := masterOf(t, c, 0)
	replicas, err := c.Replicas(t.Context(), master)
	must(t, err)
	for _, i := range append(replicas, master) {
		must(t, c.Kill(i))
	}
	results := b.Add(t.Context(), entries)
	if results[0] == nil || errors.Is(results[0], fanout.ErrSpoolFull) || results[1] != nil {
		t.Errorf("with one shard away: %v", results)
	}
	depths, err := b.Depths(t.Context())
	if err == nil || depths[0] != -1 || depths[partitions-1] != 1 {
		t.Errorf("with one shard away: depths %v, %v", depths, err)
	}
	for _, i := range append(replicas, master) {
		must(t, c.Start(t.Context(), i))
	}
	await(t, "the entry to be accepted", func() bool { return b.Add(t.Context(), entries)[0] == nil })
	if d := depthOf(t, b, 0); d != 1 {
		t.Errorf("depth %d, want 1", d)
	}
	must(t, b.Close())
	if err := b.Add(t.Context(), entries)[0]; !errors.Is(err, fanout.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	if _, err := b.Read(t.Context(), 0, "", 1); !errors.Is(err, fanout.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

// A server without memory refuses, and keeps what it has.
func TestSpoolOutOfMemory(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	b := openBus(t, options(t, c), fanouttest.NewRecorder())
	master := masterOf(t, c, 0)
	room := roomIn(0)
	if err := b.Add(t.Context(), []talk.Entry{fanouttest.PendingEntry(room, 1, 1)})[0]; err != nil {
		t.Fatal(err)
	}
	limit := func(size string) {
		t.Helper()
		_, err := c.Do(t.Context(), master, "CONFIG", "SET", "maxmemory", size)
		must(t, err)
	}
	limit("1mb")
	defer limit("1gb")
	for i, err := range b.Add(t.Context(), []talk.Entry{fanouttest.PendingEntry(room, 1, 2), fanouttest.PendingEntry(room, 1, 3)}) {
		if !errors.Is(err, fanout.ErrSpoolFull) {
			t.Errorf("entry %d without memory: %v", i, err)
		}
	}
	if d := depthOf(t, b, 0); d != 1 {
		t.Errorf("depth %d, want 1", d)
	}
}

// A master comes back with nothing: what is said next is not put behind what is lost.
func TestSpoolLosesEverything(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	b := openBus(t, options(t, c), fanouttest.NewRecorder())
	var entries []talk.Entry
	for n := range 3 {
		entries = append(entries, fanouttest.PendingEntry(roomIn(0), 1, n))
	}
	for i, err := range b.Add(t.Context(), entries[:2]) {
		if err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
	_, err := c.Do(t.Context(), masterOf(t, c, 0), "FLUSHALL")
	must(t, err)
	if err := b.Add(t.Context(), entries[2:], entries[1])[0]; !errors.Is(err, fanout.ErrSpoolLost) {
		t.Errorf("behind what is lost: %v", err)
	}
	for i, err := range b.Add(t.Context(), entries) {
		if err != nil {
			t.Errorf("entry %d again: %v", i, err)
		}
	}
	found, err := b.Read(t.Context(), 0, "", 10)
	must(t, err)
	if len(found) != 3 || found[0].Entry != entries[0] || found[2].Entry != entries[2] {
		t.Errorf("found %+v", found)
	}
}

// An entry of a newer form stays where it is and stops nobody.
func TestSpoolUnreadable(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	b := openBus(t, options(t, c), fanouttest.NewRecorder())
	n := &b.names[0]
	_, err := c.Do(t.Context(), masterOf(t, c, 0), "XADD", n.stream, "*", "k", "id", fieldEntry, "\x63later")
	must(t, err)
	entry := fanouttest.PendingEntry(roomIn(0), 1, 1)
	if err := b.Add(t.Context(), []talk.Entry{entry})[0]; err != nil {
		t.Fatal(err)
	}
	found, err := b.Read(t.Context(), 0, "", 10)
	must(t, err)
	if len(found) != 2 || !errors.Is(found[0].Err, fanout.ErrVersion) || found[1].Err != nil || found[1].Entry != entry {
		t.Errorf("read %+v", found)
	}
}

// Entries on their way to another master arrive there once.
func TestSpoolMigrates(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	b := openBus(t, options(t, c), fanouttest.NewRecorder())
	room, home, to := roomIn(0), masterOf(t, c, 0), masterOf(t, c, partitions-1)
	n := 0
	add := func() {
		n++
		entry := []talk.Entry{fanouttest.PendingEntry(room, 1, n)}
		await(t, "the entry to be accepted", func() bool { return b.Add(t.Context(), entry)[0] == nil })
	}
	for _, target := range []int{to, home} {
		add()
		must(t, c.MigrateSlot(t.Context(), int(tagSlots[0]), target))
		add()
	}
	found, err := b.Read(t.Context(), 0, "", 10)
	must(t, err)
	for i, f := range found {
		if f.Entry != fanouttest.PendingEntry(room, 1, i+1) {
			t.Errorf("entry %d is %+v", i, f.Entry)
		}
	}
	if len(found) != n {
		t.Errorf("%d entries, want %d", len(found), n)
	}
}
