package gateway

import (
	"context"
	"errors"

	"tuitalk/fanout"
	"tuitalk/history"
	"tuitalk/talk"
)

// retryBusyMS is when a client may send again what was refused for now.
const retryBusyMS = 500

// ackPosts shows what was stored and tells the authors. entries carry the seq
// and time that results have. step is called before each room, which may have
// thousands of members.
func (s *Server) ackPosts(posts []post, entries []talk.Entry, results []history.Result, step func()) {
	byRoom := map[int32][]talk.Entry{}
	for i, r := range results {
		if r.Err == nil && !r.Repeat {
			e := entries[i]
			e.Round = 0
			byRoom[e.RoomID] = append(byRoom[e.RoomID], e)
		}
	}
	for id, list := range byRoom {
		step()
		s.placeAndPublish(id, list)
	}
	for i, p := range posts {
		s.ackPost(p, results[i])
	}
}

func (s *Server) ackPost(p post, r history.Result) {
	c := p.conn
	form, waiting := c.pendingAck()
	kind := ackStored
	if r.Err != nil {
		kind = ackRefused
	}
	s.metrics.acked(kind)
	switch {
	case r.Err != nil:
		c.refuse(talk.Error{Code: talk.CodeRefused, Message: "this message cannot be stored", ID: p.entry.ID})
	case form.IsExtended():
		c.answerIn(form, talk.Stored{RoomID: p.entry.RoomID, ID: p.entry.ID, Seq: r.Seq})
	}
	if r.Repeat {
		s.metrics.repeats.Inc()
		if room := s.rooms.get(p.entry.RoomID); room != nil {
			room.observeHead(r.Seq)
		}
	}
	if waiting {
		c.resumeBacklog()
	}
}

// refusePosts tells the authors that the store did not take their entries, which
// is not to say that it does not have them: they send again, with the same ids.
func (s *Server) refusePosts(posts []post, why error) {
	sentence := "the history is away, your message waits"
	if errors.Is(why, history.ErrCorrupt) {
		sentence = "the history is damaged, your message waits for an operator"
	}
	for _, p := range posts {
		s.refuseNotTaken(p, talk.CodeUnavailable, sentence)
	}
}

// nackRetry refuses a post for now, and with it the later ones of its connection.
func (s *Server) nackRetry(p post, code talk.Code, sentence string) {
	c := p.conn
	waiting := false
	c.locked(func(u *user) {
		u.unstored--
		c.blockLater(arrival{Message: p.entry, number: p.number})
		waiting = len(u.backlog) > 0
	})
	e := talk.Error{Code: code, Message: sentence, ID: p.entry.ID, Retry: true, RetryMS: retryBusyMS}
	s.metrics.refused(code)
	s.metrics.acked(ackRetry)
	c.answer(e)
	if waiting {
		c.resumeBacklog()
	}
}

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
	if len(n.Entries) > 0 && n.Entries[0].Pending && s.spooler != nil {
		s.spooler.markDirty(n.Room)
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
	if s.spooler != nil {
		s.spooler.markDirty(room) // the note may have been of a pending entry
	}
	if r := s.rooms.get(room); r != nil {
		s.compareSuspect(r)
	}
}

var _ fanout.Handler = (*Server)(nil)
