package gateway

import (
	"context"
	"errors"

	"tuitalk/fanout"
	"tuitalk/talk"
)

// placeAndPublish places stored entries of a room, here and elsewhere.
func (s *Server) placeAndPublish(room int32, entries []talk.Entry) {
	if r := s.rooms.get(room); r != nil {
		r.placeEntries(entries)
	}
	s.publish(room, entries)
}

// publish tells the other nodes. What gets lost they find by their gaps.
func (s *Server) publish(room int32, entries []talk.Entry) {
	s.publishNote(&fanout.Note{Room: room, Entries: entries})
}

func (s *Server) publishNote(n *fanout.Note) {
	err := s.bus.Publish(context.Background(), n)
	if err != nil && !errors.Is(err, fanout.ErrClosed) {
		s.metrics.publishErrors.Inc()
		s.log.Warn("publish failed; other nodes will look in the store", "err", err)
	}
}

// Deliver takes a note from another node.
func (s *Server) Deliver(n *fanout.Note) {
	if len(n.Entries) > 0 && n.Entries[0].Pending {
		s.commit.MarkDirty(n.Room)
	}
	s.onPeopleNote(n)
	r := s.rooms.get(n.Room)
	if r == nil {
		return
	}
	switch {
	case len(n.Entries) == 0:
	case n.Entries[0].Pending:
		s.showPending(n.Room, n.Entries, false, n.Behind)
	default:
		r.placeEntries(n.Entries)
	}
	s.withdraw(n.Room, n.Gone)
	s.onStored(r, n.Stored)
	if n.Count > 0 {
		r.locked(func() {
			r.memberList.count = n.Count
			r.broadcastCount()
		})
	}
}

// Lost hears that notes of a room may be missing.
func (s *Server) Lost(room int32) {
	s.commit.MarkDirty(room) // the note may have been of a pending entry
	if r := s.rooms.get(room); r != nil {
		s.compareSuspect(r)
	}
}

var _ fanout.Handler = (*Server)(nil)
