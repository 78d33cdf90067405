package gateway

import (
	"context"
	"time"

	"tuitalk/gateway/sched"
	"tuitalk/history"
	"tuitalk/talk"
)

// catchUpPage is how many entries one query of a catch-up reads.
const catchUpPage = 256

// catchUpRetry is when a catch-up that the store did not serve is tried again.
const catchUpRetry = 250 * time.Millisecond

// catchUp brings a member from its cursor to the head of its room, as far as
// its ring has room, and turns it live there. When the ring is full it ends; it
// is called again when the ring has drained.
func (s *Server) catchUp(c *conn) {
	r := c.memberOf.Load()
	if r == nil {
		return
	}
	start := false
	r.locked(func() {
		start = c.memberOf.Load() == r && c.membership.on(memberCatchUp)
	})
	if start {
		s.scheduleCatchUp(r, c)
	}
}

// scheduleCatchUp hands the next step of a catch-up to a worker, now or when there is
// one.
func (s *Server) scheduleCatchUp(r *room, c *conn) {
	run := func(ctx context.Context) { s.catchUpStep(ctx, r, c) }
	fail := func(why error) {
		if why == sched.ErrPanicked {
			c.sock.Close(nil) // it would again
			return
		}
		s.retryCatchUp(r, c)
	}
	if !s.work.live.SubmitFor(c.network, run, fail) {
		s.retryCatchUp(r, c)
	}
}

func (s *Server) retryCatchUp(r *room, c *conn) {
	s.timers.After(catchUpRetry, func() { s.scheduleCatchUp(r, c) })
}

// catchUpStep serves a member what memory has, else one page from the store; the
// next one waits for its turn behind what others miss. It runs on a worker. A reset of the
// room may begin a second one while the first waits for the store: both go on from the
// member's cursor, which only moves by the entry behind it.
func (s *Server) catchUpStep(ctx context.Context, r *room, c *conn) {
	var has history.Head
	done, resets := false, 0
	r.locked(func() {
		has, done = r.serveRecent(c)
		resets = r.resets
	})
	if done {
		return
	}
	entries, goesOn, err := s.readBehind(ctx, r.id, has, catchUpPage)
	if err == nil && !goesOn { // what the store has is not behind what the member was shown
		s.doubtStore(r, has, resets, false)
	}
	if err != nil || len(entries) == 0 {
		// the store is away, or this node knows an entry that it does not show yet
		s.retryCatchUp(r, c)
		return
	}
	s.metrics.caught(fromStore, len(entries))
	full := false
	r.locked(func() { full = r.serveStored(c, entries) })
	if !full {
		s.scheduleCatchUp(r, c)
	}
}

// serveStored pushes what the store has behind the member's cursor. full: its ring
// takes no more, and the catch-up has ended. Call with mu held.
func (r *room) serveStored(c *conn, entries []talk.Entry) (full bool) {
	for i := range entries {
		if !r.catchesUp(c) || entries[i].Seq != c.membership.cursor+1 {
			break
		}
		if !c.membership.passes(&entries[i]) && !c.pushLive(prepareEntry(&entries[i], c.membership.form)) {
			c.membership.on(memberRingFull)
			return true
		}
		c.membership.cursor, c.membership.last = entries[i].Seq, history.HeadOf(&entries[i])
	}
	return false
}

// serveRecent pushes what memory has behind the member's cursor. done: the
// member is live, or gone, or its ring is full; else the store must be asked for
// what is behind the entry that it has. Call with mu held.
func (r *room) serveRecent(c *conn) (has history.Head, done bool) {
	if !r.catchesUp(c) {
		return has, true
	}
	s := &c.membership
	i, ok := r.recent.after(s.cursor, r.head)
	if !ok {
		has = s.last
		has.Seq = s.cursor
		return has, false
	}
	for ; i < len(r.recent.list); i++ {
		e := r.recent.at(i)
		if !s.passes(&e.Entry) && !c.pushLive(r.packet(e, s.form)) {
			s.on(memberRingFull)
			return has, true
		}
		s.cursor, s.last = e.Seq, history.HeadOf(&e.Entry)
		r.srv.metrics.caught(fromRing, 1)
	}
	s.on(memberCaughtUp)
	return has, true
}

// catchesUp tells whether c still is a member that catches up; else a step of that comes
// too late. Call with mu held.
func (r *room) catchesUp(c *conn) bool {
	return c.memberOf.Load() == r && c.membership.state == memberCatchingUp
}

// source tells where what is behind a cursor comes from. Call with mu held.
func (r *room) source(cursor int64) source {
	if _, ok := r.recent.after(cursor, r.head); ok {
		return fromRing
	}
	return fromStore
}
