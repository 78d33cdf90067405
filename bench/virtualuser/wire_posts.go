package virtualuser

import (
	"time"

	"tuitalk/talk"
)

// wirePost is something that was said and is not known to be stored.
type wirePost struct {
	id       talk.UUID
	text     string
	sent     bool // over the present connection, in round
	answered bool // with Accepted
}

func (w *wire) post(id talk.UUID, text string) bool {
	if len(w.unsent) >= wireUnsent {
		return false
	}
	w.unsent = append(w.unsent, wirePost{id: id, text: text})
	w.pump()
	w.p.loop.flush()
	return true
}

// pump sends what is to be sent, in order, as far as the window goes.
func (w *wire) pump() {
	if !w.joined || !w.holdAt.IsZero() {
		return
	}
	flying := 0
	for i := range w.unsent {
		u := &w.unsent[i]
		if flying >= wireInFlight {
			return
		}
		if !u.sent {
			u.sent, u.answered = true, false
			w.p.loop.send(w.line, talk.Entry{
				Kind: talk.KindPosted, RoomID: w.p.room, Author: w.me, Name: w.p.name(), Text: u.text, ID: u.id, Round: w.round,
			})
		}
		if !u.answered {
			flying++
		}
	}
}

func (w *wire) find(id talk.UUID) int {
	for i := range w.unsent {
		if w.unsent[i].id == id {
			return i
		}
	}
	return -1
}

// settled forgets a post that is stored, or will never be.
func (w *wire) settled(id talk.UUID) {
	i := w.find(id)
	if i < 0 {
		return
	}
	w.unsent = append(w.unsent[:i], w.unsent[i+1:]...)
	w.moveOn()
	w.pump()
}

func (w *wire) accepted(id talk.UUID) {
	if i := w.find(id); i >= 0 {
		w.unsent[i].answered = true
		w.pump()
	}
}

// refused does what a session does: what is refused for good is forgotten; else
// all is sent again, in order, in a new round.
func (w *wire) refused(m talk.Error) {
	i := w.find(m.ID)
	wait := max(time.Duration(m.RetryMS)*time.Millisecond, wireBackoff)
	switch {
	case i < 0 && m.Retry && !w.joined:
		w.p.loop.fault("the server does not let a client in for now")
		w.hangup()
	case i < 0:
	case !m.Retry && m.Code != talk.CodeOutOfTurn:
		w.p.refused(m.ID)
		w.settled(m.ID)
	case w.unsent[i].sent:
		w.round++
		for j := range w.unsent {
			w.unsent[j].sent = false
		}
		w.holdAt = w.p.loop.now.Add(wait)
		w.plan()
	}
}
