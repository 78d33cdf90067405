package gateway

import (
	"context"
	"errors"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// admit notes the first use of a UUID that no gateway made, and then welcomes.
// Call with mu held.
func (c *conn) admit(uuid talk.UUID) {
	c.user.busy = true
	c.laterEnter(func(ctx context.Context) {
		err := c.srv.store.Admit(ctx, uuid, true)
		if err != nil {
			c.settle(func(*user) {})
			c.unableOr(err, "this uuid has a token; show it")
			return
		}
		c.settle(func(u *user) {
			u.uuid = uuid
			c.welcome()
		})
	})
}

// unableOr answers an error of the store that stands between a user and a room.
func (c *conn) unableOr(err error, taken string) {
	if errors.Is(err, history.ErrTaken) {
		c.refuse(talk.Error{Code: talk.CodeNotYou, Message: taken})
		return
	}
	c.srv.log.Warn("a user could not be let in", "err", err)
	c.refuse(talk.Error{Code: talk.CodeUnavailable, Message: "the history is away, try again in a moment", Retry: true, RetryMS: retryBusyMS})
	c.dismiss(reasonUnable)
}

// later runs f on a worker of a class. If it cannot, late is called instead, soon
// enough for the client to hear of it; a panic ends the connection. false: too much
// waits already, and nothing will happen.
func (c *conn) later(p *workerPool, run func(context.Context), late func()) bool {
	return p.submit(run, func(why error) {
		if why == errPanicked {
			c.sock.close()
			return
		}
		late()
	})
}

// laterEnter is later for what stands between a user and a room: the connection
// ends if it cannot be done.
func (c *conn) laterEnter(run func(context.Context)) {
	if !c.later(c.srv.work.enter, run, c.turnAway) {
		c.turnAway()
	}
}

// turnAway tells a client to come back in a moment. It may be called with mu held.
func (c *conn) turnAway() { c.dismiss(reasonUnable) }

// join takes the user out of its room and into another. Call with mu held.
func (c *conn) join(m talk.JoinRoom) talk.Error {
	u := &c.user
	name, err := c.srv.names.Check(m.Username)
	if err != nil {
		return c.refusal(m, codeOf(err, talk.CodeBadName), err.Error())
	}
	first := u.uuid.IsZero()
	switch {
	case first && u.form == talk.Extended:
		return talk.Error{Code: talk.CodeNotJoined, Message: "the uuid is not settled yet"}
	case first && (m.UUID.IsZero() || m.UUID.Version() == gatewayVersion):
		return talk.Error{Code: talk.CodeNotYou, Message: "this uuid needs its token: say Hello first"}
	case !first && m.UUID != u.uuid:
		return talk.Error{Code: talk.CodeNotYou, Message: "this uuid is not yours"}
	}
	if u.room != nil && u.room.id != m.RoomID {
		c.leaveRoom()
	}
	u.busy = true
	c.laterEnter(func(ctx context.Context) { c.joinNow(ctx, m, name, first) })
	return talk.Error{}
}

// joinNow runs on a worker: it may wait for the store and the bus.
func (c *conn) joinNow(ctx context.Context, m talk.JoinRoom, name string, first bool) {
	if first {
		if err := c.srv.store.Admit(ctx, m.UUID, false); err != nil {
			c.settle(func(*user) {})
			c.unableOr(err, "this uuid has a token: say Hello with it first")
			return
		}
	}
	r, err := c.srv.openRoom(ctx, m.RoomID, m.AfterSeq)
	log := logDiffers
	if err == nil {
		log, err = c.srv.compareLogs(ctx, r, m)
	}
	if err != nil {
		c.settle(func(*user) {})
		c.unableOr(err, "")
		return
	}
	var key sessionKey
	gone := false
	c.locked(func(u *user) {
		if u.room != nil {
			c.srv.unseat(u.room, c) // the same room again
			u.room = nil
		}
		u.uuid = m.UUID
		if u.session.IsZero() {
			u.session = newUUID()
		}
		if gone = u.gone; !gone {
			u.joining = r
			key = c.sessionKey(r)
		}
	})
	if gone {
		return
	}
	if c.srv.lane(m.RoomID).crowded() {
		c.dismiss(reasonUnable)
		return
	}
	c.srv.enter(key, name, func(a history.Moved) { c.entered(r, key, m, name, log, a) })
	if c.srv.spooler != nil {
		c.srv.agenda.after(c.srv.provisionalAfter(), func() { c.sitDown(r, m, name, log) })
	}
}

// joinPatience is how long the store has to let a user in.
const joinPatience = 600 * time.Millisecond

// provisionalAfter is when a user gets a seat although the store has not let him
// in: at once if it is known to be away, and what is said is spooled.
func (s *Server) provisionalAfter() time.Duration {
	if !s.health.storeUp() {
		return 0
	}
	return joinPatience
}

// sitDown gives a user a seat whom the store has not let in yet.
func (c *conn) sitDown(r *room, m talk.JoinRoom, name string, log verdict) {
	var form talk.Form
	sits := false
	c.locked(func(u *user) {
		if sits = !u.gone && u.joining == r && u.room == nil; sits {
			u.room, u.epoch, u.name, u.provisional = r, 0, name, true
			form = u.form
		}
	})
	if !sits {
		return
	}
	c.srv.metrics.provisional.Inc()
	c.takeSeat(r, form, m, name, log, history.Moved{})
	c.seated(r)
}

// seated ends a join.
func (c *conn) seated(r *room) {
	c.settle(func(u *user) {
		if u.gone {
			c.srv.unseat(r, c) // it went before it sat
		}
	})
}

// enter asks the store to let a session into its room, here.
func (s *Server) enter(key sessionKey, name string, done func(history.Moved)) {
	s.lane(key.RoomID).move(move{
		Move: history.Move{
			Action: history.Enter, Key: key, Gateway: s.opts.ID, Name: name,
			EntryID: newUUID(), Quiet: talk.MaxListed,
		},
		done: done,
	})
}

// entered is called on the lane's goroutine when the store has let the user in.
func (c *conn) entered(r *room, key sessionKey, m talk.JoinRoom, name string, log verdict, a history.Moved) {
	if a.Err != nil || !a.Applied {
		// what the store has of this session is not what was asked for; a new
		// connection asks anew
		c.refuse(talk.Error{Code: talk.CodeRefused, Message: "this room cannot be joined"})
		c.dismiss(reasonUnable)
		return
	}
	c.srv.publishMoved(r, a)
	var form talk.Form
	gone, sits := false, false
	c.locked(func(u *user) {
		if gone = u.gone; gone {
			return
		}
		u.joining = nil
		sits = u.provisional && u.room == r
		u.room, u.epoch, u.name, u.provisional = r, a.Epoch, name, false
		form = u.form
	})
	if gone {
		c.srv.breakSession(key, a.Epoch)
		return
	}
	if old := c.srv.windows.put(windowOf(key), c); old != nil {
		old.dismiss(reasonSuperseded)
	}
	c.locked(func(u *user) {
		if u.gone {
			c.srv.windows.remove(windowOf(key), c) // departed came before put
		}
	})
	if sits {
		c.goOn()
		return
	}
	c.takeSeat(r, form, m, name, log, a)
	c.seated(r)
}

// takeSeat tells the client where it is, and starts its live view.
func (c *conn) takeSeat(r *room, form talk.Form, m talk.JoinRoom, name string, log verdict, a history.Moved) {
	open, live := false, false
	r.locked(func() {
		if open = r.open; open {
			live = c.sit(r, form, m, name, log, a)
		}
	})
	switch {
	case !open: // it was closed in a minute without anybody; try again
		c.dismiss(reasonUnable)
	case !live:
		c.srv.catchUp(c)
	}
}

// sit does it. Call with r.mu held; the caller starts the catch-up if the answer
// is false.
func (c *conn) sit(r *room, form talk.Form, m talk.JoinRoom, name string, log verdict, a history.Moved) (live bool) {
	resume := log != logDiffers
	cursor := r.head
	if a.Entry != nil {
		cursor = min(cursor, a.Entry.Seq-1) // not behind what the members told are as of
	}
	gap := talk.Gap{RoomID: r.id}
	if resume {
		cursor = m.AfterSeq
		if most := int64(c.srv.opts.ResumeMax); r.head-cursor > most {
			gap.From, gap.To = cursor+1, r.head-int64(c.srv.opts.RecentCount)
			cursor = gap.To
		}
	}
	switch {
	case form == talk.Extended:
		c.answerIn(form, r.joined(cursor, m.Resume && !resume))
		if gap.To > 0 {
			c.answerIn(form, gap)
		}
	case a.Entry == nil || a.Entry.Kind != talk.KindJoined:
		c.answerIn(form, talk.Entry{Kind: talk.KindJoined, RoomID: r.id, Author: m.UUID, Name: name, UnixTime: c.srv.unixNow()})
	}
	if resume {
		c.srv.metrics.resumed(r.source(cursor))
	}
	live = r.seatMember(c, m.UUID, form, cursor)
	c.seat.doubtful = log == logDoubtful || r.blind
	r.doubts = r.doubts || c.seat.doubtful
	if form == talk.Extended {
		for i := range r.pending {
			c.answerIn(form, r.pending[i].Entry)
		}
	}
	return live
}

// joined describes the room to a joiner. Call with mu held.
func (r *room) joined(cursor int64, reset bool) talk.Joined {
	headID, _ := r.recent.idAt(r.head)
	return talk.Joined{
		RoomID: r.id, HeadSeq: max(r.head, cursor), HeadID: headID, AfterSeq: cursor, Reset: reset,
		Members: r.roster.members, MemberCount: r.roster.count,
	}
}

// breakSession notes that a session's connection is gone.
func (s *Server) breakSession(key sessionKey, epoch int64) {
	s.lane(key.RoomID).move(move{
		Move: history.Move{Action: history.Break, Key: key, Epoch: epoch},
		done: func(history.Moved) {},
	})
}

// publishMoved shows the entry that a change of presence wrote, here and elsewhere.
func (s *Server) publishMoved(r *room, a history.Moved) {
	if a.Entry != nil {
		entries := []talk.Entry{*a.Entry}
		r.take(entries)
		s.publish(r.id, entries)
		return
	}
	if a.Applied && a.Members > talk.MaxListed {
		r.locked(func() {
			r.roster.count = a.Members
			r.presence = true
		})
	}
}
