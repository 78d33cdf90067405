package redisbus

import (
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
)

type sink struct{}

func (sink) Deliver(*fanout.Note) {}
func (sink) Lost(int32)           {}

func TestPublishAllocatesLittle(t *testing.T) {
	b, s := healthy(t, time.Now())
	note := fanouttest.Note(1, 1)
	if n := testing.AllocsPerRun(1000, func() {
		if err := b.Publish(t.Context(), note); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		s.queue, s.queued = s.queue[:0], 0
		s.mu.Unlock()
	}); n > 2 { // the message and its channel
		t.Errorf("%v allocations", n)
	}
}

func TestOwnNoteAllocatesNothing(t *testing.T) {
	b := unconnected(t, sink{})
	want(t, b, 7)
	channel := b.names.channel(7)
	message := string(fanout.AppendNote(appendHeader(nil, kindNote, b.id), fanouttest.Note(7, 1)))
	if n := testing.AllocsPerRun(1000, func() { b.onMessage(channel, message) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkReceive is what the read loop does for one note.
func BenchmarkReceive(b *testing.B) {
	bus := unconnected(b, sink{})
	want(b, bus, 7)
	channel := bus.names.channel(7)
	message := string(fanout.AppendNote(appendHeader(nil, kindNote, nodeID{1}), fanouttest.Note(7, 1)))
	b.ReportAllocs()
	for b.Loop() {
		bus.onMessage(channel, message)
	}
}

// BenchmarkReceiveOwn is the same for a note of this node, which comes back.
func BenchmarkReceiveOwn(b *testing.B) {
	bus := unconnected(b, sink{})
	want(b, bus, 7)
	channel := bus.names.channel(7)
	message := string(fanout.AppendNote(appendHeader(nil, kindNote, bus.id), fanouttest.Note(7, 1)))
	b.ReportAllocs()
	for b.Loop() {
		bus.onMessage(channel, message)
	}
}
