package virtualuser

import (
	"sync"
	"sync/atomic"
	"time"
)

// handshakes are the TLS handshakes of a loop. crypto/tls can go on with a
// connection whenever there is something to read, but a handshake it does in one
// go, waiting for the other side. So each has a goroutine as long as it lasts.
type handshakes struct {
	// guarded by the loop's mu
	queue   []*tlsSocket // that have not begun
	running int          // goroutines

	ended     sync.WaitGroup // of the goroutines
	computing sync.Mutex     // held by the one that computes and does not wait; the loop's mu is taken under it, never the other way round
	worked    atomic.Int64   // ns for which it was held
}

// maxHandshakes are under way in a loop at once, by default. The others wait for their turn,
// as the processor that computes them makes them wait anyway.
const maxHandshakes = 512

// beginHandshake has a goroutine make the handshake.
func (l *loop) beginHandshake(s *tlsSocket) {
	h := &l.handshakes
	h.queue = append(h.queue, s)
	if h.running < l.group.cfg.handshakes {
		h.running++
		h.ended.Go(l.handshake)
	}
}

// handshake makes handshakes until there are none to begin.
func (l *loop) handshake() {
	for s := l.nextHandshake(); s != nil; s = l.nextHandshake() {
		since := l.handshakes.compute()
		s.since = &since
		err := s.conn.Handshake()
		l.handshakes.rest(since)
		l.handshaken(s, err)
	}
}

// compute waits for the right to compute: one handshake at a time, so that the
// others of the process, above all those who post, are not kept waiting.
func (h *handshakes) compute() (since time.Time) {
	h.computing.Lock()
	return time.Now()
}

func (h *handshakes) rest(since time.Time) {
	h.worked.Add(int64(time.Since(since)))
	h.computing.Unlock()
}

// work is how long handshakes have been computed so far.
func (h *handshakes) work() time.Duration { return time.Duration(h.worked.Load()) }

func (l *loop) nextHandshake() *tlsSocket {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &l.handshakes
	for len(h.queue) > 0 && !l.stopped {
		s := h.queue[0]
		h.queue = h.queue[1:]
		if s.line.state != gone {
			s.begun = true
			return s
		}
	}
	h.queue = nil
	h.running--
	return nil
}

// handshaken goes on with a connection, or gives it up.
func (l *loop) handshaken(s *tlsSocket, err error) {
	now := l.clock.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || s.line.state == gone {
		return
	}
	l.at(now)
	if err != nil {
		s.line.fail(0, s.line.whyBroken(err))
	} else {
		s.secured()
	}
	l.flushFailures()
}
