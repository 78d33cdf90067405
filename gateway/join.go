package gateway

import (
	"context"
	"errors"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// errBusy: too much is asked for at once.
var errBusy = errors.New("the gateway is too busy")

// unable tells what stands between a user and a room.
func (c *conn) unable(err error) {
	e := talk.Error{Code: talk.CodeUnavailable, Message: "the history is away, try again in a moment", Retry: true, RetryMS: retryBusyMS}
	if err == errBusy || err == errTooLate {
		e.Code, e.Message = talk.CodeBusy, "the gateway is too busy, try again in a moment"
	} else {
		c.srv.log.Warn("a user could not be let in", "err", err)
	}
	c.refuse(e)
}

// later runs f on a worker of a class, in the turn of the client's network. If it cannot, late is called instead, soon
// enough for the client to hear of it; a panic ends the connection. false: too much
// waits already, and nothing will happen.
func (c *conn) later(p *workerPool, run func(context.Context), late func()) bool {
	return p.submitFor(c.network, run, func(why error) {
		if why == errPanicked {
			c.sock.Close(nil)
			return
		}
		late()
	})
}

// turnAway tells a client to come back in a moment. It takes no lock of the user.
func (c *conn) turnAway(form talk.Form) {
	e := talk.Error{Code: talk.CodeBusy, Message: "the gateway is too busy, try again in a moment"}
	if form.IsExtended() {
		e.Retry, e.RetryMS = true, retryBusyMS
	}
	c.srv.metrics.refused(e.Code)
	c.answerIn(form, e)
	c.dismiss(reasonUnable)
}

// beginAsync begins an asynchronous step, which settle ends; what comes meanwhile
// waits. Its queues, the room and the store together have RequestWait for it: then
// the client is told to come back. What is on its way to the store goes on. Call
// with mu held.
func (c *conn) beginAsync() (by int64) {
	c.user.busy = true
	by = c.srv.clock.coarse() + int64(c.srv.opts.RequestWait)
	c.asyncBy.Store(by)
	return by
}

// lookAtAsync ends a connection whose asynchronous step takes too long.
func (c *conn) lookAtAsync(now int64) {
	if by := c.asyncBy.Load(); by != 0 && now > by && c.asyncBy.CompareAndSwap(by, 0) {
		c.turnAway(c.form())
	}
}

// join takes the user into a room, and out of the one where it is once that is
// done. Call with mu held.
func (c *conn) join(m talk.JoinRoom) talk.Error {
	u := &c.user
	name, err := c.srv.names.Check(m.Username)
	if err != nil {
		return c.refusal(m, codeOf(err, talk.CodeBadName), err.Error())
	}
	first := u.uuid.IsZero()
	switch {
	case first && u.form.IsExtended():
		return talk.Error{Code: talk.CodeNotJoined, Message: "show your secret first, in Hello"}
	case first && (m.UUID.IsZero() || m.UUID.Proven()):
		return talk.Error{Code: talk.CodeNotYou, Message: "this uuid needs its secret: say Hello first"}
	case !first && m.UUID != u.uuid:
		return talk.Error{Code: talk.CodeNotYou, Message: "this uuid is not yours"}
	}
	u.uuid = m.UUID
	u.moving = u.room != nil && u.room.id != m.RoomID
	j := &join{conn: c, m: m, name: name, by: c.beginAsync()}
	busy := func() { j.fail(errBusy) }
	if !c.later(c.srv.work.enter, j.findRoom, busy) {
		c.srv.agenda.after(0, busy) // without mu
	}
	return talk.Error{}
}

// join is one JoinRoom on its way, from the message to the seat. Each of its steps
// runs on a worker and waits for the store or the bus only; between them it waits
// for others without a worker, no longer than by.
type join struct {
	conn *conn
	m    talk.JoinRoom
	name string
	by   int64 // coarse time
	room *room // open
	log  verdict

	resets int // of the room when the logs were compared
}

// findRoom goes on with the room if it is open. Else it comes back when who opens or
// closes it is done; a room that is not there it has opened.
func (j *join) findRoom(ctx context.Context) {
	s := j.conn.srv
	for {
		r := s.rooms.take(j.m.RoomID, s)
		open, gone := r.await(j)
		switch {
		case open:
			j.compare(ctx, r)
			return
		case !gone:
			s.openSoon(r, j.conn.network, j.m.AfterSeq)
			return
		}
	}
}

// told hears what became of the room that it waits for.
func (j *join) told(err error) {
	if err != nil && err != errAgain {
		j.fail(err)
		return
	}
	late := func() { j.fail(errBusy) }
	if !j.conn.later(j.conn.srv.work.enter, j.findRoom, late) {
		late()
	}
}

// fail tells the client that it cannot be let in. It stays where it was; if that is
// nowhere, it had better try another node.
func (j *join) fail(err error) {
	c := j.conn
	stays := false
	c.locked(func(u *user) {
		stays = u.room != nil
		if u.joining == j {
			u.joining = nil
		}
	})
	c.unable(err)
	if !stays {
		c.dismiss(reasonUnable)
	}
	j.settle(func(*user) {})
}

// settle ends the join, well or badly.
func (j *join) settle(f func(u *user)) {
	c := j.conn
	c.settle(func(u *user) {
		u.moving = false
		c.wantsRoom(false)
		f(u)
	})
}

// wantsRoom tells the budgets whether the client has asked for a room and was not
// answered. Call with mu held.
func (c *conn) wantsRoom(wants bool) { c.srv.limits.Enter(&c.account, wants) }

// compare finds out what the client has of the room's log, and asks the store to
// let it in.
func (j *join) compare(ctx context.Context, r *room) {
	s := j.conn.srv
	r.locked(func() { j.resets = r.resets })
	log, err := s.compareLogs(ctx, r, j.m)
	if err != nil {
		j.fail(err)
		return
	}
	j.room, j.log = r, log
	key, ok := j.register()
	switch {
	case !ok:
	case s.lane(r.id).crowded():
		j.fail(errBusy)
	default:
		id := enterID(time.Now())
		s.enter(entering{key: key, name: j.name, id: id, keep: j.conn.form().IsExtended()}, func(a history.Moved) { j.entered(key, id, a) })
		if s.spooler != nil {
			s.agenda.after(s.provisionalAfter(), func() { guard(j.conn, j.sitDown) })
		}
	}
}

// register makes the user the one that joins; false: it has gone.
func (j *join) register() (key sessionKey, ok bool) {
	c, r := j.conn, j.room
	c.locked(func(u *user) {
		if u.room == r { // the same room again
			c.srv.unseat(r, c)
			u.room = nil
		}
		if u.session.IsZero() {
			u.session = newUUID()
		}
		if ok = !u.gone; ok {
			u.joining = j
			key = c.sessionKey(r)
		}
	})
	return key, ok
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
func (j *join) sitDown() {
	c, r := j.conn, j.room
	var form talk.Form
	sits := false
	c.locked(func(u *user) {
		if sits = !u.gone && u.joining == j && u.room != r; sits {
			c.leaveRoom()
			u.room, u.epoch, u.name, u.namedAt, u.provisional = r, 0, j.name, 0, true
			if known, seq := r.nameOf(u.uuid); known != "" && u.form.IsExtended() && j.m.Resume && j.m.AfterSeq <= seq {
				u.name, u.namedAt = known, seq // it is newer than what he says, and an Enter keeps it
			}
			u.renaming, u.asking = nil, nil
			form = u.form
		}
	})
	if !sits {
		return
	}
	c.srv.metrics.provisional.Inc()
	j.takeSeat(form, history.Moved{})
}

// entering is what is asked of the store for a session that comes to a room.
type entering struct {
	key   sessionKey
	name  string
	id    talk.UUID // see enterID
	epoch int64     // of a session that is registered again, else 0
	keep  bool      // who is in the room already, keeps the name by which it knows him
}

// enter asks the store to let a session into its room, here.
func (s *Server) enter(e entering, done func(history.Moved)) {
	s.lane(e.key.RoomID).move(move{
		Move: history.Move{
			Action: history.Enter, Key: e.key, Gateway: s.opts.ID, Name: e.name, KeepName: e.keep,
			Epoch: e.epoch, EntryID: e.id, Quiet: talk.MaxListed,
		},
		done: done,
	})
}

// entered is called on the lane's goroutine when the store has answered.
func (j *join) entered(key sessionKey, id talk.UUID, a history.Moved) {
	c, r := j.conn, j.room
	if a.Applied {
		c.srv.publishMoved(r, a)
	}
	var form talk.Form
	gone, current, sits := false, false, false
	c.locked(func(u *user) {
		gone, current = u.gone, u.joining == j
		sits = u.provisional && u.room == r
		if gone || !current || !a.Applied {
			return
		}
		if !sits {
			c.leaveRoom()
			u.room, u.renaming, u.asking = r, nil, nil
		}
		if u.renaming == nil {
			u.name = a.Name
		}
		u.joining, u.epoch, u.entered, u.namedAt, u.provisional = nil, a.Epoch, id, entrySeq(a.Entry), false
		form = u.form
	})
	switch {
	case gone && a.Applied:
		c.srv.breakSession(key, a.Epoch)
	case !current && a.Applied: // it has left since, or has entered anew, by which this epoch is old
		c.srv.leaveSession(r, key, a.Epoch)
	case gone || !current:
	case !a.Applied:
		j.refused(sits)
	default:
		if !a.First {
			c.srv.tellEntered(key, a.Epoch)
		}
		c.putWindow(key)
		c.srv.arrivals.add(c)
		if sits {
			if a.Entry == nil { // another window of his is there: what he was told is not stored
				r.locked(func() { c.seat.told = c.seat.told && c.in.Load() != r })
			}
			c.goOn()
			return
		}
		j.takeSeat(form, a)
	}
}

// refused is called when what the store has of this session is not what was asked
// for; a new connection asks anew.
func (j *join) refused(sits bool) {
	c := j.conn
	stays := false
	c.locked(func(u *user) { stays = u.room != nil && !sits })
	c.refuse(talk.Error{Code: talk.CodeRefused, Message: "this room cannot be joined"})
	if !stays {
		c.dismiss(reasonUnable)
		return
	}
	j.settle(func(u *user) { u.joining = nil })
}

// putWindow makes this the connection of its session.
func (c *conn) putWindow(key sessionKey) {
	if old := c.srv.windows.put(windowOf(key), c); old != nil {
		old.dismiss(reasonSuperseded)
	}
	c.locked(func(u *user) {
		if u.gone {
			c.srv.windows.remove(windowOf(key), c) // departed came before put
		}
	})
}

// takeSeat tells the client where it is, starts its live view, and ends the join.
func (j *join) takeSeat(form talk.Form, a history.Moved) {
	c, r := j.conn, j.room
	open, live := false, false
	r.locked(func() {
		if open = r.open; open {
			live = j.sit(form, a)
		}
	})
	switch {
	case !open: // it was closed in a minute without anybody; try again
		c.dismiss(reasonUnable)
	case !live:
		c.srv.catchUp(c)
	}
	j.settle(func(u *user) {
		if u.gone {
			c.srv.unseat(r, c) // it went before it sat
		}
	})
}

// sit does it. Call with the room's mu held; the caller starts the catch-up if the
// answer is false.
func (j *join) sit(form talk.Form, a history.Moved) (live bool) {
	c, r, m, log := j.conn, j.room, &j.m, j.log
	if r.resets != j.resets {
		log = logDiffers // the store has gone back since: it matched what the room has dropped
	}
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
	case form.IsExtended():
		c.answerIn(form, r.joined(cursor, m.Resume && !resume))
		if gap.To > 0 {
			c.answerIn(form, gap)
		}
	case a.Entry == nil || a.Entry.Kind != talk.KindJoined:
		c.answerIn(form, talk.Entry{Kind: talk.KindJoined, RoomID: r.id, Author: m.UUID, Name: j.name, UnixTime: c.srv.unixNow()})
	}
	if resume {
		c.srv.metrics.resumed(r.source(cursor))
	}
	live = r.seatMember(c, m.UUID, form, cursor)
	c.seat.told = !form.IsExtended() && !a.Applied
	c.seat.headless = r.headless && cursor == 0
	if form.IsExtended() && (log == logDoubtful || r.blind && !c.seat.headless) {
		c.seat.doubtful, c.seat.live, live, r.doubts = true, false, false, true
		if log == logDoubtful {
			c.seat.claim = &history.Head{Seq: m.AfterSeq, ID: m.AfterID}
		}
	}
	if form.IsExtended() {
		for i := range r.pending {
			c.pushIfRoom(r.pending[i].packet(form))
		}
	}
	return live
}

// joined describes the room to a joiner. Call with mu held.
func (r *room) joined(cursor int64, reset bool) talk.Joined {
	headID, _ := r.recent.idAt(r.head)
	head := max(r.head, cursor)
	if r.headless && cursor == 0 {
		head = -1 // nobody knows
	}
	return talk.Joined{
		RoomID: r.id, HeadSeq: head, HeadID: headID, AfterSeq: cursor, Reset: reset,
		Members: r.roster.members, MemberCount: r.roster.count, MembersUnknown: r.blind || cursor > r.head,
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
