package transport

import (
	"math"
	"sync"
	"sync/atomic"
)

// Outbox is the way from the server to one client: a bounded ring of references
// to frames. One pump worker at a time writes it out, as the client takes it. The zero
// value is an empty one.
//
// MUST lines:
//   - every byte to a client goes through the outbox, in ring order;
//   - only the worker that holds the write token (queued == true) writes;
//   - it writes only while nothing is in flight in the socket;
//   - a prepared frame leaves the ring when it is written whole, so that nothing is
//     copied for a client that does not read;
//   - OnWritten is called with the connection locked and calls no socket.
type Outbox struct {
	mu      sync.Mutex
	ring    ring
	counted int   // bytes of it that QueuedBytes knows of
	writing int32 // of the oldest prepared frames, so many are being written
	queued  bool  // a pump worker has it or will have it
	closing bool  // nothing is queued any more; the connection closes when the ring is empty
	behind  bool  // a live prepared frame found the ring full; catch up when it has drained

	// inflight counts bytes given to nbio that the kernel has not taken yet: at
	// most inflightMost.
	inflight atomic.Int32
	// blocked is set while the worker has left and OnWritten must hand the
	// write token on when inflight reaches 0.
	blocked atomic.Bool
	// taken counts the bytes that the kernel has taken.
	taken atomic.Int64

	pace pace
}

// MaxFrames is the most that one connection can have queued. The room between
// it and PumpConfig.RingFrames is kept for answers, so that what is live cannot
// crowd them out.
const MaxFrames = 4096

// QueueLive queues what goes to many. queued is false if the ring is full: the client has to
// catch up later, and the same answer follows until the ring has drained. wake: the caller
// has the write token now, and gives it to Pump.Ready.
func (o *Outbox) QueueLive(f *PreparedFrame, p *Pump) (queued, wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return true, false
	}
	if o.behind || !o.push(f, p.ringFrames, p.ringBytes, p) {
		o.behind = true
		return false, false
	}
	return true, o.wake()
}

// QueueAnswer queues something that is for this client alone. full: there is no room even
// for that. wake: see QueueLive.
func (o *Outbox) QueueAnswer(f *PreparedFrame, p *Pump) (queued, full, wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closing:
		return false, false, false
	case !o.push(f, MaxFrames-1, p.ringBytes+p.answerBytes, p):
		return false, true, false
	}
	return true, false, o.wake()
}

// push is the ring's, and counts. Call with mu held.
func (o *Outbox) push(f *PreparedFrame, maxCount, maxCost int, p *Pump) bool {
	ok := o.ring.push(f, maxCount, maxCost)
	o.count(p.held)
	return ok
}

// Drop takes back what is queued, but for frames that are begun: what comes
// behind them must not come in their middle. forGood: those too, and nothing is
// queued any more.
func (o *Outbox) Drop(forGood bool, p *Pump) {
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
	o.count(p.held)
}

// count tells what is queued, in whole quanta: what comes and goes in less costs no
// access to memory that all processors share. Call with mu held.
func (o *Outbox) count(h *QueuedBytes) {
	if d := o.ring.cost - o.counted; d < countStep && d > -countStep && (o.ring.cost > 0 || o.counted == 0) {
		return
	}
	now := o.ring.cost / countStep * countStep
	h.Changed(o.counted, now)
	o.counted = now
}

// QueuedBytes is how much waits for the client.
func (o *Outbox) QueuedBytes() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ring.unsent()
}

// Cost is the memory that what is queued holds.
func (o *Outbox) Cost() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ring.cost
}

// wake claims the write token for a worker if nobody has it. Call with mu held.
func (o *Outbox) wake() bool {
	if o.queued {
		return false
	}
	o.queued = true
	return true
}

// Close queues the last prepared frames, once, behind what was queued before; OnFlushed tells
// when all of that is written, as far as the client reads. wake: see QueueLive.
func (o *Outbox) Close(last []*PreparedFrame, p *Pump) (wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return false
	}
	o.closing = true
	for _, f := range last {
		o.push(f, MaxFrames, math.MaxInt, p)
	}
	return o.wake()
}

// next lets go of the n bytes that are written of what it gave before, and returns
// what the worker that has the write token shall write now. nil: nothing is left, the
// write token is given back, and closing and behind tell what waited for that.
func (o *Outbox) next(w *pumpWorker, n int, p *Pump) (out []byte, closing, behind bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.advance(n, p)
	if o.ring.count == 0 {
		behind = o.behind
		o.queued, o.behind = false, false
		return nil, o.closing, behind
	}
	out, o.writing = w.gather(&o.ring)
	return out, false, false
}

// pause lets go of the n bytes that are written, while no more can be.
func (o *Outbox) pause(n int, p *Pump) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.advance(n, p)
}

// advance is the ring's, and counts. Call with mu held.
func (o *Outbox) advance(n int, p *Pump) {
	o.writing = 0
	o.ring.advance(n)
	o.count(p.held)
}

// OnWritten notes that the kernel took n bytes of what was in flight. wake: see QueueLive.
func (o *Outbox) OnWritten(n int) (wake bool) {
	o.taken.Add(int64(n))
	return o.inflight.Add(-int32(n)) == 0 && o.blocked.CompareAndSwap(true, false)
}

// awaitRoom lets OnWritten hand the write token on when the kernel has taken what is in
// flight; false: it has already.
func (o *Outbox) awaitRoom() bool {
	o.blocked.Store(true)
	return o.inflight.Load() > 0 || !o.blocked.CompareAndSwap(true, false)
}

// inflightMost is the most that is queued in a socket, which copies it, to be called
// when it takes bytes again.
const inflightMost = 512

// write gives b to the kernel. Of what it does not take, a little is queued: OnWritten
// tells when there is room again, and inflight is above 0 until then. taken is what
// both have; the rest stays with the caller. false: closed.
func (o *Outbox) write(sock Socket, b []byte) (taken int, ok bool) {
	taken, err := sock.Send(b)
	if err != nil {
		sock.Close(err)
		return 0, false
	}
	o.taken.Add(int64(taken))
	if rest := b[taken:]; len(rest) > 0 {
		rest = rest[:min(len(rest), inflightMost)]
		o.inflight.Add(int32(len(rest)))
		taken += len(rest)
		if sock.Queue(rest) != nil {
			return 0, false
		}
	}
	return taken, true
}
