package recorder

import (
	"tuitalk/bench/checker"
	"tuitalk/client"
	"tuitalk/talk"
)

// did notes what the user did.
func (w *note) did(ev client.Event) {
	switch ev := ev.(type) {
	case client.Post:
		w.posted()
	case client.Join:
		if room := w.c.session.Room(); room != w.c.room {
			w.leave()
			w.enter(room)
		}
	case client.Quit:
		w.leave()
	case client.Retry:
		w.about(checker.Retried, ev.ID)
	case client.Discard:
		w.about(checker.Discarded, ev.ID)
	}
}

// about notes what the user did with an own message.
func (w *note) about(v checker.Verb, id talk.UUID) {
	f, ok := w.c.own[id]
	if !ok {
		return
	}
	w.event(checker.Event{Verb: v, Room: f.room, ID: id})
	w.c.settle(id)
	if v == checker.Retried {
		w.c.own[id] = fate{room: f.room}
	}
}

// posted notes a message that the session has taken: the last of its outbox,
// unless it was refused.
func (w *note) posted() {
	list := w.c.session.Outbox()
	if len(list) == 0 {
		return
	}
	last := list[len(list)-1]
	if _, known := w.c.own[last.ID]; !known {
		w.sent(last.RoomID, last.ID, last.Text, false)
	}
}

func (w *note) sent(room int32, id talk.UUID, text string, found bool) {
	w.c.settle(id)
	w.c.own[id] = fate{room: room}
	w.event(checker.Event{Verb: checker.Sent, Room: room, ID: id, Hash: checker.Hash(text), Flag: found})
}

// told notes what a server says of the user's own messages.
func (w *note) told(frame talk.Message) {
	c := w.c
	switch m := frame.(type) {
	case talk.Accepted:
		w.event(checker.Event{Verb: checker.Accepted, Room: m.RoomID, ID: m.ID})
	case talk.Stored:
		w.event(checker.Event{Verb: checker.Stored, Room: m.RoomID, ID: m.ID, Seq: max(0, m.Seq)})
		c.settle(m.ID)
	case talk.Withdrawn:
		if m.UUID == c.uuid {
			w.event(checker.Event{Verb: checker.Withdrawn, Room: m.RoomID, ID: m.ID})
		}
	case talk.Error:
		w.refused(m)
	case talk.Entry:
		if m.Author == c.uuid && m.Seq > 0 && !m.Pending {
			c.settle(m.ID) // also when it is not shown here
		}
	}
}

func (w *note) refused(m talk.Error) {
	f, ok := w.c.own[m.ID]
	if !ok {
		return
	}
	w.event(checker.Event{Verb: checker.Refused, Room: f.room, ID: m.ID, Flag: forGood(m)})
	if forGood(m) && !f.failed {
		w.c.own[m.ID] = fate{f.room, true}
		w.c.failed++
	}
}

// settle forgets an own message.
func (c *Client) settle(id talk.UUID) {
	if c.own[id].failed {
		c.failed--
	}
	delete(c.own, id)
}

// forGood tells whether a session takes a refusal for the last word.
func forGood(m talk.Error) bool {
	switch m.Code {
	case talk.CodeOutOfTurn, talk.CodeNotJoined, talk.CodeBadRoom:
		return false
	}
	return !m.Retry
}
