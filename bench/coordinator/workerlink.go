package coordinator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Times of a link.
const (
	dialPatience  = 10 * time.Second
	tickPatience  = 20 * time.Second // a worker that has a plan tells something every second
	idlePatience  = time.Minute      // before that
	clockInterval = 5 * time.Second  // between two exchanges
)

// workerLink is the coordinator's side of one worker. One goroutine reads; the others
// belong to the run.
type workerLink struct {
	name  string // for people
	share int
	line  *framedConn
	proc  *process // nil: it was not started here
	about welcome
	clock *clock

	comparing sync.Mutex // held while the clocks are compared, which one does at a time

	replies chan any          // what the run waits for, in the order in which it came
	ticks   chan<- workerTick // of all links
	told    func(string)      // lines for people
	dead    chan struct{}     // closed when the reader has ended
	over    <-chan struct{}   // closed when the run is; nobody listens any more
	fail    func(error)       // ends the run
	now     func() time.Time  // of the run
	record  *os.File          // the worker's recording; owned by the reader, until it is dead
	written int64             // bytes of it; likewise
}

// workerTick is a tick of the worker with a share.
type workerTick struct {
	share int
	*tick
}

type (
	ready     struct{}
	connected struct{}
)

// dialWorker greets a worker.
func dialWorker(ctx context.Context, name, addr, key string) (*workerLink, error) {
	dialer := net.Dialer{Timeout: dialPatience}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be reached: %w", name, innermost(err))
	}
	l := &workerLink{name: name, line: newFramedConn(conn), replies: make(chan any, 4), dead: make(chan struct{})}
	if err := l.greet(key); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return l, nil
}

func (l *workerLink) greet(key string) error {
	h, err := readMessage[hello](l.line, kindHello, dialPatience) // which it sends at once
	if err != nil {
		return fmt.Errorf("it does not answer as a worker does: %w", unanswered(err))
	}
	if h.Version != protocol {
		return fmt.Errorf("the worker speaks version %d of the protocol, this program version %d", h.Version, protocol)
	}
	mine := nonce()
	if err := l.line.send(kindGreet, &greet{protocol, mine, proof(key, asCoordinator, h.Nonce, mine)}); err != nil {
		return err
	}
	w, err := readMessage[welcome](l.line, kindWelcome, writePatience)
	if err != nil {
		return err
	}
	if !proves(w.Proof, key, asWorker, h.Nonce, mine) {
		return ErrKey
	}
	l.about = *w
	l.clock = newClock(w.Machine != "" && w.Machine == machineID())
	return nil
}

// unanswered says in people's words why nothing of a worker came.
func unanswered(err error) error {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("it says nothing")
	case errors.Is(err, io.EOF):
		return errors.New("it hung up")
	}
	return innermost(err)
}

// innermost is what a person wants to know of an error of the network.
func innermost(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

// read takes what the worker says until the line ends, in a goroutine of its own.
func (l *workerLink) read() {
	defer close(l.dead)
	patience := idlePatience
	for {
		k, message, raw, err := l.line.read(maxFrame, patience)
		if err == nil {
			err = l.take(k, message, raw)
		}
		if err != nil {
			l.fail(l.why(err))
			return
		}
		switch k {
		case kindReady:
			patience = tickPatience
		case kindEnded:
			_ = l.line.conn.Close() // which the worker waits for
			return
		}
	}
}

// why is a sentence about a worker that is gone.
func (l *workerLink) why(err error) error {
	var timeout net.Error
	switch ended := l.proc.ended(); {
	case ended != "":
		return fmt.Errorf("%s ended in the middle of the run: %s", l.name, ended)
	case errors.Is(err, errWorker):
		return fmt.Errorf("%s: %w", l.name, err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%s has said nothing for %v", l.name, tickPatience)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s hung up in the middle of the run", l.name)
	}
	return fmt.Errorf("%s is lost: %w", l.name, innermost(err))
}

// errWorker is what a worker says of itself.
var errWorker = errors.New("it gave up")

func (l *workerLink) take(k kind, message any, raw []byte) error {
	switch m := message.(type) {
	case *probed:
		if l.clock.answer(m.N, time.Unix(0, m.At), l.now()) {
			return l.ask()
		}
		return nil
	case *tick:
		return handOver(l, l.ticks, workerTick{l.share, m})
	case *outages:
		return handOver(l, l.replies, any(m))
	case *ended:
		return handOver(l, l.replies, any(m))
	case *sentence:
		if k == kindFailed {
			return &workerError{m.Text}
		}
		l.told(l.name + ": " + m.Text)
		return nil
	}
	switch k {
	case kindReady:
		return handOver(l, l.replies, any(ready{}))
	case kindConnected:
		return handOver(l, l.replies, any(connected{}))
	case kindChunk:
		n, err := l.record.Write(raw)
		l.written += int64(n)
		return err
	}
	return fmt.Errorf("%w: %d", errFrameKind, byte(k))
}

// handOver gives something to the run, which may be over.
func handOver[T any](l *workerLink, to chan<- T, what T) error {
	select {
	case to <- what:
		return nil
	case <-l.over:
		return context.Canceled
	}
}

// workerError is a sentence of a worker that gives up.
type workerError struct{ text string }

func (e *workerError) Error() string        { return e.text }
func (e *workerError) Is(target error) bool { return target == errWorker }

// ask asks for the time.
func (l *workerLink) ask() error {
	return l.line.send(kindProbe, &probe{l.clock.ask(l.now())})
}

// compareClocks has the worker's clock asked as often as an exchange takes, and
// waits for its end: over a line on which one takes longer than the time between
// two, none would ever end otherwise.
func (l *workerLink) compareClocks(ctx context.Context) error {
	l.comparing.Lock()
	defer l.comparing.Unlock()
	l.clock.begin()
	if err := l.ask(); err != nil {
		return err
	}
	select {
	case <-l.clock.complete:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// followClock compares the clocks again and again, in a goroutine of its own.
func (l *workerLink) followClock(ctx context.Context) {
	t := time.NewTicker(clockInterval)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		if err := l.compareClocks(ctx); err != nil {
			return // the run is over, or the reader finds out why
		}
	}
}

// await waits for a reply of a type.
func await[M any](ctx context.Context, l *workerLink) (m M, err error) {
	select {
	case r := <-l.replies:
		if m, ok := r.(M); ok {
			return m, nil
		}
		return m, fmt.Errorf("%s answered something else than it was asked", l.name)
	case <-ctx.Done():
		return m, context.Cause(ctx)
	}
}
