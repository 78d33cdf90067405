package gateway

import (
	"fmt"
	"sync"
)

// batchBytes is the most that one write carries: what a socket's send buffer
// usually takes at once.
const batchBytes = 48 << 10

// turnBytes is about how much of one connection is written before those that
// wait behind it.
const turnBytes = 4 * batchBytes

// pump writes what outboxes hold. A fixed number of workers serves all
// connections; a connection is always served by the same one.
type pump struct {
	workers []*pumpWorker
	wg      sync.WaitGroup
}

// pumpWorker owns a list of connections that have something to write.
type pumpWorker struct {
	mu      sync.Mutex
	wake    *sync.Cond
	list    []*conn // holders of the write token, in order
	stopped bool
	loop    *loop

	scratch []byte // owned by the worker's goroutine
}

func newPump(workers int, ls *loops) *pump {
	p := &pump{workers: make([]*pumpWorker, workers)}
	for i := range p.workers {
		w := &pumpWorker{scratch: make([]byte, 0, batchBytes), loop: ls.add(fmt.Sprintf("pump worker %d", i))}
		w.wake = sync.NewCond(&w.mu)
		p.workers[i] = w
	}
	return p
}

func (p *pump) start(vital func(*loop, func()) func()) {
	for _, w := range p.workers {
		p.wg.Go(vital(w.loop, w.run))
	}
}

// stop ends the workers; what is still queued is not written.
func (p *pump) stop() {
	for _, w := range p.workers {
		w.mu.Lock()
		w.stopped = true
		w.mu.Unlock()
		w.wake.Signal()
	}
	p.wg.Wait()
}

// ready hands a connection whose write token the caller holds to its worker. It never
// blocks and may be called under any lock but a worker's.
func (p *pump) ready(c *conn) {
	w := p.workers[c.serial%uint64(len(p.workers))]
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, c)
	if len(w.list) == 1 {
		if w.loop.idle() {
			w.loop.begin() // from now on it is late, if it does not come
		}
		w.wake.Signal()
	}
}

func (w *pumpWorker) run() {
	var batch []*conn
	for more := true; ; {
		if batch, more = w.next(batch[:0]); !more {
			return
		}
		for i, c := range batch {
			w.loop.begin()
			w.flush(c)
			batch[i] = nil
		}
	}
}

// next waits for connections, and leaves the list an empty one in exchange; more is
// false when the worker has stopped.
func (w *pumpWorker) next(empty []*conn) (batch []*conn, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.list) == 0 && !w.stopped {
		w.loop.end()
		w.wake.Wait()
	}
	if w.stopped {
		w.loop.end()
		return nil, false
	}
	batch, w.list = w.list, empty
	return batch, true
}

// flush writes until the ring is empty, the client's socket is full, or its turn
// is over.
func (w *pumpWorker) flush(c *conn) {
	o := &c.out
	taken := 0
	for turn := turnBytes; turn > 0; turn -= taken {
		out, closing, behind := o.next(w, taken, c.srv)
		if out == nil {
			w.onFlushed(c, closing, behind)
			return
		}
		var ok bool
		if taken, ok = c.write(out); !ok {
			return // closed: the write token is never needed again
		}
		if o.inflight.Load() > 0 {
			o.pause(taken, c.srv)
			if o.awaitRoom() {
				return
			}
			taken = 0
		}
	}
	o.pause(taken, c.srv)
	c.srv.pump.ready(c)
}

// awaitRoom lets wrote hand the write token on when the kernel has taken what is in
// flight; false: it has already.
func (o *outbox) awaitRoom() bool {
	o.blocked.Store(true)
	return o.inflight.Load() > 0 || !o.blocked.CompareAndSwap(true, false)
}

// onFlushed does what waited for an empty ring.
func (w *pumpWorker) onFlushed(c *conn, closing, behind bool) {
	switch {
	case closing:
		c.shutdownWrite()
	case behind:
		c.srv.catchUp(c)
	}
	if c.wantsDrain.Load() && c.wantsDrain.Swap(false) {
		c.resumeBacklog()
	}
}

// gather returns what the next write shall carry, at most batchBytes from the
// front of the ring, and of how many prepared frames it is. Of a prepared frame that fills a
// write, or is alone, nothing is copied.
func (w *pumpWorker) gather(r *ring) (out []byte, packets int32) {
	out = r.at(0).bytes[r.sent:]
	if len(out) > batchBytes {
		return out[:batchBytes], 1
	}
	next := r.at(1)
	if next == nil || len(out)+len(next.bytes) > batchBytes {
		return out, 1
	}
	w.scratch = append(w.scratch[:0], out...)
	for packets = 1; next != nil && len(w.scratch)+len(next.bytes) <= batchBytes; packets++ {
		w.scratch = append(w.scratch, next.bytes...)
		next = r.at(packets + 1)
	}
	return w.scratch, packets
}
