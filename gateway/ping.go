package gateway

import "tuitalk/talk"

// ping answers at once, whatever waits, unless the client overdoes it.
func (c *conn) ping(p talk.Ping) {
	f := c.srv.opts.Flood
	c.mu.Lock()
	ok, _ := c.user.pings.take(c.srv.clock.now(), f.PerSecond, float64(f.Burst))
	c.mu.Unlock()
	if !ok {
		c.refuse(talk.Error{Code: talk.CodeFlood, Message: "too many pings"})
		return
	}
	c.answerIn(talk.Extended, talk.Pong(p))
}
