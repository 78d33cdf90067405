package gateway

import (
	"strings"
	"testing"

	"tuitalk/history"
	"tuitalk/talk"
)

// bareServer is a server that is not started; nobody drains its outboxes.
func bareServer(t testing.TB) *Server {
	t.Helper()
	opts := Defaults()
	opts.ID = newUUID()
	s, err := New(opts, history.Store(nil))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// crowdedRoom is a room with members that have been idle.
func crowdedRoom(s *Server, members int) *room {
	r := &room{id: 1, srv: s, state: roomOpen}
	for i := range members {
		c := &conn{srv: s, serial: uint64(i)}
		r.addMember(c, newUUID(), talk.Form(i%talk.Forms), 0)
	}
	return r
}

// empty takes from every outbox what a worker would write, and has it find nothing.
func (r *room) empty() {
	pump := r.srv.pump
	ready := make([]bool, pump.Workers())
	for _, c := range r.members {
		if c.out.QueuedBytes() > 0 {
			ready[pump.WorkerOf(c.serial)] = true
			c.out.Drop(false, pump)
		}
	}
	for worker := range ready {
		if ready[worker] {
			pump.Serve(worker)
		}
	}
}

func BenchmarkFanOut(b *testing.B) {
	s := bareServer(b)
	const members = 1000
	r := crowdedRoom(s, members)
	e := talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: newUUID(), Name: "ada", Text: strings.Repeat("x", 64), ID: newUUID()}
	b.ReportAllocs()
	for b.Loop() {
		e.Seq = r.head + 1
		r.placeEntries([]talk.Entry{e})
		b.StopTimer()
		r.empty()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*members), "ns/delivery")
}
