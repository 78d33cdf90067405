package coordinator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os"
	"sync"
	"time"

	"tuitalk/bench/tlsconfig"
	"tuitalk/bench/virtualuser"
)

// Times of a link.
const (
	dialPatience  = 10 * time.Second
	tickPatience  = 20 * time.Second // a worker answers every few seconds
	clockInterval = 5 * time.Second  // between two exchanges
)

// workerLink is the coordinator's side of one worker. It may be used from anywhere.
type workerLink struct {
	name  string // for people
	share int
	conn  *timedConn
	rpc   *rpc.Client
	proc  *process // nil: it was not started here
	clock *clock
	fail  func(error) // ends the run
	over  context.Context
	tell  func(string) // lines for people

	record  *os.File      // the worker's recording; nil: nothing is recorded
	written int64         // bytes of it, to be read after done
	done    chan struct{} // closed when all ticks and the whole recording are there
}

// workerTick is a tick of the worker with a share.
type workerTick struct {
	share int
	*Tick
}

// dialWorker greets a worker.
func dialWorker(ctx context.Context, name, addr, key string) (*workerLink, error) {
	dialer := net.Dialer{Timeout: dialPatience}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be reached: %w", name, tlsconfig.Innermost(err))
	}
	l := &workerLink{name: name, conn: &timedConn{Conn: conn, silence: tickPatience, lost: func() {}}, done: make(chan struct{})}
	if err := l.greet(key); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	l.rpc = rpc.NewClientWithCodec(newClientCodec(l.conn))
	return l, nil
}

func (l *workerLink) greet(key string) error {
	theirs, err := hear(l.conn.Conn, dialPatience) // which it sends at once
	if err != nil {
		return fmt.Errorf("it does not answer as a worker does: %w", unanswered(err))
	}
	if err := sameVersion("worker", theirs.Version); err != nil {
		return err
	}
	mine := nonce()
	if err := say(l.conn.Conn, greeting{Version: protocol, Nonce: mine, Proof: proof(key, asCoordinator, theirs.Nonce, mine)}); err != nil {
		return err
	}
	welcome, err := hear(l.conn.Conn, writeTimeout)
	if err != nil {
		return err
	}
	if !proves(welcome.Proof, key, asWorker, theirs.Nonce, mine) {
		return ErrKey
	}
	l.clock = newClock(welcome.Machine != "" && welcome.Machine == machineID())
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
	return tlsconfig.Innermost(err)
}

// call has the worker do something, and waits until it has. An error of the worker or of
// the connection ends the run, too.
func (l *workerLink) call(ctx context.Context, method string, args, answer any) error {
	call := l.rpc.Go(service+"."+method, args, answer, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if call.Error == nil {
		return nil
	}
	l.fail(l.why(call.Error))
	return context.Cause(l.over)
}

// nothing is the argument of a call that needs none.
var nothing struct{}

// why is a sentence about a worker that has refused something, or is gone.
func (l *workerLink) why(err error) error {
	var said rpc.ServerError
	if errors.As(err, &said) {
		return fmt.Errorf("%s: %w", l.name, said)
	}
	if first := l.conn.failed(); first != nil {
		err = first
	}
	var timeout net.Error
	switch ended := l.proc.ended(); {
	case ended != "":
		return fmt.Errorf("%s ended in the middle of the run: %s", l.name, ended)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%s has said nothing for %v", l.name, tickPatience)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s hung up in the middle of the run", l.name)
	}
	return fmt.Errorf("%s is lost: %w", l.name, tlsconfig.Innermost(err))
}

// listen takes what a worker with a plan has to say, until it has ended or the run is
// over, in a goroutine of its own.
func (l *workerLink) listen(ticks chan<- workerTick) {
	var recording sync.WaitGroup
	if l.record != nil {
		recording.Go(l.takeRecording)
	}
	whole := l.takeTicks(ticks)
	recording.Wait()
	if whole {
		close(l.done)
	}
}

func (l *workerLink) takeTicks(ticks chan<- workerTick) (whole bool) {
	for {
		t := &Tick{}
		if l.call(l.over, "Tick", nothing, t) != nil {
			return false
		}
		if t.Over {
			return true
		}
		l.tellAll(t.Told)
		select {
		case ticks <- workerTick{l.share, t}:
		case <-l.over.Done():
			return false
		}
	}
}

func (l *workerLink) tellAll(lines []string) {
	for _, line := range lines {
		l.tell(l.name + ": " + line)
	}
}

func (l *workerLink) takeRecording() {
	for {
		var piece []byte
		if l.call(l.over, "Recording", nothing, &piece) != nil || len(piece) == 0 {
			return
		}
		n, err := l.record.Write(piece)
		l.written += int64(n)
		if err != nil {
			l.fail(fmt.Errorf("keep the recording of %s: %w", l.name, err))
			return
		}
	}
}

// stop ends the worker's clients, and returns when all that it had to say is here.
func (l *workerLink) stop(ctx context.Context) error {
	var e Ended
	if err := l.call(ctx, "Stop", nothing, &e); err != nil {
		return err
	}
	l.tellAll(e.Told)
	select {
	case <-l.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	switch {
	case e.Error != "":
		return fmt.Errorf("%s could not end its clients in order: %s", l.name, e.Error)
	case e.Recorded != l.written:
		return fmt.Errorf("%s recorded %d bytes, of which %d came", l.name, e.Recorded, l.written)
	}
	return nil
}

// outages are the losses of connections until now, of the worker's clients.
func (l *workerLink) outages(ctx context.Context) (all []virtualuser.Outage, err error) {
	err = l.call(ctx, "Outages", nothing, &all)
	return all, err
}

// compareClocks asks the worker for the time as often as an exchange takes.
func (l *workerLink) compareClocks(ctx context.Context, now func() time.Time) error {
	return l.clock.compare(now, func() (time.Time, error) {
		var at int64
		err := l.call(ctx, "Now", nothing, &at)
		return time.Unix(0, at), err
	})
}

// followClock compares the clocks again and again, in a goroutine of its own.
func (l *workerLink) followClock(ctx context.Context, now func() time.Time) {
	t := time.NewTicker(clockInterval)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		if l.compareClocks(ctx, now) != nil {
			return // the run is over
		}
	}
}
