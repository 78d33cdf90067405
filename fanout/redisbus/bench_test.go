package redisbus

import (
	"testing"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
)

type sink struct{}

func (sink) Deliver(*fanout.Note) {}
func (sink) Lost(int32)           {}

// BenchmarkReceive is what the read loop does for one note.
func BenchmarkReceive(b *testing.B) {
	bus := unconnected(b, sink{})
	want(b, bus, 7)
	channel := bus.names.channel(7)
	message := string(fanout.AppendNote(appendHeader(nil, kindNote, nodeID{1}), fanouttest.Note(7, 1)))
	b.ReportAllocs()
	for b.Loop() {
		bus.received(channel, message)
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
		bus.received(channel, message)
	}
}
