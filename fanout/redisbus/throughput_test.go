//go:build integration

package redisbus

import (
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
)

// tally counts notes and lets the publisher run at most so far ahead.
type tally struct {
	arrived atomic.Int64
	ahead   chan struct{}
}

func (t *tally) Deliver(*fanout.Note) {
	t.arrived.Add(1)
	<-t.ahead
}

func (t *tally) Lost(int32) {}

// BenchmarkThroughput carries notes from one node to another, in 1,000 rooms.
func BenchmarkThroughput(b *testing.B) {
	const rooms = 1000
	o := options(b, cluster(b))
	got := &tally{ahead: make(chan struct{}, 4096)}
	from, to := openBus(b, o, &tally{}), openBus(b, o, got)
	var notes []*fanout.Note
	for room := range int32(rooms) {
		want(b, to, room)
		notes = append(notes, fanouttest.Note(room, 1))
	}
	b.ReportAllocs()
	sent := int64(0)
	for b.Loop() {
		got.ahead <- struct{}{}
		if err := from.Publish(b.Context(), notes[sent%rooms]); err != nil {
			b.Fatal(err)
		}
		sent++
	}
	for deadline := time.Now().Add(patience); got.arrived.Load() < sent; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("%d of %d notes arrived", got.arrived.Load(), sent)
		}
	}
}

// BenchmarkLatency is the way of one note at a time to another node.
func BenchmarkLatency(b *testing.B) {
	o := options(b, cluster(b))
	got := &tally{ahead: make(chan struct{})}
	from, to := openBus(b, o, &tally{}), openBus(b, o, got)
	want(b, to, 1)
	note := fanouttest.Note(1, 1)
	for b.Loop() {
		if err := from.Publish(b.Context(), note); err != nil {
			b.Fatal(err)
		}
		got.ahead <- struct{}{}
	}
}
