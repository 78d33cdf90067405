package gateway

import (
	"strings"
	"testing"
	"time"

	"tuitalk/gateway/commit"
	"tuitalk/gateway/sched"
	"tuitalk/gateway/transport"
	"tuitalk/history"
	"tuitalk/talk"
)

// TestPendingEntriesCloseNobody: a room may have more of them than a client's
// queue takes at once.
func TestPendingEntriesCloseNobody(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	r := crowdedRoom(s, 30)
	s.rooms.byID[r.id] = r
	entries := make([]talk.Entry, commit.MaxPending)
	for i := range entries {
		entries[i] = talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: newUUID(), Name: "ada", Text: strings.Repeat("x", talk.MaxTextBytes), ID: newUUID()}
	}
	s.showPending(r.id, entries, false, talk.UUID{})
	if len(r.pending) != commit.MaxPending {
		t.Fatalf("%d are pending", len(r.pending))
	}
	for _, c := range r.members {
		if why := closeReason(c.reason.Load()); why != reasonNone {
			t.Fatalf("a member was closed as %s", why.label())
		}
		if most := s.opts.RingBytes + s.opts.AnswerBytes; c.out.Cost() > most {
			t.Fatalf("%d bytes wait for a member, %d may", c.out.Cost(), most)
		}
	}
}

// TestStoredEntryIsTakenOffWhereItWasShown: a pending entry is in the log. Who is behind
// that place gets it with its seq; who has it already is told to take the pending one
// off, also where this node learns of it later than he did.
func TestStoredEntryIsTakenOffWhereItWasShown(t *testing.T) {
	t.Parallel()
	for name, settle := range map[string]func(r *room, e talk.Entry){
		"it is placed": func(r *room, e talk.Entry) { r.place(e) },
		"the room is read": func(r *room, e talk.Entry) {
			r.verifyAgainst(history.Room{HeadSeq: e.Seq}, []talk.Entry{e}, history.Head{Seq: e.Seq})
		},
		"the store goes back": func(r *room, e talk.Entry) { r.reset(history.Room{HeadSeq: e.Seq}, []talk.Entry{e}) },
		"a drain finds it":    func(r *room, e talk.Entry) { r.markStored(e.Author, e.ID, e.Seq) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := bareServer(t)
			r := crowdedRoom(s, 2*talk.Forms)
			s.rooms.byID[r.id] = r
			for _, c := range r.members[talk.Forms:] {
				c.membership.cursor = 1
			}
			e := talk.Entry{Kind: talk.KindPosted, RoomID: r.id, Author: newUUID(), Name: "ada", Text: "once", ID: newUUID()}
			s.showPending(r.id, []talk.Entry{e}, false, talk.UUID{})
			r.empty()
			e.Seq = 1
			settle(r, e)
			for _, c := range r.members[talk.Forms:] {
				if got, want := c.out.QueuedBytes() > 0, c.membership.form.IsExtended(); got != want {
					t.Errorf("who has it in form %d was told: %v", c.membership.form, got)
				}
			}
			if len(r.pending) != 0 {
				t.Errorf("%d are pending", len(r.pending))
			}
		})
	}
}

// TestLargestHoldersGoFirst: as many as are needed, and those that hold most.
func TestLargestHoldersGoFirst(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	s.held = transport.NewQueuedBytes(1 << 20)
	s.pump = s.newPump()
	s.clock = sched.NewClock(time.Now().Add(-sweepEvery))
	s.clock.Step()
	var conns []*conn
	for i := range 10 {
		c := &conn{srv: s, serial: uint64(i)}
		s.conns.add(c)
		conns = append(conns, c)
		for range i {
			c.pushAnswer(&transport.PreparedFrame{Bytes: make([]byte, 30<<10)})
		}
	}
	s.evictLargest() // 1,350 KiB are held: 426 KiB are too much, or nearly
	for i, c := range conns {
		killed := closeReason(c.reason.Load()) == reasonOverload
		if want := i >= 8; killed != want {
			t.Errorf("who held %d KiB: closed %v, want %v", 30*i, killed, want)
		}
	}
	if total := s.held.Total(); total > s.held.Most()*9/10 {
		t.Errorf("%d bytes are still held", total)
	}
	for _, c := range conns {
		c.out.Drop(true, s.pump)
	}
	if total := s.held.Total(); total != 0 {
		t.Errorf("%d bytes are counted although nothing is held", total)
	}
}
