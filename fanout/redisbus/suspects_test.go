package redisbus

import (
	"testing"
	"time"

	"tuitalk/fanout/fanouttest"
)

func TestRoomSetIsBounded(t *testing.T) {
	var s roomSet
	if !s.empty() {
		t.Error("a new set is not empty")
	}
	for range 3 {
		for room := range int32(maxSuspectRooms) {
			s.add(room)
		}
	}
	if s.all || len(s.rooms) != maxSuspectRooms {
		t.Errorf("%d rooms, all %v", len(s.rooms), s.all)
	}
	s.add(maxSuspectRooms)
	if !s.all || s.rooms != nil || s.empty() {
		t.Errorf("beyond the bound: %d rooms, all %v", len(s.rooms), s.all)
	}
	var merged roomSet
	merged.merge(s)
	if !merged.all {
		t.Error("all was lost in a merge")
	}
}

// What was published shortly before a partition lost its master is doubtful;
// what is older is not.
func TestRecentNotesAreSuspect(t *testing.T) {
	b := unconnected(t, fanouttest.NewRecorder())
	p := b.parts[0]
	s := newServer(b)
	p.attach(s.session, time.Now())
	s.serve(p)
	p.route(1)
	p.rotateSuspects()
	p.route(2)
	p.rotateSuspects()
	p.route(3)
	if doubt, _ := p.takeSuspects(); !doubt.empty() {
		t.Errorf("doubt while all is well: %v", doubt)
	}
	p.detach(s.session)
	if p.route(4) != nil {
		t.Error("a way to publish without a session")
	}
	if doubt, to := p.takeSuspects(); to != nil || !doubt.empty() {
		t.Error("doubt was taken with nobody to tell")
	}
	s = newServer(b)
	p.attach(s.session, time.Now())
	s.serve(p)
	doubt, to := p.takeSuspects()
	if to != s.session || len(doubt.rooms) != 3 {
		t.Errorf("doubt: %v", doubt)
	}
	for _, room := range []int32{2, 3, 4} {
		if _, ok := doubt.rooms[room]; !ok {
			t.Errorf("room %d is not doubted", room)
		}
	}
}

// The other nodes are told of each doubtful room, or of the whole partition.
func TestDoubtIsTold(t *testing.T) {
	b := unconnected(t, fanouttest.NewRecorder())
	s := newServer(b)
	for _, p := range b.parts[:2] {
		p.attach(s.session, time.Now())
		s.serve(p)
	}
	b.undelivered(&outgoing{part: b.parts[0], kind: kindNote, room: 5})
	b.undelivered(&outgoing{part: b.parts[0], kind: kindLook, room: 6})
	b.undelivered(&outgoing{part: b.parts[0], kind: kindProbe})
	b.undelivered(&outgoing{part: b.parts[1], kind: kindLookAll})
	b.announceSuspects()
	said := make(map[string]byte)
	for _, m := range s.session.queue {
		said[m.channel] = m.data[0]
	}
	if len(said) != 3 || said[b.names.channel(5)] != kindLook || said[b.names.channel(6)] != kindLook || said[b.names[1].control] != kindLookAll {
		t.Errorf("said %v", said)
	}
	// What cannot be queued stays in doubt.
	s.session.end()
	for _, p := range b.parts[:2] {
		if doubt, _ := p.takeSuspects(); doubt.empty() {
			t.Errorf("partition %d: the doubt is forgotten", p.index)
		}
	}
}
