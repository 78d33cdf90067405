//go:build integration

package redisbus

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/fanout/fanouttest"
)

// connections counts the connections of a fleet's nodes to all servers.
func connections(t *testing.T, c *devcluster.RedisCluster) int {
	t.Helper()
	n := 0
	for i := range c.Addrs() {
		list, err := c.Do(t.Context(), i, "CLIENT", "LIST")
		must(t, err)
		n += strings.Count(list, "name=tuitalk ")
	}
	return n
}

// awaitTrials waits until each master's spool has been tried, and so has its
// connection.
func awaitTrials(t *testing.T, b *Bus) {
	t.Helper()
	await(t, "the spool to be tried", func() bool {
		for _, s := range b.sessions() {
			s.conn.mu.Lock()
			tried := s.conn.spool != nil
			s.conn.mu.Unlock()
			if !tried {
				return false
			}
		}
		return len(b.sessions()) == 3
	})
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// One node has 30,000 rooms (with -short 5,000) on three connections to each master, and
// all of them again after it lost its connections.
func TestManyRooms(t *testing.T) {
	t.Parallel()
	const workers = 256
	rooms := 30_000
	if testing.Short() {
		rooms = 5_000
	}
	c := cluster(t)
	o := options(t, c)
	got := fanouttest.NewRecorder()
	publisher := openBus(t, o, fanouttest.NewRecorder())
	awaitTrials(t, publisher)
	alone := connections(t, c)
	before := heap()
	b := openBus(t, o, got)
	awaitTrials(t, b)

	began := time.Now()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for room := w; room < rooms; room += workers {
				if err := b.Subscribe(t.Context(), int32(room)); err != nil {
					t.Errorf("subscribe to room %d: %v", room, err)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("MEASURED %d subscriptions in %v", rooms, time.Since(began).Round(time.Millisecond))
	t.Logf("MEASURED %.1f MB of heap, %d bytes a room", float64(heap()-before)/1e6, (heap()-before)/uint64(rooms))
	if n := connections(t, c) - alone; n != 3*3 {
		t.Errorf("%d connections of one node, want 3 to each of 3 masters", n)
	}

	said := int64(0)
	say := func(step int) {
		said++
		for room := 0; room < rooms; room += step {
			for publisher.Publish(t.Context(), fanouttest.Note(int32(room), said)) != nil {
				runtime.Gosched() // the queue is full
			}
		}
	}
	began = time.Now()
	say(1)
	got.AwaitTold(t, rooms) // a busy machine may lose a connection, and says so
	t.Logf("MEASURED a note in each room in %v", time.Since(began).Round(time.Millisecond))

	began = time.Now()
	for i := range c.Addrs() {
		if _, err := c.Do(t.Context(), i, "CLIENT", "KILL", "TYPE", "pubsub"); err != nil {
			t.Fatal(err)
		}
	}
	for room := range rooms {
		got.AwaitLost(t, int32(room), 0)
	}
	await(t, "the bus to be healthy", func() bool { return b.Healthy() && publisher.Healthy() })
	t.Logf("MEASURED resubscribed and reported lost in %v", time.Since(began).Round(time.Millisecond))
	const step = 10
	say(step)
	for room := 0; room < rooms; room += step {
		got.AwaitSeq(t, int32(room), said)
	}
	awaitTrials(t, b)
	if n := connections(t, c) - alone; n != 3*3 {
		t.Errorf("%d connections of one node after the reconnection", n)
	}

	began = time.Now()
	for w := range workers {
		wg.Go(func() {
			for room := w; room < rooms; room += workers {
				if err := b.Unsubscribe(t.Context(), int32(room)); err != nil {
					t.Errorf("unsubscribe from room %d: %v", room, err)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("MEASURED %d unsubscriptions in %v", rooms, time.Since(began).Round(time.Millisecond))
	for i := range c.Addrs() {
		list, err := c.Do(t.Context(), i, "PUBSUB", "SHARDCHANNELS", o.Namespace+"{*[0-9]")
		must(t, err)
		if list != "" {
			t.Errorf("subscriptions are left on node %d", i)
		}
	}
}
