package gateway

import (
	"time"

	"tuitalk/talk"
)

// ping answers at once, whatever waits, unless the client overdoes it.
func (c *conn) ping(p talk.Ping) {
	f := c.srv.opts.Flood
	ok := false
	c.locked(func(u *user) { ok, _ = u.pings.take(c.srv.clock.now(), f.PerSecond, float64(f.Burst)) })
	if !ok {
		c.refuse(talk.Error{Code: talk.CodeFlood, Message: "too many pings"})
		return
	}
	c.answerIn(talk.Extended, talk.Pong(p))
}

// maxCharge bounds for how long a charge can hold up what the connection says
// next.
const maxCharge = 30 * time.Second

// charge makes the connection pay so many messages for what it has caused, after
// the fact: what it says next waits until they would have been allowed.
func (c *conn) charge(messages float64) {
	f := c.srv.opts.Flood
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user.bucket.charge(c.srv.clock.now(), f.PerSecond, float64(f.Burst), messages, f.PerSecond*maxCharge.Seconds())
}
