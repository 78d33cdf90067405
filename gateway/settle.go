package gateway

import (
	"context"
	"errors"
	"slices"

	"tuitalk/fanout"
	"tuitalk/history"
	"tuitalk/talk"
)

// retryBusyMS is when a client may send again what was refused for now.
const retryBusyMS = 500

// settlePosts shows what was stored and tells the authors. entries carry the seq
// and time that results have. step is called before each room, which may have
// thousands of members.
func (s *Server) settlePosts(posts []post, entries []talk.Entry, results []history.Result, step func()) {
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
		s.show(id, list)
	}
	for i, p := range posts {
		s.settlePost(p, results[i])
	}
}

// answered notes that a post is no longer on its way. waiting: others wait for it.
func (c *conn) answered() (form talk.Form, waiting bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user.unstored--
	return c.user.form, len(c.user.backlog) > 0
}

func (s *Server) settlePost(p post, r history.Result) {
	c := p.conn
	form, waiting := c.answered()
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
			room.heard(r.Seq)
		}
	}
	if waiting {
		c.goOn()
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
		s.notTaken(p, talk.CodeUnavailable, sentence)
	}
}

// mustFollow tells whether an earlier post of this connection comes first: one that
// was refused, and the client sends both again; or one that is kept here. name is
// what its author is called by now.
func (c *conn) mustFollow(p post) (superseded, behind bool, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := &c.user
	if at, was := slices.BinarySearch(u.kept, p.number); was {
		u.kept = slices.Delete(u.kept, at, at+1) // its turn has come
	}
	return u.turn.out(p.entry.Round, p.number), len(u.kept) > 0 && u.kept[0] < p.number, u.name
}

// sendBack refuses a post for now, and with it the later ones of its connection.
func (s *Server) sendBack(p post, code talk.Code, sentence string) {
	c := p.conn
	waiting := false
	c.locked(func(u *user) {
		u.unstored--
		c.holdBack(arrival{Message: p.entry, number: p.number})
		waiting = len(u.backlog) > 0
	})
	e := talk.Error{Code: code, Message: sentence, ID: p.entry.ID, Retry: true, RetryMS: retryBusyMS}
	s.metrics.refused(code)
	s.metrics.acked(ackRetry)
	c.answer(e)
	if waiting {
		c.goOn()
	}
}

// show places stored entries of a room, here and elsewhere.
func (s *Server) show(room int32, entries []talk.Entry) {
	if r := s.rooms.get(room); r != nil {
		r.take(entries)
	}
	s.publish(room, entries)
}

// publish tells the other nodes. What gets lost they find by their holes.
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
		s.spooler.know(n.Room)
	}
	s.heardOfPeople(n)
	r := s.rooms.get(n.Room)
	if r == nil {
		return
	}
	switch {
	case len(n.Entries) == 0:
	case n.Entries[0].Pending:
		s.showPending(n.Room, n.Entries, false)
	default:
		r.take(n.Entries)
	}
	s.withdraw(n.Room, n.Gone)
	s.heardStored(r, n.Stored)
	if n.Count > 0 {
		r.locked(func() {
			r.roster.count = n.Count
			r.tellCount()
		})
	}
}

// Lost hears that notes of a room may be missing.
func (s *Server) Lost(room int32) {
	if s.spooler != nil {
		s.spooler.know(room) // the note may have been of a pending entry
	}
	if r := s.rooms.get(room); r != nil {
		s.compareLost(r)
	}
}

var _ fanout.Handler = (*Server)(nil)

// heard notes that the store has the room's entry seq.
func (r *room) heard(seq int64) {
	missing, named := false, false
	r.locked(func() {
		r.known = max(r.known, seq)
		missing = r.open && r.closeGap()
		named = len(r.namings) > 0
	})
	if named {
		r.tellNames()
	}
	if missing {
		r.srv.noteHole(r)
	}
}

// tellCount sends the number of members. Call with mu held.
func (r *room) tellCount() {
	r.tell(talk.Presence{RoomID: r.id, MemberCount: r.roster.count})
}
