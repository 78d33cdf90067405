package gateway

import (
	"crypto/rand"

	"tuitalk/gateway/commit"
	"tuitalk/history"
	"tuitalk/talk"
)

// handle does what a message asks for, once it is paid for. wait: not now; it stays
// first in line and advance is called again when something has changed. Call with
// mu held.
func (c *conn) handle(a arrival) (refusal talk.Error, wait bool) {
	if c.mustWait(a.Message) {
		return talk.Error{}, true
	}
	if refusal, wait = c.pay(a); wait || refusal.Code != "" {
		return refusal, wait
	}
	c.srv.opts.Failpoint("handle")
	switch m := a.Message.(type) {
	case talk.Hello:
		return c.hello(m), false
	case talk.JoinRoom:
		refusal = c.join(m)
		c.wantsRoom(refusal.Code == "")
		return refusal, false
	case talk.LeaveRoom:
		return c.leave(m), false
	case talk.ChangeName:
		return c.rename(m), false
	case talk.Fetch:
		return c.fetch(m), false
	case talk.Entry:
		if m.Kind == talk.KindPosted {
			return c.post(m, a.number), false
		}
	case talk.Ping:
		return c.refusal(m, talk.CodeNotForYou, "Ping belongs to the extended form: say Hello first"), false
	case talk.LocalError, talk.Pong:
		return talk.Error{}, false // the original's client sends its LocalErrors
	}
	return c.refusal(a.Message, talk.CodeNotForYou, sentenceNotForYou), false
}

const sentenceNotForYou = "only servers send this message"

// mustWait tells whether what was asked for before comes first.
func (c *conn) mustWait(m talk.Message) bool {
	switch m.(type) {
	case talk.JoinRoom, talk.LeaveRoom:
		return c.unstoredFirst()
	case talk.ChangeName:
		return c.user.unstored > 0
	case talk.Fetch:
		return c.fetchedFirst()
	case talk.Entry:
		// what is kept comes first, and there is a bound to what can be
		return !c.user.form.IsExtended() && (len(c.user.retained) > 0 || c.user.unstored >= maxUnstored)
	}
	return false
}

// unstoredFirst: what changes a session waits for what it has said before, and
// for its present epoch.
func (c *conn) unstoredFirst() bool {
	return c.user.unstored > 0 || c.user.place.isReregistering()
}

// fetchedFirst: one answer at a time, and none while the one before waits for
// the client to read.
func (c *conn) fetchedFirst() bool {
	return c.user.fetch != nil || !c.hasTaken(c.srv.opts.RingBytes)
}

// hello begins the extended form.
func (c *conn) hello(m talk.Hello) talk.Error {
	u := &c.user
	if u.form == talk.Bincode || !u.uuid.IsZero() {
		return talk.Error{Code: talk.CodeHelloNotHere, Message: "Hello must be the first message"}
	}
	if u.form == talk.JSON {
		u.form = talk.Extended
	}
	u.session = m.Session
	if u.session.IsZero() {
		u.session = newUUID()
	}
	if m.Secret.IsZero() {
		return talk.Error{Code: talk.CodeNotYou, Message: "this Hello shows no secret: the client is too old for this server"}
	}
	u.uuid = m.Secret.UUID()
	c.answerIn(u.form, talk.Welcome{UUID: u.uuid, Server: c.srv.opts.Node, Limits: c.srv.talkLimits()})
	return talk.Error{}
}

// post sends an entry to the store.
func (c *conn) post(m talk.Entry, number uint64) talk.Error {
	u := &c.user
	if u.order.superseded(m.Round, number) {
		e := c.refusal(m, talk.CodeOutOfTurn, "an earlier message was refused and comes first")
		e.Retry = true
		return e
	}
	switch {
	case u.room == nil:
		return c.refusal(m, talk.CodeNotJoined, "join a room before you speak")
	case m.RoomID != u.room.id:
		return c.refusal(m, talk.CodeBadRoom, "you are in another room")
	case m.Author != u.uuid:
		return c.refusal(m, talk.CodeNotYou, "this uuid is not yours")
	case m.ID.IsZero() && u.form.IsExtended():
		return c.refusal(m, talk.CodeBadFrame, "a message of the extended form needs an id")
	}
	text, err := talk.CheckText(m.Text)
	if err != nil {
		return c.refusal(m, codeOf(err, talk.CodeBadText), err.Error())
	}
	e := talk.Entry{
		Kind: talk.KindPosted, RoomID: m.RoomID, Author: u.uuid, Name: u.name,
		Text: text, ID: m.ID, Round: m.Round,
	}
	if e.ID.IsZero() {
		e.ID = newUUID()
	}
	if !c.srv.commit.Post(commit.Post{Entry: e, From: c, Network: c.network, Number: number}) {
		r := c.refusal(m, talk.CodeBusy, "the gateway is too busy, try again in a moment")
		r.Retry, r.RetryMS = true, retryBusyMS
		c.blockLater(arrival{Message: m, number: number})
		return r
	}
	u.unstored++
	return talk.Error{}
}

// leave takes the user out of the room for good.
func (c *conn) leave(m talk.LeaveRoom) talk.Error {
	u := &c.user
	if u.room == nil || u.room.id != m.RoomID || m.UUID != u.uuid {
		return talk.Error{} // the original's client leaves after it has joined the next room
	}
	c.leaveRoom()
	return talk.Error{}
}

// leaveRoom unseats the user and tells the store. Call with mu held.
func (c *conn) leaveRoom() {
	u := &c.user
	r := u.room
	if r == nil {
		return
	}
	provisional := u.place == placeProvisional
	u.room, u.renaming, u.asking = nil, nil, nil
	u.place.on(placeLeft)
	c.srv.removeMember(r, c)
	if provisional { // it leaves when the store has let it in: see join.onEntered
		if u.joining != nil && u.joining.room == r {
			u.joining = nil
		}
		return
	}
	c.srv.leaveSession(r, c.sessionKey(r), u.epoch)
}

// leaveSession takes a session out of its room in the store.
func (s *Server) leaveSession(r *room, key sessionKey, epoch int64) {
	s.commit.Move(commit.Move{
		Move: history.Move{
			Action: history.Leave, Key: key, Epoch: epoch, EntryID: newUUID(), Quiet: talk.MaxListed,
		},
		Done: func(a history.Moved) { s.publishMoved(r, a) },
	})
}

// sessionKey names this connection's session in a room; r may be nil. Call with
// mu held.
func (c *conn) sessionKey(r *room) sessionKey {
	k := sessionKey{UUID: c.user.uuid, Session: c.user.session}
	if r != nil {
		k.RoomID = r.id
	}
	return k
}

// sessionKey names a window of a user in a room.
type sessionKey = history.SessionKey

// newUUID makes a random UUID, which nobody can guess: for the ids of what the
// gateway itself writes.
func newUUID() talk.UUID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, by its documentation
	return talk.MakeUUID(4, b)
}
