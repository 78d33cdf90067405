package gateway

import (
	"math"
	"sync"
	"sync/atomic"
)

// outbox is the way from the server to one client: a bounded ring of references
// to frames. One pump worker at a time writes it out, as the client takes it.
//
// MUST lines:
//   - every byte to a client goes through the outbox, in ring order;
//   - only the worker that holds the write token (queued == true) writes;
//   - it writes only while nothing is in flight in the socket;
//   - a prepared frame leaves the ring when it is written whole, so that nothing is
//     copied for a client that does not read;
//   - wrote is called with the connection locked and calls no socket.
type outbox struct {
	mu      sync.Mutex
	ring    ring
	counted int   // bytes of it that the server's held knows of
	writing int32 // of the oldest prepared frames, so many are being written
	queued  bool  // a pump worker has it or will have it
	closing bool  // nothing is queued any more; the connection closes when the ring is empty
	behind  bool  // a live prepared frame found the ring full; catch up when it has drained

	// inflight counts bytes given to nbio that the kernel has not taken yet: at
	// most inflightMost.
	inflight atomic.Int32
	// blocked is set while the worker has left and wrote must hand the
	// write token on when inflight reaches 0.
	blocked atomic.Bool
	// taken counts the bytes that the kernel has taken.
	taken atomic.Int64

	pace pace // owned by the sweep
}

// maxFrames is the most that one connection can have queued. The room between
// it and Options.RingPackets is kept for answers, so that a busy room cannot
// crowd them out.
var maxFrames = ringSizes[len(ringSizes)-1]

// pushLive queues a room's entry. false: the ring is full, catch up later; the
// same answer follows until the ring has drained.
func (c *conn) pushLive(p *preparedFrame) bool {
	queued, wake := c.out.queueLive(p, c.srv)
	if wake {
		c.srv.pump.ready(c)
	}
	return queued
}

// queueLive does it. wake: the caller has the write token now.
func (o *outbox) queueLive(p *preparedFrame, s *Server) (queued, wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return true, false
	}
	if o.behind || !o.push(p, s.opts.RingPackets, s.opts.RingBytes, s) {
		o.behind = true
		return false, false
	}
	return true, o.wake()
}

// pushAnswer queues something that is for this connection alone. A client that
// leaves no room even for that is too slow: it is closed, and false returned.
func (c *conn) pushAnswer(p *preparedFrame) bool {
	queued, full, wake := c.out.queueAnswer(p, c.srv)
	if full {
		c.reset(reasonSlow)
	}
	if wake {
		c.srv.pump.ready(c)
	}
	return queued
}

// pushIfRoom queues what a client can do without, if there is room for it: a room
// may have more pending entries than a client's queue takes, who joins it must not
// be closed for that, and what he misses of them comes when it is stored.
func (c *conn) pushIfRoom(p *preparedFrame) {
	if _, _, wake := c.out.queueAnswer(p, c.srv); wake {
		c.srv.pump.ready(c)
	}
}

// queueAnswer does it. wake: the caller has the write token now.
func (o *outbox) queueAnswer(p *preparedFrame, s *Server) (queued, full, wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closing:
		return false, false, false
	case !o.push(p, maxFrames-1, s.opts.RingBytes+s.opts.AnswerBytes, s):
		return false, true, false
	}
	return true, false, o.wake()
}

// push is the ring's, and counts. Call with mu held.
func (o *outbox) push(p *preparedFrame, maxCount, maxCost int, s *Server) bool {
	ok := o.ring.push(p, maxCount, maxCost)
	o.count(&s.held)
	return ok
}

// drop takes back what is queued, but for frames that are begun: what comes
// behind them must not come in their middle. forGood: those too, and nothing is
// queued any more.
func (o *outbox) drop(forGood bool, s *Server) {
	o.mu.Lock()
	defer o.mu.Unlock()
	keep := o.writing
	if o.ring.sent > 0 {
		keep = max(keep, 1)
	}
	if forGood {
		o.closing, keep = true, 0
	}
	o.ring.clear(keep)
	o.count(&s.held)
}

// count tells what is queued, in whole quanta: what comes and goes in less costs no
// access to memory that all processors share. Call with mu held.
func (o *outbox) count(h *queuedBytes) {
	if d := o.ring.cost - o.counted; d < countStep && d > -countStep && (o.ring.cost > 0 || o.counted == 0) {
		return
	}
	now := o.ring.cost / countStep * countStep
	h.changed(o.counted, now)
	o.counted = now
}

// queuedBytes is how much waits for the client.
func (o *outbox) queuedBytes() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ring.unsent()
}

// cost is the memory that what is queued holds.
func (o *outbox) cost() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ring.cost
}

// wake claims the write token for a worker if nobody has it. Call with mu held.
func (o *outbox) wake() bool {
	if o.queued {
		return false
	}
	o.queued = true
	return true
}

// finish queues the last prepared frames and closes the connection once they are
// written. What was queued before goes out first, as far as the client reads.
func (c *conn) finish(last ...*preparedFrame) {
	if c.out.close(last, c.srv) {
		c.srv.pump.ready(c)
	}
}

// close queues the last prepared frames, once. wake: the caller has the write token now.
func (o *outbox) close(last []*preparedFrame, s *Server) (wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return false
	}
	o.closing = true
	for _, p := range last {
		o.push(p, maxFrames, math.MaxInt, s)
	}
	return o.wake()
}

// next lets go of the n bytes that are written of what it gave before, and returns
// what the worker that has the write token shall write now. nil: nothing is left, the
// write token is given back, and closing and behind tell what waited for that.
func (o *outbox) next(w *pumpWorker, n int, s *Server) (out []byte, closing, behind bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.advance(n, s)
	if o.ring.count == 0 {
		behind = o.behind
		o.queued, o.behind = false, false
		return nil, o.closing, behind
	}
	out, o.writing = w.gather(&o.ring)
	return out, false, false
}

// pause lets go of the n bytes that are written, while no more can be.
func (o *outbox) pause(n int, s *Server) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.advance(n, s)
}

// advance is the ring's, and counts. Call with mu held.
func (o *outbox) advance(n int, s *Server) {
	o.writing = 0
	o.ring.advance(n)
	o.count(&s.held)
}

// onWritten is the report that the kernel took n bytes of what was in flight.
func (c *conn) onWritten(n int) {
	o := &c.out
	o.taken.Add(int64(n))
	if o.inflight.Add(-int32(n)) == 0 && o.blocked.CompareAndSwap(true, false) {
		c.srv.pump.ready(c)
	}
}
