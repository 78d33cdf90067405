package gateway

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"tuitalk/gateway/limits"
	"tuitalk/gateway/transport"
	"tuitalk/talk"
)

// This file is what a connection pays, and what becomes of it when it cannot.

// evict closes a connection that gave way to another one.
func (s *Server) evict(a limits.Admission) {
	if a.Evicted != nil {
		s.metrics.refusedConn(limits.RefusedCrowd)
		a.Evicted.Holder.Evict()
	}
}

var _ limits.Holder = (*conn)(nil)

// Evict closes the connection at once. It may be called before a poller has it;
// who gives it to one looks at closeBy then, and so does the sweep.
func (c *conn) Evict() {
	c.reason.CompareAndSwap(0, uint32(reasonCrowd))
	c.closeBy.Store(max(1, c.srv.clock.Coarse()))
	if c.adopted.Load() {
		c.sock.Close(nil)
	}
}

// acquireBudgets counts the connection for who speaks, once its request tells. false: that
// is refused, and answered.
func (c *conn) acquireBudgets(req *http.Request) bool {
	from := c.srv.rules.ClientAddr(c.addr, req.Header)
	unnamed := c.srv.rules.UnnamedProxy(c.addr, req.Header)
	c.locked(func(u *user) {
		u.from, u.unnamedProxy = from, unnamed
		c.network = limits.NetworkOf(from)
	})
	a := c.srv.limits.Move(c.srv.clock.Elapsed(), &c.account, from)
	c.srv.evict(a)
	if a.Refusal == limits.RefusedNot {
		return true
	}
	c.srv.metrics.refusedConn(a.Refusal)
	c.srv.metrics.tooMany.WithLabelValues(string(a.Refusal)).Inc()
	c.srv.rules.OnTooMany(c.addr, req.Header)
	c.noteRefused(transport.RefusedLimits, req, "limit", a.Refusal)
	h := c.refusalHeaders()
	h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(a.Wait.Seconds())))))
	c.answerHTTP(transport.RefusedLimits.Status(), h, []byte(crowdSentence(a.Refusal)))
	return false
}

func crowdSentence(r limits.Refusal) string {
	switch r {
	case limits.RefusedKeptOut:
		return "too much came from your address; try again later\n"
	case limits.RefusedRate:
		return "connections come too fast from your address; try again in a moment\n"
	}
	return "there are too many connections from your address\n"
}

// identify tells the budgets who this is, once the connection has. Call with mu held.
func (c *conn) identify() talk.Error {
	u := &c.user
	if u.identified || u.uuid.IsZero() || u.async == asyncClosed {
		return talk.Error{}
	}
	u.identified, u.who = true, c.principal()
	left := c.srv.limits.Identify(c.srv.clock.Elapsed(), &c.account, u.who)
	if left == 0 {
		return talk.Error{}
	}
	u.keptOut = true
	return retryIn(talk.Error{Code: talk.CodeFlood, Message: "you sent too much, and are kept out for a while"}, left)
}

// principal is the user, as far as it is proven. Call with mu held.
func (c *conn) principal() limits.Who {
	if c.user.uuid.Proven() {
		return limits.Who{UUID: c.user.uuid}
	}
	return c.srv.limits.WhoAt(&c.account, c.user.uuid)
}

// retryIn says when a refused message can come again.
func retryIn(e talk.Error, wait time.Duration) talk.Error {
	e.Retry, e.RetryMS = true, uint32(min(wait.Milliseconds()+1, math.MaxInt32))
	return e
}

// pay pays for the message that is next, or tells that it has to wait, or that its
// turn is too far off for waiting here. Call with mu held.
func (c *conn) pay(a arrival) (refusal talk.Error, wait bool) {
	u := &c.user
	now := c.srv.clock.Elapsed()
	if now < u.wakeAt {
		return talk.Error{}, true
	}
	var post *limits.Post
	cost := costOf(a)
	if e, ok := a.Message.(talk.Entry); ok && u.room != nil && e.RoomID == u.room.id && !u.order.superseded(e.Round, a.number) {
		if u.room.isPending(e.Author, e.ID) {
			cost = limits.Cost{Messages: weightRepeat, Bytes: weightRepeat * float64(a.size)}
		} else {
			post = &limits.Post{Room: &u.room.budget, ID: u.room.id, Who: u.who, Crowd: u.unnamedProxy}
		}
	}
	v := c.srv.limits.Ask(now, &c.account, limits.Message, post, cost)
	switch {
	case v.Wait == 0:
		return talk.Error{}, false
	case v.Refuse:
		c.srv.metrics.limited(v.Level)
		c.blockLater(a)
		sentence := fmt.Sprintf("this room is in slow mode: you can speak again in %d s", int(math.Ceil(v.Wait.Seconds())))
		return retryIn(c.refusal(a.Message, talk.CodeFlood, sentence), v.Wait), false
	}
	c.srv.metrics.delayed(v.Level)
	u.wakeAt, u.delayedBy = now+v.Wait, v.Level
	c.srv.timers.After(v.Wait, c.resumeBacklog)
	return talk.Error{}, true
}

// costOf is what a message costs. A join reads the log, writes to it, and is shown to
// a whole room, and so does a new name; what a Fetch returns is charged when it is
// known.
func costOf(a arrival) limits.Cost {
	c := limits.Cost{Messages: 1, Bytes: float64(a.size)}
	switch a.Message.(type) {
	case talk.JoinRoom:
		c.Messages = 4
	case talk.ChangeName:
		c.Messages = 2
	}
	return c
}

// overflow refuses a message for which there is no more room in the backlog. Call
// with mu held.
func (c *conn) overflow(a arrival) talk.Error {
	u := &c.user
	c.srv.metrics.limited(u.delayedBy)
	wait := time.Second
	if r := c.srv.opts.Limits.Connection.Messages.PerSecond; r > 0 {
		wait = time.Duration(float64(len(u.backlog)) / r * float64(time.Second))
	}
	c.blockLater(a)
	return retryIn(c.refusal(a.Message, talk.CodeFlood, "too much at once, slow down"), max(wait, u.wakeAt-c.srv.clock.Elapsed()))
}

// weightRepeat is the part of its price that a post costs when it is accepted, not
// yet stored, and sent again: after each refusal in an outage a client has to say
// again, in order, all that it has not seen stored. For the full price people
// would repeat for as long as the outage was before they could say anything new.
const weightRepeat = 0.1

// payControl pays for what does not wait for its turn. false: there is too much of it.
func (c *conn) payControl(bytes int) bool {
	var v limits.Verdict
	now := c.srv.clock.Elapsed()
	c.locked(func(*user) {
		v = c.srv.limits.Ask(now, &c.account, limits.Control, nil, limits.Cost{Messages: 1, Bytes: float64(bytes)})
	})
	if v.Wait > 0 {
		c.srv.metrics.limited(v.Level)
	}
	return v.Wait == 0
}

// payControlFrame pays for a ping, a pong or a piece of a message. false: it is not to be
// answered.
func (c *conn) payControlFrame(bytes int) bool {
	ok := c.payControl(bytes)
	if !ok {
		if tooMany, _ := c.countRefusal(weightControl, 0); tooMany {
			c.flooded(reasonFlood)
		}
	}
	return ok
}

// ping answers at once, whatever waits, unless the client overdoes it.
func (c *conn) ping(p talk.Ping, bytes int) {
	if c.payControl(bytes) {
		c.answer(talk.Pong(p))
		return
	}
	c.refuseFrame(bytes, talk.Error{Code: talk.CodeFlood, Message: "too many pings"})
}

// charge makes the connection pay so many messages for what it has caused, after
// the fact: what it says next waits until they would have been allowed.
func (c *conn) charge(messages float64) { c.chargeFor(limits.Cost{Messages: messages}) }

func (c *conn) chargeFor(cost limits.Cost) {
	c.locked(func(*user) { c.srv.limits.Charge(c.srv.clock.Elapsed(), &c.account, cost) })
}

// What a refusal costs of those that a connection may have. Our own clients have up
// to 32 posts on their way, fewer than the backlog takes. When one is refused, for its
// room is slow, they wait, and the others had to follow: these cost little. What is the
// server's fault costs nothing.
const (
	weightFinal    = 1
	weightTooFast  = 1
	weightControl  = 0.25
	weightFollower = 0.1
)

func weightOf(e talk.Error) float64 {
	switch {
	case !e.Retry:
		return weightFinal
	case e.Code == talk.CodeFlood:
		return weightTooFast
	case e.Code == talk.CodeOutOfTurn:
		return weightFollower
	}
	return 0
}

// countRefusal counts a refusal that takes so many bytes more than what it answers; see
// limits.Table.Refused.
func (c *conn) countRefusal(weight float64, bytes int) (tooMany, tooDear bool) {
	c.locked(func(*user) { tooMany, tooDear = c.srv.limits.Refused(c.srv.clock.Elapsed(), &c.account, weight, bytes) })
	return tooMany, tooDear
}

// flooded closes a connection that did not stop when it was refused, and keeps out
// who is behind it.
func (c *conn) flooded(why closeReason) {
	if c.at() == stageClosed {
		return // once is enough
	}
	s := c.srv
	var person, addr time.Duration
	from := c.from()
	c.locked(func(u *user) {
		person, addr = s.limits.Strike(s.clock.Elapsed(), &c.account, u.unnamedProxy || s.rules.Trusts(from))
	})
	if person > 0 {
		s.metrics.keptOut(keptUser)
		s.log.Debug("a user is kept out", "for", person, "reason", why.label(), "from", from)
	}
	if addr > 0 {
		s.metrics.keptOut(keptAddress)
		s.log.Info("an address is kept out, as its connections are closed for flooding again and again", "address", from, "for", addr, "reason", why.label())
	}
	c.closeFor(why)
}
