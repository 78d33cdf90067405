package gateway

import (
	"slices"

	"tuitalk/gateway/commit"
	"tuitalk/history"
	"tuitalk/talk"
)

// This file is a connection as package commit sees it: who posts, and hears what has become
// of that.

var _ commit.Poster = (*conn)(nil)

// maxUnstored bounds the posts of one connection of the original's forms that are on their
// way, and so what is kept for it; Options.QueueBytes bounds those of all together.
const maxUnstored = 100

// retryBusyMS is when a client may send again what was refused for now.
const retryBusyMS = 500

// pendingAck notes that a post is no longer on its way. waiting: others wait for it.
func (c *conn) pendingAck() (form talk.Form, waiting bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user.unstored--
	return c.user.form, len(c.user.backlog) > 0
}

// MustFollow tells whether an earlier post of this connection comes first: one that
// was refused, and the client sends both again; or one that is kept here. name is
// what its author is called by now.
func (c *conn) MustFollow(p *commit.Post) (superseded, behind bool, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := &c.user
	if at, was := slices.BinarySearch(u.retained, p.Number); was {
		u.retained = slices.Delete(u.retained, at, at+1) // its turn has come
	}
	return u.order.superseded(p.Entry.Round, p.Number), len(u.retained) > 0 && u.retained[0] < p.Number, u.name
}

// Repeats tells whether the client has ids, and so says again what was refused for now.
func (c *conn) Repeats() bool { return c.form().IsExtended() }

// Retained notes that a lane keeps a post.
func (c *conn) Retained(number uint64) {
	c.locked(func(u *user) {
		at, _ := slices.BinarySearch(u.retained, number)
		u.retained = slices.Insert(u.retained, at, number)
	})
}

// RefuseBehindRetained refuses what has waited for too long behind posts that are kept.
func (c *conn) RefuseBehindRetained() { guard(c, c.refuseBehindRetained) }

func (c *conn) refuseBehindRetained() {
	var late []arrival
	before := c.srv.clock.Coarse() - int64(c.srv.opts.RequestWait)
	c.locked(func(u *user) {
		for len(u.retained) > 0 && len(u.backlog) > 0 && u.backlog[0].at < before {
			late = append(late, u.backlog[0])
			c.dequeue()
		}
	})
	for _, a := range late {
		e := c.refusal(a.Message, talk.CodeUnavailable, "the history is away: what you said before is still on its way to it, and this was not taken; try again in a moment")
		e.Retry = true // it is not the client's fault
		c.refuse(e)
	}
	if len(late) > 0 {
		c.resumeBacklog() // what was behind them need not wait any more
	}
}

// Stored tells the author of a post that the store has it, or refuses it for good.
func (c *conn) Stored(p *commit.Post, r history.Result) {
	form, waiting := c.pendingAck()
	kind := ackStored
	if r.Err != nil {
		kind = ackRefused
	}
	c.srv.metrics.acked(kind)
	switch {
	case r.Err != nil:
		c.refuse(talk.Error{Code: talk.CodeRefused, Message: "this message cannot be stored", ID: p.Entry.ID})
	case form.IsExtended():
		c.answerIn(form, talk.Stored{RoomID: p.Entry.RoomID, ID: p.Entry.ID, Seq: r.Seq})
	}
	if r.Repeat {
		c.srv.metrics.repeats.Inc()
		if room := c.srv.rooms.get(p.Entry.RoomID); room != nil {
			room.observeHead(r.Seq)
		}
	}
	if waiting {
		c.resumeBacklog()
	}
}

// Accepted tells the author that a post is in the spool, but not stored.
func (c *conn) Accepted(p *commit.Post) {
	form, waiting := c.pendingAck()
	c.srv.metrics.acked(ackAccepted)
	if form.IsExtended() {
		c.answerIn(form, talk.Accepted{RoomID: p.Entry.RoomID, ID: p.Entry.ID})
	}
	if waiting {
		c.resumeBacklog()
	}
}

// SendAgain refuses a post for now, and with it the later ones of its connection.
func (c *conn) SendAgain(p *commit.Post, code talk.Code, sentence string) {
	waiting := false
	c.locked(func(u *user) {
		u.unstored--
		c.blockLater(arrival{Message: p.Entry, number: p.Number})
		waiting = len(u.backlog) > 0
	})
	e := talk.Error{Code: code, Message: sentence, ID: p.Entry.ID, Retry: true, RetryMS: retryBusyMS}
	c.srv.metrics.refused(code)
	c.srv.metrics.acked(ackRetry)
	c.answer(e)
	if waiting {
		c.resumeBacklog()
	}
}

// Unclear notes that nobody will tell what became of a post.
func (c *conn) Unclear() { c.pendingAck() }
