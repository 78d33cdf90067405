package gateway

import (
	"cmp"
	"slices"
	"time"
)

// largeHolder is a connection and what it holds.
type largeHolder struct {
	conn  *conn
	bytes int64
}

// relieveEvery is how often at most that is done.
const relieveEvery = int64(100 * time.Millisecond)

// evictLargest closes the largest holders if all together hold too much, until a tenth
// of what may be held is free. It runs in the sweep. Those that are being closed
// already count as gone: they are, within CloseWait.
func (s *Server) evictLargest() {
	over := s.held.Total() - s.held.Most()
	now := s.clock.Coarse()
	if over <= 0 || now-s.relieved < relieveEvery {
		return
	}
	s.relieved = now
	over += s.held.Most() / 10
	var holders []largeHolder
	s.conns.each(func(c *conn) {
		h := largeHolder{c, c.holds()}
		switch {
		case h.bytes == 0:
		case closeReason(c.reason.Load()).killed():
			over -= h.bytes
		default:
			holders = append(holders, h)
		}
	})
	slices.SortFunc(holders, func(a, b largeHolder) int { return cmp.Compare(b.bytes, a.bytes) })
	for _, h := range holders {
		if over <= 0 {
			return
		}
		over -= h.bytes
		h.conn.reset(reasonOverload)
	}
}
