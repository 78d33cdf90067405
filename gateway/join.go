package gateway

import (
	"context"
	"errors"
	"time"

	"tuitalk/gateway/commit"
	"tuitalk/gateway/sched"
	"tuitalk/history"
	"tuitalk/talk"
)

// errBusy: too much is asked for at once.
var errBusy = errors.New("the gateway is too busy")

// failJoin tells what stands between a user and a room.
func (c *conn) failJoin(err error) {
	e := talk.Error{Code: talk.CodeUnavailable, Message: "the history is away, try again in a moment", Retry: true, RetryMS: retryBusyMS}
	if err == errBusy || err == sched.ErrTooLate {
		e.Code, e.Message = talk.CodeBusy, "the gateway is too busy, try again in a moment"
	} else {
		c.srv.log.Warn("a user could not be let in", "err", err)
	}
	c.refuse(e)
}

// submit runs f on a worker of a class, in the turn of the client's network. If it cannot, late is called instead, soon
// enough for the client to hear of it; a panic ends the connection. false: too much
// waits already, and nothing will happen.
func (c *conn) submit(p *sched.Pool, run func(context.Context), late func()) bool {
	return p.SubmitFor(c.network, run, func(why error) {
		if why == sched.ErrPanicked {
			c.sock.Close(nil)
			return
		}
		late()
	})
}

// refuseBusy tells a client to come back in a moment. It takes no lock of the user.
func (c *conn) refuseBusy(form talk.Form) {
	e := talk.Error{Code: talk.CodeBusy, Message: "the gateway is too busy, try again in a moment"}
	if form.IsExtended() {
		e.Retry, e.RetryMS = true, retryBusyMS
	}
	c.srv.metrics.refused(e.Code)
	c.answerIn(form, e)
	c.closeFor(reasonUnable)
}

// beginAsync begins an asynchronous step, which finishAsync ends; what comes meanwhile
// waits. Its queues, the room and the store together have RequestWait for it: then
// the client is told to come back. What is on its way to the store goes on. Call
// with mu held.
func (c *conn) beginAsync(e asyncEvent) (by int64) {
	c.user.async.on(e)
	by = c.srv.clock.Coarse() + int64(c.srv.opts.RequestWait)
	c.asyncBy.Store(by)
	return by
}

// lookAtAsync ends a connection whose asynchronous step takes too long.
func (c *conn) lookAtAsync(now int64) {
	if by := c.asyncBy.Load(); by != 0 && now > by && c.asyncBy.CompareAndSwap(by, 0) {
		c.refuseBusy(c.form())
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
	asked := asyncJoin
	if u.room != nil && u.room.id != m.RoomID {
		asked = asyncSwitch
	}
	j := &join{conn: c, m: m, name: name, by: c.beginAsync(asked)}
	busy := func() { j.fail(errBusy) }
	if !c.submit(c.srv.work.enter, j.findRoom, busy) {
		c.srv.timers.After(0, busy) // without mu
	}
	return talk.Error{}
}

// join is one JoinRoom on its way, from the message to the membership. Each of its steps
// runs on a worker and waits for the store or the bus only; between them it waits
// for others without a worker, no longer than by.
type join struct {
	conn *conn
	m    talk.JoinRoom
	name string
	by   int64 // coarse time
	room *room // open
	log  logMatch

	resets int // of the room when the logs were compared
	// what the room's log called the user when the store was asked to let him in
	known string

	satAt int64 // the user's namedAt when it got its membership provisionally; guarded by conn.mu
}

// findRoom goes on with the room if it is open. Else it comes back when who opens or
// closes it is done; a room that is not there it has opened.
func (j *join) findRoom(ctx context.Context) {
	s := j.conn.srv
	for {
		r := s.rooms.take(j.m.RoomID, s)
		open, gone := r.awaitOpen(j)
		switch {
		case open:
			j.compareLog(ctx, r)
			return
		case !gone:
			s.scheduleOpen(r, j.conn.network, j.m.AfterSeq)
			return
		}
	}
}

// onRoomOpen hears what became of the room that it waits for.
func (j *join) onRoomOpen(err error) {
	if err != nil && err != errRoomClosed {
		j.fail(err)
		return
	}
	late := func() { j.fail(errBusy) }
	if !j.conn.submit(j.conn.srv.work.enter, j.findRoom, late) {
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
	c.failJoin(err)
	if !stays {
		c.closeFor(reasonUnable)
	}
	j.finish(func(*user) {})
}

// finish ends the join, well or badly.
func (j *join) finish(f func(u *user)) {
	c := j.conn
	c.finishAsync(func(u *user) {
		c.wantsRoom(false)
		f(u)
	})
}

// wantsRoom tells the budgets whether the client has asked for a room and was not
// answered. Call with mu held.
func (c *conn) wantsRoom(wants bool) { c.srv.limits.Enter(&c.account, wants) }

// compareLog finds out what the client has of the room's log, and asks the store to
// let it in.
func (j *join) compareLog(ctx context.Context, r *room) {
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
	case s.commit.Crowded(r.id):
		j.fail(errBusy)
	default:
		id := enterID(time.Now())
		s.registerSession(registration{key: key, name: j.name, id: id, keep: j.conn.form().IsExtended()}, func(a history.Moved) { j.onEntered(key, id, a) })
		if s.commit.HasSpool() {
			s.timers.After(s.provisionalAfter(), func() { guard(j.conn, j.enterProvisionally) })
		}
	}
}

// register makes the user the one that joins; false: it has gone.
func (j *join) register() (key sessionKey, ok bool) {
	c, r := j.conn, j.room
	c.locked(func(u *user) {
		if u.room == r { // the same room again
			c.srv.removeMember(r, c)
			u.room = nil
			u.place.on(placeLeft)
		}
		if u.session.IsZero() {
			u.session = newUUID()
		}
		if ok = u.async != asyncClosed; ok {
			u.joining = j
			key = c.sessionKey(r)
			j.known, _ = r.nameOf(u.uuid)
		}
	})
	return key, ok
}

// joinTimeout is how long the store has to let a user in.
const joinTimeout = 600 * time.Millisecond

// provisionalAfter is when a user gets a membership although the store has not let him
// in: at once if it is known to be away, and what is said is spooled.
func (s *Server) provisionalAfter() time.Duration {
	if !s.health.storeUp() {
		return 0
	}
	return joinTimeout
}

// enterProvisionally gives a user a membership whom the store has not let in yet.
func (j *join) enterProvisionally() {
	c, r := j.conn, j.room
	var form talk.Form
	sits := false
	c.locked(func(u *user) {
		if sits = u.async != asyncClosed && u.joining == j && u.room != r; sits {
			c.leaveRoom()
			u.room, u.epoch, u.name, u.namedAt = r, 0, j.name, j.shownUpTo()
			u.place.on(placeSeated)
			if known, seq := r.nameOf(u.uuid); known != "" && j.m.Resume && u.form.IsExtended() {
				u.takeName(known, seq) // where it is newer than what he says: an Enter keeps it
			}
			u.renaming, u.asking, j.satAt = nil, nil, u.namedAt
			form = u.form
		}
	})
	if !sits {
		return
	}
	c.srv.metrics.provisional.Inc()
	j.finishJoin(form, history.Moved{})
}

// registration is what is asked of the store for a session that comes to a room.
type registration struct {
	key   sessionKey
	name  string
	id    talk.UUID // see enterID
	epoch int64     // of a session that is registered again, else 0
	keep  bool      // who is in the room already, keeps the name by which it knows him
}

// registerSession asks the store to let a session into its room, here.
func (s *Server) registerSession(e registration, done func(history.Moved)) {
	s.commit.Move(commit.Move{
		Move: history.Move{
			Action: history.Enter, Key: e.key, Gateway: s.opts.ID, Name: e.name, KeepName: e.keep,
			Epoch: e.epoch, EntryID: e.id, Quiet: talk.MaxListed,
		},
		Done: done,
	})
}

// onEntered is called on the lane's goroutine when the store has answered.
func (j *join) onEntered(key sessionKey, id talk.UUID, a history.Moved) {
	c, r := j.conn, j.room
	if a.Applied {
		c.srv.publishMoved(r, a)
	}
	var form talk.Form
	gone, current, sits := false, false, false
	c.locked(func(u *user) {
		gone, current = u.async == asyncClosed, u.joining == j
		sits = u.place == placeProvisional && u.room == r
		if gone || !current || !a.Applied {
			return
		}
		shown := j.shownUpTo()
		if !sits {
			c.leaveRoom()
			u.room, u.namedAt, u.renaming, u.asking = r, shown, nil, nil
		}
		if a.Entry != nil && a.Entry.Seq <= shown {
			u.forgetNamedAt() // what is written now is newer than all that he was shown: that log is gone
		}
		if u.renaming == nil && !(sits && a.Entry == nil && u.namedAt > j.satAt) {
			u.takeName(a.Name, entrySeq(a.Entry)) // unless the log has given a newer one since he sits
		}
		u.joining, u.epoch, u.entered = nil, a.Epoch, id
		u.place.on(placeEntered)
		form = u.form
	})
	switch {
	case gone && a.Applied:
		c.srv.breakSession(key, a.Epoch)
	case !current && a.Applied: // it has left since, or has entered anew, by which this epoch is old
		c.srv.leaveSession(r, key, a.Epoch)
	case gone || !current:
	case !a.Applied:
		j.onRefused(sits)
	default:
		if !a.First {
			c.srv.publishEntered(key, a.Epoch)
		}
		c.indexSession(key)
		c.srv.arrivals.add(c)
		if sits {
			r.locked(func() { // nothing comes that says it again: another window of his is there, or it was shown
				if m := &c.membership; c.memberOf.Load() == r && entrySeq(a.Entry) <= m.cursor {
					m.told = false
				}
			})
			c.resumeBacklog()
			return
		}
		j.finishJoin(form, a)
	}
}

// onRefused is called when what the store has of this session is not what was asked
// for; a new connection asks anew.
func (j *join) onRefused(sits bool) {
	c := j.conn
	stays := false
	c.locked(func(u *user) { stays = u.room != nil && !sits })
	c.refuse(talk.Error{Code: talk.CodeRefused, Message: "this room cannot be joined"})
	if !stays {
		c.closeFor(reasonUnable)
		return
	}
	j.finish(func(u *user) { u.joining = nil })
}

// indexSession makes this the connection of its session.
func (c *conn) indexSession(key sessionKey) {
	if old := c.srv.windows.put(sessionIDOf(key), c); old != nil {
		old.closeFor(reasonSuperseded)
	}
	c.locked(func(u *user) {
		if u.async == asyncClosed {
			c.srv.windows.remove(sessionIDOf(key), c) // cleanup came before put
		}
	})
}

// finishJoin tells the client where it is, starts its live view, and ends the join.
func (j *join) finishJoin(form talk.Form, a history.Moved) {
	c, r := j.conn, j.room
	open, behind, reset := false, false, false
	r.locked(func() {
		reset = r.resets != j.resets
		if open = r.state.isOpen(); open {
			behind = j.addMember(form, a)
		}
	})
	switch {
	case !open: // it was closed in a minute without anybody; try again
		c.closeFor(reasonUnable)
	case behind:
		c.srv.catchUp(c)
	}
	j.finish(func(u *user) {
		if u.async == asyncClosed {
			c.srv.removeMember(r, c) // it went before it sat
		}
		if reset && u.namedAt > entrySeq(a.Entry) {
			u.forgetNamedAt() // resetRoom did it for those who sat
		}
		j.takeNewerName(u)
	})
}

// shownUpTo is up to where the client has been shown the room's log when it says its name:
// what the log says of names up to there is older. 0: nobody knows.
func (j *join) shownUpTo() int64 {
	reset := false
	j.room.locked(func() { reset = j.room.resets != j.resets })
	if j.m.Resume && j.log != logDiffers && !reset {
		return j.m.AfterSeq
	}
	return 0
}

// takeNewerName gives the user the name that the room's log has given since the store was
// asked: who enters as a member is called as he was when the store did it, and what was
// placed before he sat renamed nobody here. Call with mu held.
func (j *join) takeNewerName(u *user) {
	known, seq := j.room.nameOf(u.uuid)
	if known != "" && known != j.known && u.room == j.room && u.renaming == nil && u.form.IsExtended() {
		u.takeName(known, seq)
	}
}

// addMember does it. Call with the room's mu held; the caller starts the catch-up of a
// member that is behind.
func (j *join) addMember(form talk.Form, a history.Moved) (behind bool) {
	c, r, m, log := j.conn, j.room, &j.m, j.log
	if r.resets != j.resets {
		log = logDiffers // the store has gone back since: it matched what the room has dropped
	}
	resume := log != logDiffers
	cursor := r.head
	if a.Entry != nil {
		cursor = min(cursor, a.Entry.Seq-1) // not behind what the members told are as of
	}
	var gap talk.Gap
	switch {
	case resume && r.state.isUnverified():
		cursor = m.AfterSeq // the head is what somebody said: see verifyRoom
	case resume:
		cursor, gap = r.resumeBehind(m.AfterSeq)
	}
	switch {
	case form.IsExtended():
		c.answerIn(form, r.joinedMessage(cursor, m.Resume && !resume))
		if gap.To > 0 {
			c.answerIn(form, gap)
		}
	case a.Entry == nil || a.Entry.Kind != talk.KindJoined:
		c.answerIn(form, talk.Entry{Kind: talk.KindJoined, RoomID: r.id, Author: m.UUID, Name: j.name, UnixTime: c.srv.unixNow()})
	}
	if resume {
		c.srv.metrics.resumed(r.source(cursor))
	}
	r.addMember(c, m.UUID, form, cursor)
	c.membership.told = !form.IsExtended() && !a.Applied
	claim := lastOf(m)
	if log == logMatches && cursor > 0 && cursor == claim.Seq {
		c.membership.last = claim
	}
	switch {
	case r.state == roomHeadless && cursor == 0:
		c.membership.state = memberHeadless
	case form.IsExtended() && (log == logDoubtful || r.state.isUnverified()):
		c.membership.state, r.hasUnverified = memberUnverified, true
		if log == logDoubtful {
			c.membership.claim = &claim
		}
	}
	if form.IsExtended() {
		for i := range r.pending {
			c.pushIfRoom(r.pending[i].packet(form))
		}
	}
	return c.membership.state == memberBehind
}

// joinedMessage describes the room to a joiner. Call with mu held.
func (r *room) joinedMessage(cursor int64, reset bool) talk.Joined {
	newest, _ := r.recent.entryAt(r.head)
	head := max(r.head, cursor)
	if r.state == roomHeadless && cursor == 0 {
		head = -1 // nobody knows
	}
	return talk.Joined{
		RoomID: r.id, HeadSeq: head, HeadID: newest.ID, HeadTime: newest.UnixTime, AfterSeq: cursor, Reset: reset,
		Members: r.memberList.members, MemberCount: r.memberList.count, MembersUnknown: r.state.isUnverified() || cursor > r.head,
	}
}

// breakSession notes that a session's connection is gone.
func (s *Server) breakSession(key sessionKey, epoch int64) {
	s.commit.Move(commit.Move{
		Move: history.Move{Action: history.Break, Key: key, Epoch: epoch},
		Done: func(history.Moved) {},
	})
}

// publishMoved shows the entry that a change of presence wrote, here and elsewhere.
func (s *Server) publishMoved(r *room, a history.Moved) {
	if a.Entry != nil {
		entries := []talk.Entry{*a.Entry}
		r.placeEntries(entries)
		s.publish(r.id, entries)
		return
	}
	if a.Applied && a.Members > talk.MaxListed {
		r.locked(func() {
			r.memberList.count = a.Members
			r.countChanged = true
		})
	}
}
