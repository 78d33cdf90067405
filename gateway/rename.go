package gateway

import (
	"tuitalk/gateway/commit"
	"tuitalk/history"
	"tuitalk/talk"
)

// rename is one ChangeName on its way to the store. While the store is away, the
// name holds for what its author says here, and the store is asked until it answers.
type rename struct {
	// immutable
	conn *conn
	m    talk.ChangeName
	room *room
	name string
	id   talk.UUID
	// what the room had placed, or the user been shown of it, when this was asked for, and how
	// it called the user
	asOf  int64
	known string

	// guarded by conn.mu
	was     string // before, or what the log says while the name holds here without it
	applied bool   // here, already
	written bool   // in the room's log, as far as it was placed
	ended   bool
}

// rename asks the store for another name. Call with mu held.
func (c *conn) rename(m talk.ChangeName) talk.Error {
	u := &c.user
	name, err := c.srv.names.Check(m.Username)
	switch {
	case err != nil:
		return c.refusal(m, codeOf(err, talk.CodeBadName), err.Error())
	case u.room == nil:
		return c.refusal(m, talk.CodeNotJoined, "join a room before you change your name")
	case m.UUID != u.uuid:
		return c.refusal(m, talk.CodeNotYou, "this uuid is not yours")
	}
	c.beginAsync(asyncRename)
	rn := &rename{conn: c, m: m, room: u.room, name: name, was: u.name, id: m.ID, asOf: max(u.room.placed(), u.namedAt)}
	rn.known, _ = u.room.nameOf(u.uuid)
	if rn.id.IsZero() {
		rn.id = newUUID()
	}
	u.renaming, u.wishedName = rn, rn
	if u.asking == nil {
		rn.ask()
	}
	if c.srv.commit.HasSpool() {
		c.srv.timers.After(c.srv.provisionalAfter(), func() { guard(c, rn.applyHere) })
	}
	return talk.Error{}
}

// ask sends it to the store, by the session's present epoch. What is asked for
// behind an Enter of the session that has not been answered is asked for again, by
// the epoch that comes of it. Call with conn.mu held.
func (rn *rename) ask() {
	c, r := rn.conn, rn.room
	epoch := c.user.epoch
	c.user.asking = rn
	c.srv.commit.Move(commit.Move{
		Move: history.Move{
			Action: history.Rename, Key: c.sessionKey(r), Name: rn.name,
			Epoch: epoch, EntryID: rn.id, Quiet: talk.MaxListed,
		},
		Done: func(a history.Moved) { rn.onAnswer(epoch, a) },
	})
}

// applyHere lets the name hold on this node although the store has not answered, so
// that its author is not mute, and tells him.
func (rn *rename) applyHere() {
	c := rn.conn
	holds := false
	c.locked(func(u *user) {
		if holds = u.async != asyncClosed && !rn.ended && u.renaming == rn; holds {
			if rn.applied = true; !rn.written {
				rn.was, u.name = u.name, rn.name
			}
		}
	})
	if !holds {
		return
	}
	c.answer(talk.Error{
		Code:    talk.CodeNotStored,
		Message: "the history is away: what you say has your new name, and the others are told of it when the history is back",
	})
	c.finishAsync(func(*user) {})
}

// onAnswer is called on the lane's goroutine when the store has answered.
func (rn *rename) onAnswer(epoch int64, a history.Moved) {
	c := rn.conn
	c.srv.publishMoved(rn.room, a)
	spent := a.Entry != nil && a.Entry.Name != rn.name // the id of an earlier change
	done := a.Err == nil && a.Applied && !spent
	again, held, current := false, false, false
	var name, called string
	var there *room
	c.locked(func(u *user) {
		current = u.renaming == rn && u.async != asyncClosed
		if again = current && !a.Applied && a.Err == nil && u.epoch != epoch; again {
			rn.ask()
			return
		}
		rn.ended, held = true, rn.applied
		if u.asking == rn {
			u.asking = nil
		}
		switch {
		case !current && u.asking == nil && u.renaming != nil && u.async != asyncClosed:
			u.renaming.ask() // one at a time, and in an outage only the last
		case !current:
		case done:
			u.renaming = nil
			u.takeName(rn.knownAs(a.Entry))
			called = u.name
		default:
			if u.renaming = nil; rn.applied && !rn.written {
				u.name = rn.was
			}
			if known, seq := rn.room.nameOf(u.uuid); known != "" {
				u.takeName(known, seq) // others of his windows may have spoken meanwhile
			}
		}
		name, there = rn.appliedElsewhere()
	})
	if again {
		return
	}
	switch {
	case current && !done:
		c.refuse(c.refusal(rn.m, talk.CodeRefused, "the name was not changed"))
	case current && entrySeq(a.Entry) <= rn.asOf:
		rn.announce(called)
	}
	if !held {
		c.finishAsync(func(*user) {})
	}
	if done && name != "" {
		at := c.srv.unixNow()
		if a.Entry != nil && name == rn.name {
			at = a.Entry.UnixTime
		}
		c.srv.renameElsewhere(rn.m.UUID, name, there, at)
	}
}

// knownAs is what the user is called now that the change is granted, and as of which
// seq. One that needed no entry, or wrote it long ago, is not the newest word if others
// of his windows have spoken since: the room's log is, unless it has not moved, or does
// not have the entry yet. Call with conn.mu held.
func (rn *rename) knownAs(e *talk.Entry) (name string, seq int64) {
	known, asOf := rn.room.nameOf(rn.conn.user.uuid)
	switch {
	case e == nil && known != "" && known != rn.known:
		return known, asOf
	case e == nil:
		return rn.name, rn.asOf
	case known != "" && asOf >= e.Seq:
		return known, asOf
	}
	return rn.name, e.Seq
}

// announce answers a change for which no entry comes. Clients of the original's
// forms have no id to know it by, and wait for nothing.
func (rn *rename) announce(called string) {
	c := rn.conn
	form := c.form()
	if !form.IsExtended() || rn.m.ID.IsZero() {
		return
	}
	c.answerIn(form, talk.Entry{
		Kind: talk.KindRenamed, RoomID: rn.room.id, Author: rn.m.UUID, ID: rn.m.ID, Name: called, Text: rn.was, UnixTime: c.srv.unixNow(),
	})
}

// appliedElsewhere is what the user is to be called in all rooms now that this change is
// stored, and the room that knows it; no name if a newer change will tell. One that
// waited for the store may be stored when he has gone to another room and has a newer
// name there: that one holds then, also where the older one has just been written. Call
// with conn.mu held.
func (rn *rename) appliedElsewhere() (name string, known *room) {
	u := &rn.conn.user
	switch {
	case u.wishedName == rn && u.room == rn.room:
		return u.name, rn.room
	case u.wishedName == rn:
		return rn.name, rn.room
	case u.async == asyncClosed || u.renaming != nil || u.room == nil:
		return "", nil
	}
	return u.name, u.room
}
