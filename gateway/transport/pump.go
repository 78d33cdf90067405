package transport

import "sync"

// batchBytes is the most that one write carries: what a socket's send buffer
// usually takes at once.
const batchBytes = 48 << 10

// turnBytes is about how much of one connection is written before those that
// wait behind it.
const turnBytes = 4 * batchBytes

// Client is whose outbox it is.
type Client interface {
	Outbox() *Outbox
	Socket() Socket
	// OnFlushed is called when all that was queued is written. closing: Outbox.Close was
	// called. behind: the ring was full, and something live did not get into it.
	OnFlushed(closing, behind bool)
}

// PumpConfig is what NewPump needs.
type PumpConfig struct {
	RingFrames  int // live ones that are queued for one client
	RingBytes   int
	AnswerBytes int // of answers, beyond RingBytes
	Held        *QueuedBytes
	Loops       []Loop // of the workers, one for each
}

// Pump writes what outboxes hold. A fixed number of workers serves all
// clients; a client is always served by the same one.
type Pump struct {
	ringFrames, ringBytes, answerBytes int

	held    *QueuedBytes
	workers []*pumpWorker
}

// pumpWorker owns a list of clients that have something to write.
type pumpWorker struct {
	pump    *Pump
	mu      sync.Mutex
	wake    *sync.Cond
	list    []Client // holders of the write token, in order
	stopped bool
	loop    Loop

	// owned by who calls Serve
	batch   []Client
	scratch []byte
}

// NewPump makes a pump whose workers are called by Serve.
func NewPump(c PumpConfig) *Pump {
	p := &Pump{
		ringFrames: c.RingFrames, ringBytes: c.RingBytes, answerBytes: c.AnswerBytes,
		held: c.Held, workers: make([]*pumpWorker, len(c.Loops)),
	}
	for i, l := range c.Loops {
		w := &pumpWorker{pump: p, scratch: make([]byte, 0, batchBytes), loop: l}
		w.wake = sync.NewCond(&w.mu)
		p.workers[i] = w
	}
	return p
}

// Workers is how many there are.
func (p *Pump) Workers() int { return len(p.workers) }

// Stop ends the workers; what is still queued is not written.
func (p *Pump) Stop() {
	for _, w := range p.workers {
		w.mu.Lock()
		w.stopped = true
		w.mu.Unlock()
		w.wake.Signal()
	}
}

// WorkerOf is which worker serves the client with that number.
func (p *Pump) WorkerOf(number uint64) int { return int(number % uint64(len(p.workers))) }

// Ready hands a client whose write token the caller holds to its worker. It never
// blocks and may be called under any lock but a worker's.
func (p *Pump) Ready(c Client, number uint64) { p.workers[p.WorkerOf(number)].add(c) }

func (w *pumpWorker) add(c Client) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, c)
	if len(w.list) == 1 {
		if w.loop.Idle() {
			w.loop.Begin() // from now on it is late, if it does not come
		}
		w.wake.Signal()
	}
}

// Serve is the work of one worker: it waits until clients are ready, and writes what they
// can take. false: the pump has stopped.
func (p *Pump) Serve(worker int) bool {
	w := p.workers[worker]
	batch, more := w.next(w.batch[:0])
	if !more {
		return false
	}
	for i, c := range batch {
		w.loop.Begin()
		w.flush(c)
		batch[i] = nil
	}
	w.batch = batch
	return true
}

// next waits for clients, and leaves the list an empty one in exchange; more is
// false when the worker has stopped.
func (w *pumpWorker) next(empty []Client) (batch []Client, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.list) == 0 && !w.stopped {
		w.loop.End()
		w.wake.Wait()
	}
	if w.stopped {
		w.loop.End()
		return nil, false
	}
	batch, w.list = w.list, empty
	return batch, true
}

// flush writes until the ring is empty, the client's socket is full, or its turn
// is over.
func (w *pumpWorker) flush(c Client) {
	o, sock := c.Outbox(), c.Socket()
	taken := 0
	for turn := turnBytes; turn > 0; turn -= taken {
		out, closing, behind := o.next(w, taken, w.pump)
		if out == nil {
			c.OnFlushed(closing, behind)
			return
		}
		var ok bool
		if taken, ok = o.write(sock, out); !ok {
			return // closed: the write token is never needed again
		}
		if o.inflight.Load() > 0 {
			o.pause(taken, w.pump)
			if o.awaitRoom() {
				return
			}
			taken = 0
		}
	}
	o.pause(taken, w.pump)
	w.add(c)
}

// gather returns what the next write shall carry, at most batchBytes from the
// front of the ring, and of how many prepared frames it is. Of a prepared frame that fills a
// write, or is alone, nothing is copied.
func (w *pumpWorker) gather(r *ring) (out []byte, packets int32) {
	out = r.at(0).Bytes[r.sent:]
	if len(out) > batchBytes {
		return out[:batchBytes], 1
	}
	next := r.at(1)
	if next == nil || len(out)+len(next.Bytes) > batchBytes {
		return out, 1
	}
	w.scratch = append(w.scratch[:0], out...)
	for packets = 1; next != nil && len(w.scratch)+len(next.Bytes) <= batchBytes; packets++ {
		w.scratch = append(w.scratch, next.Bytes...)
		next = r.at(packets + 1)
	}
	return w.scratch, packets
}
