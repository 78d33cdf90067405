package gateway

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// outbox is the way from the server to one client: a bounded ring, and what of
// it is under way. One pump worker at a time drains it.
//
// MUST lines:
//   - every byte to an upgraded client goes through the outbox, in ring order;
//   - only the worker that holds the baton (queued == true) writes;
//   - it writes only while nothing is in flight inside nbio;
//   - wrote is called with nbio's connection mutex held and calls no nbio.
type outbox struct {
	mu      sync.Mutex
	ring    ring
	queued  bool // a pump worker has it or will have it
	closing bool // nothing is queued any more; the connection closes when the ring is empty
	behind  bool // a live packet found the ring full; catch up when it has drained

	// inflight counts bytes given to nbio that the kernel has not taken yet.
	inflight atomic.Int64
	// blocked is set while the worker has left and wrote must hand the
	// baton on when inflight reaches 0.
	blocked atomic.Bool
	// progress is the coarse time (nanoseconds) of the last byte that the
	// kernel took, or of the first packet queued after idleness.
	progress atomic.Int64
}

// maxPackets is the most that one connection can have queued. The room between
// it and Options.RingPackets is kept for answers, so that a busy room cannot
// crowd them out.
var maxPackets = ringSizes[len(ringSizes)-1]

// pushLive queues a room's entry. false: the ring is full, catch up later; the
// same answer follows until the ring has drained.
func (c *conn) pushLive(p *packet) bool {
	queued, wake := c.out.queueLive(p, c.srv)
	if wake {
		c.srv.pump.ready(c)
	}
	return queued
}

// queueLive does it. wake: the caller has the baton now.
func (o *outbox) queueLive(p *packet, s *Server) (queued, wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return true, false
	}
	if o.behind || !o.ring.push(p, s.opts.RingPackets, s.opts.RingBytes) {
		o.behind = true
		return false, false
	}
	return true, o.wake(s)
}

// pushAnswer queues something that is for this connection alone. A client that
// leaves no room even for that is too slow: it is closed, and false returned.
func (c *conn) pushAnswer(p *packet) bool {
	queued, full, wake := c.out.queueAnswer(p, c.srv)
	if full {
		c.kill(reasonSlow)
	}
	if wake {
		c.srv.pump.ready(c)
	}
	return queued
}

// queueAnswer does it. wake: the caller has the baton now.
func (o *outbox) queueAnswer(p *packet, s *Server) (queued, full, wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closing:
		return false, false, false
	case !o.ring.push(p, maxPackets-1, s.opts.RingBytes+s.opts.AnswerBytes):
		return false, true, false
	}
	return true, false, o.wake(s)
}

// drop takes back what is queued. forGood: nothing is queued any more.
func (o *outbox) drop(forGood bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closing = o.closing || forGood
	o.ring.clear()
}

// queuedBytes is how much waits for the client.
func (o *outbox) queuedBytes() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ring.bytes
}

// wake claims the baton for a worker if nobody has it. Call with mu held.
func (o *outbox) wake(s *Server) bool {
	if o.queued {
		return false
	}
	o.queued = true
	o.progress.Store(s.clock.coarse())
	return true
}

// finish queues a last packet and closes the connection once it is written.
// What was queued before goes out first, as far as the client reads.
func (c *conn) finish(last *packet) {
	if c.out.close(last, c.srv) {
		c.srv.pump.ready(c)
	}
}

// close queues the last packet, once. wake: the caller has the baton now.
func (o *outbox) close(last *packet, s *Server) (wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return false
	}
	o.closing = true
	o.ring.push(last, maxPackets, math.MaxInt)
	return o.wake(s)
}

// stuck tells since when the client has taken nothing although something waits.
func (o *outbox) stuck(now int64) time.Duration {
	if !o.waiting() && o.inflight.Load() == 0 {
		return 0
	}
	return time.Duration(now - o.progress.Load())
}

func (o *outbox) waiting() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ring.count > 0 || o.queued
}

// wrote is nbio's report that the kernel took n bytes.
func (c *conn) wrote(n int) {
	o := &c.out
	o.progress.Store(c.srv.clock.coarse())
	if o.inflight.Add(-int64(n)) == 0 && o.blocked.CompareAndSwap(true, false) {
		c.srv.pump.ready(c)
	}
}
