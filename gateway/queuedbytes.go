package gateway

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// held counts the bytes that wait for all clients of the process together, or have
// come from them and are no whole message yet. A frame that waits for several
// counts for each. What is queued is added when it is queued, and taken off when it
// is written or dropped, of each connection but for less than a quantum.
type queuedBytes struct {
	bytes  atomic.Int64
	kernel atomic.Int64  // bytes in the kernel that had not arrived at the last sweep
	most   int64         // of both
	over   chan struct{} // capacity 1: there is too much

	relieved int64 // coarse time; owned by the sweep
}

// countStep is the step in which an outbox counts.
const countStep = 4 << 10

// changed notes that something which cost before costs now instead.
func (h *queuedBytes) changed(before, now int) {
	if before == now {
		return
	}
	if total := h.bytes.Add(int64(now - before)); now > before && total+h.kernel.Load() > h.most {
		select {
		case h.over <- struct{}{}:
		default:
		}
	}
}

// total is what is held by this process and by the kernel.
func (h *queuedBytes) total() int64 { return h.bytes.Load() + h.kernel.Load() }

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
	over := s.held.total() - s.held.most
	now := s.clock.coarse()
	if over <= 0 || now-s.held.relieved < relieveEvery {
		return
	}
	s.held.relieved = now
	over += s.held.most / 10
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

// holds is what is held for a connection, in bytes.
func (c *conn) holds() int64 {
	waiting := 0
	c.locked(func(u *user) { waiting = u.waiting })
	return int64(c.out.cost()+c.out.pace.kernel+waiting) + max(0, c.input.held.Load())
}
