package redisbus

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// session is the life of one set of connections to one master. Its three
// goroutines subscribe, publish and add to the spool, each with one round trip
// under way that carries what came together during the last one.
type session struct {
	bus  *Bus
	link *link
	addr string
	conn *conn
	ctx  context.Context // ends with the session
	down chan struct{}   // closed when it has failed

	failing sync.Once
	reason  error // why it failed; to be read once down is closed

	changes signal
	sends   signal
	adds    signal

	mu        sync.Mutex
	dirty     []*partition
	isDirty   [partitions]bool
	queue     []outgoing
	queued    int // bytes in queue
	additions []*addition
	ended     bool // nothing is taken any more

	probing probeState

	refusedUntil atomic.Int64 // ns of Unix: until then the server counts as refusing notes
	trialDue     atomic.Bool  // the spool is to be tried
	tried        atomic.Bool  // it was, once at least
	spoolWorks   atomic.Bool  // its last use went well, and a replica confirmed it
	spoolBroke   bool         // the last use of the spool broke its connection; owned by its goroutine
	trialAt      time.Time    // of the next trial; owned by the prober
}

// outgoing is one message to be published.
type outgoing struct {
	part    *partition
	room    int32
	kind    byte
	channel string
	data    []byte
}

func (m *outgoing) size() int { return len(m.channel) + len(m.data) + 128 }

// Bounds of one round trip.
const (
	batchMessages = 512
	batchBytes    = 1 << 20
	batchChannels = 8 << 10
)

var errSilent = errors.New("a probe did not come back")

// signal wakes a goroutine that looks for work.
type signal chan struct{}

func (s signal) raise() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// newSession returns a session that runs once it has its connections.
func newSession(l *link) *session {
	return &session{
		bus:     l.bus,
		link:    l,
		addr:    l.addr,
		down:    make(chan struct{}),
		changes: make(signal, 1),
		sends:   make(signal, 1),
		adds:    make(signal, 1),
	}
}

// run works until the session fails or ctx ends, and returns why.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	s.ctx = ctx
	var workers sync.WaitGroup
	for _, work := range []func(){
		func() { s.work(s.changes, s.subscribe) },
		func() { s.work(s.sends, s.publish) },
		func() { s.work(s.adds, s.spool) },
	} {
		workers.Go(work)
	}
	s.bus.onOpened(s)
	select {
	case err, ok := <-s.conn.gone:
		if !ok || err == nil {
			err = errors.New("the connection with the subscriptions is gone")
		}
		s.fail(err)
	case <-s.down:
	case <-ctx.Done():
		s.fail(ctx.Err())
	}
	s.bus.onClosed(s)
	cancel()
	s.bus.background(s.conn.close)
	workers.Wait()
	s.end()
	return s.reason
}

// work calls step for each signal while the session lasts.
func (s *session) work(wake signal, step func()) {
	for {
		select {
		case <-wake:
			step()
		case <-s.ctx.Done():
			return
		}
	}
}

// fail ends the session.
func (s *session) fail(reason error) {
	s.failing.Do(func() {
		s.reason = reason
		close(s.down)
	})
}

// end disposes of what was left undone.
func (s *session) end() {
	s.mu.Lock()
	s.ended = true
	queue, additions := s.queue, s.additions
	s.queue, s.additions = nil, nil
	s.mu.Unlock()
	for i := range queue {
		s.bus.undelivered(&queue[i])
	}
	for _, a := range additions {
		a.finish(errNoMaster)
	}
}

// wakeFor has the session look at what a partition needs.
func (s *session) wakeFor(p *partition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isDirty[p.index] {
		s.isDirty[p.index] = true
		s.dirty = append(s.dirty, p)
	}
	s.changes.raise()
}

// subscribe brings the server's subscriptions in line with what is wanted.
func (s *session) subscribe() {
	s.mu.Lock()
	dirty := s.dirty
	s.dirty, s.isDirty = nil, [partitions]bool{}
	s.mu.Unlock()
	for len(dirty) > 0 {
		var batch []change
		channels := 0
		for len(dirty) > 0 && channels < batchChannels {
			if c, any := dirty[0].collect(s); any {
				batch = append(batch, c)
				channels += len(c.adds) + len(c.drops) + 1
			}
			dirty = dirty[1:]
		}
		if len(batch) > 0 && !s.apply(batch) {
			return
		}
	}
}

// apply makes changes in one round trip and reports whether the session goes on.
func (s *session) apply(batch []change) bool {
	var commands []subscription
	var owner []int // index into batch
	for i := range batch {
		for _, command := range batch[i].commands(s.bus.names) {
			commands = append(commands, command)
			owner = append(owner, i)
		}
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.bus.opts.CallTimeout)
	defer cancel()
	failed := make([]error, len(batch))
	for i, err := range s.conn.subscribe(ctx, commands) {
		switch {
		case classify(err) == broken:
			s.fail(err)
			return false
		case err != nil && !commands[i].end: // what has moved away is ended anyway
			failed[owner[i]] = err
		}
	}
	for i, c := range batch {
		if failed[i] != nil {
			s.bus.onRejected(s, c.part, failed[i])
			continue
		}
		lost, again, alive := c.part.applyChange(s, c)
		if again {
			s.wakeFor(c.part)
		}
		s.bus.onSubscribed(s, lost, alive)
	}
	return true
}

// offer queues a message to be published, unless the queue is full.
func (s *session) offer(m outgoing) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.queued+m.size() > s.bus.opts.QueueBytes {
		return false
	}
	s.queue = append(s.queue, m)
	s.queued += m.size()
	s.sends.raise()
	return true
}

// publish sends the next batch of what is queued.
func (s *session) publish() {
	s.mu.Lock()
	n, bytes := 0, 0
	for n < len(s.queue) && n < batchMessages && (n == 0 || bytes+s.queue[n].size() <= batchBytes) {
		bytes += s.queue[n].size()
		n++
	}
	batch := s.queue[:n:n]
	s.queue = s.queue[n:]
	s.queued -= bytes
	if len(s.queue) == 0 {
		s.queue = nil
	} else {
		s.sends.raise()
	}
	s.mu.Unlock()
	if n == 0 {
		return
	}

	ctx, cancel := context.WithTimeout(s.ctx, s.bus.opts.CallTimeout)
	defer cancel()
	for i, err := range s.conn.publish(ctx, batch) {
		if err == nil {
			continue
		}
		s.bus.undelivered(&batch[i])
		switch classify(err) {
		case broken:
			s.fail(err)
		default:
			s.bus.onRejected(s, batch[i].part, err)
		}
	}
}
