//go:build integration

package redisbus

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
)

const (
	trafficRooms = 256
	trafficNodes = 3
)

// traffic is a fleet that talks in many rooms: every node publishes to every
// room and subscribes to all. It stands for gateways and their store: an entry
// is in the store before it is published.
type traffic struct {
	buses   []*Bus
	viewers []*viewer
	heads   [trafficNodes][trafficRooms]atomic.Int64 // the store: newest seq by publisher and room
	stop    context.CancelFunc
	running sync.WaitGroup
}

// viewer is one node's handler. It remembers what arrived and, for each Lost,
// how far the store was when it looked.
type viewer struct {
	t    *traffic
	node int

	mu      sync.Mutex
	got     [trafficNodes][trafficRooms]map[int64]bool
	covered [trafficNodes][trafficRooms]int64
	notes   int
	lost    int
	doubles int
}

var publishers = func() (ids [trafficNodes][16]byte) {
	for i := range ids {
		ids[i][0] = byte(i)
	}
	return ids
}()

func (v *viewer) Deliver(n *fanout.Note) {
	e := &n.Entries[0]
	v.mu.Lock()
	defer v.mu.Unlock()
	v.notes++
	seen := &v.got[e.Author[0]][n.Room]
	if *seen == nil {
		*seen = make(map[int64]bool)
	}
	if (*seen)[e.Seq] {
		v.doubles++
	}
	(*seen)[e.Seq] = true
}

func (v *viewer) Lost(room int32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if room >= trafficRooms {
		return // one of churn's
	}
	v.lost++
	for p := range trafficNodes {
		v.covered[p][room] = v.t.heads[p][room].Load()
	}
}

// missing describes the first note that did not arrive and that no look into
// the store found, "" if there is none.
func (v *viewer) missing() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	for p := range trafficNodes {
		if p == v.node {
			continue
		}
		for room := range trafficRooms {
			for seq := v.covered[p][room] + 1; seq <= v.t.heads[p][room].Load(); seq++ {
				if !v.got[p][room][seq] {
					return fmt.Sprintf("node %d never learned of note %d of node %d in room %d (partition %d; %d in the store, %d covered)",
						v.node, seq, p, room, partitionOf(int32(room)), v.t.heads[p][room].Load(), v.covered[p][room])
				}
			}
		}
	}
	return ""
}

func (v *viewer) counts() (notes, lost, doubles int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.notes, v.lost, v.doubles
}

// startTraffic opens a fleet in which messages flow until the test ends. The
// options of each node can be changed.
func startTraffic(t *testing.T, c *devcluster.RedisCluster, change ...func(node int, o *Options)) *traffic {
	t.Helper()
	tr := &traffic{}
	shared := options(t, c)
	for i := range trafficNodes {
		o := shared
		for _, f := range change {
			f(i, &o)
		}
		v := &viewer{t: tr, node: i}
		tr.viewers = append(tr.viewers, v)
		tr.buses = append(tr.buses, openBus(t, o, v))
	}
	for _, b := range tr.buses {
		for room := range int32(trafficRooms) {
			if err := b.Subscribe(t.Context(), room); err != nil {
				t.Fatal(err)
			}
		}
	}
	var ctx context.Context
	ctx, tr.stop = context.WithCancel(context.Background())
	for i := range tr.buses {
		tr.running.Go(func() { tr.publish(ctx, i) })
		tr.running.Go(func() { churn(ctx, t, tr.buses[i]) })
	}
	t.Cleanup(func() {
		tr.stop()
		tr.running.Wait()
	})
	await(t, "messages to flow", func() bool {
		for _, v := range tr.viewers {
			if notes, _, _ := v.counts(); notes < 4*trafficRooms {
				return false
			}
		}
		return true
	})
	return tr
}

// publish sends a few thousand notes a second, one to each room in turn.
func (tr *traffic) publish(ctx context.Context, node int) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for room := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for range 20 {
			tr.say(node, int32(room))
			room = (room + 1) % trafficRooms
		}
	}
}

// churn joins and leaves rooms of its own all the time, and leaves the processor to others.
func churn(ctx context.Context, t *testing.T, b *Bus) {
	for i := 0; ctx.Err() == nil; i++ {
		time.Sleep(time.Millisecond)
		room := int32(trafficRooms + 3 + i%500)
		if err := b.Subscribe(ctx, room); err != nil && ctx.Err() == nil {
			t.Errorf("subscribe: %v", err)
		}
		if err := b.Unsubscribe(ctx, room-int32(i%3)); err != nil && ctx.Err() == nil {
			t.Errorf("unsubscribe: %v", err)
		}
	}
}

// say stores an entry, then publishes it. A publish that fails is the bus's to
// make good.
func (tr *traffic) say(node int, room int32) {
	seq := tr.heads[node][room].Add(1)
	note := fanouttest.Note(room, seq)
	note.Entries[0].Author = publishers[node]
	_ = tr.buses[node].Publish(context.Background(), note)
}

// patience only ends a test that would hang.
const patience = time.Minute

// await waits until done, polling: the bus has no event for its health.
func await(t *testing.T, what string, done func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !done() {
		if time.Since(began) > patience {
			t.Fatalf("still waiting for %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
	return time.Since(began)
}

func (tr *traffic) allHealthy() bool {
	for _, b := range tr.buses {
		if !b.Healthy() {
			return false
		}
	}
	return true
}

func (tr *traffic) noneHealthy() bool {
	for _, b := range tr.buses {
		if b.Healthy() {
			return false
		}
	}
	return true
}

// recovered waits until the fleet is well by itself, and reports how long that
// took from the given time.
func (tr *traffic) recovered(t *testing.T, since time.Time) {
	t.Helper()
	await(t, "the bus to be healthy again", tr.allHealthy)
	t.Logf("MEASURED healthy again on all nodes %v after the fault", time.Since(since).Round(time.Millisecond))
}

// settle ends the talk and checks that nothing was lost silently.
func (tr *traffic) settle(t *testing.T) {
	t.Helper()
	tr.stop()
	tr.running.Wait()
	for node := range tr.buses {
		for room := range int32(trafficRooms) {
			tr.say(node, room)
		}
	}
	var why string
	began := time.Now()
	for _, v := range tr.viewers {
		for why = v.missing(); why != ""; why = v.missing() {
			if time.Since(began) > patience/4 {
				t.Fatal(why)
			}
			time.Sleep(5 * time.Millisecond)
		}
		notes, lost, doubles := v.counts()
		t.Logf("node %d: %d notes, %d times lost, %d doubles", v.node, notes, lost, doubles)
	}
}
