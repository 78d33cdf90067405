package gateway

import "sync"

// batchBytes is the most that one write carries: what a socket's send buffer
// usually takes at once.
const batchBytes = 48 << 10

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
	list    []*conn // holders of the baton, in order
	stopped bool

	scratch []byte // owned by the worker's goroutine
}

func newPump(workers int) *pump {
	p := &pump{workers: make([]*pumpWorker, workers)}
	for i := range p.workers {
		w := &pumpWorker{scratch: make([]byte, 0, batchBytes)}
		w.wake = sync.NewCond(&w.mu)
		p.workers[i] = w
	}
	return p
}

func (p *pump) start() {
	for _, w := range p.workers {
		p.wg.Go(w.run)
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

// ready hands a connection whose baton the caller holds to its worker. It never
// blocks and may be called under any lock but a worker's.
func (p *pump) ready(c *conn) {
	w := p.workers[c.serial%uint64(len(p.workers))]
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, c)
	if len(w.list) == 1 {
		w.wake.Signal()
	}
}

func (w *pumpWorker) run() {
	var batch []*conn
	for {
		w.mu.Lock()
		for len(w.list) == 0 && !w.stopped {
			w.wake.Wait()
		}
		if w.stopped {
			w.mu.Unlock()
			return
		}
		batch, w.list = w.list, batch[:0]
		w.mu.Unlock()
		for i, c := range batch {
			w.drain(c)
			batch[i] = nil
		}
	}
}

// drain writes until the ring is empty or the client's socket is full.
func (w *pumpWorker) drain(c *conn) {
	o := &c.out
	for {
		o.mu.Lock()
		if o.ring.count == 0 {
			o.queued = false
			closing, behind := o.closing, o.behind
			o.behind = false
			o.mu.Unlock()
			w.drained(c, closing, behind)
			return
		}
		out := w.gather(&o.ring)
		o.mu.Unlock()
		if !c.write(out) {
			return // closed: the baton is never needed again
		}
		if o.inflight.Load() > 0 {
			o.blocked.Store(true)
			if o.inflight.Load() > 0 || !o.blocked.CompareAndSwap(true, false) {
				return // wrote hands the baton on
			}
		}
	}
}

// drained does what waited for an empty ring.
func (w *pumpWorker) drained(c *conn, closing, behind bool) {
	switch {
	case closing:
		c.hangup()
	case behind:
		c.srv.catchUp(c)
	}
	if c.thirsty.Load() && c.thirsty.Swap(false) {
		c.goOn()
	}
}

// gather takes up to batchBytes from the ring. A lone packet goes uncopied.
func (w *pumpWorker) gather(r *ring) []byte {
	p := r.pop()
	next := r.peek()
	if next == nil || len(p.bytes)+len(next.bytes) > batchBytes {
		return p.bytes
	}
	w.scratch = append(w.scratch[:0], p.bytes...)
	for next != nil && len(w.scratch)+len(next.bytes) <= batchBytes {
		w.scratch = append(w.scratch, r.pop().bytes...)
		next = r.peek()
	}
	return w.scratch
}
