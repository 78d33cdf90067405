package coordinator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// workerServer is where a worker receives whoever connects: each in a goroutine of its
// own, so that a silent stranger keeps nobody waiting, and one of them at a time
// is served.
type workerServer struct {
	worker    *Worker
	close     context.CancelFunc
	strangers chan struct{} // a place for each that is greeted
	served    chan struct{} // the place of the one that is served
	first     chan error    // Once: how the run with the first coordinator ended
	talks     sync.WaitGroup
}

// accept takes connections until ctx ends.
func (d *workerServer) accept(ctx context.Context, l net.Listener) error {
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case err != nil && d.worker.Once && len(d.served) > 0:
			<-ctx.Done() // nobody else is waited for
			return nil
		case err != nil:
			return fmt.Errorf("wait for a coordinator: %w", err)
		}
		select {
		case d.strangers <- struct{}{}:
			d.talks.Go(func() { d.receive(ctx, conn) })
		default:
			_ = conn.Close()
		}
	}
}

// receive greets one, and serves it if it is a coordinator and nobody is served.
func (d *workerServer) receive(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer conn.Close()
	mine, theirs, err := d.worker.greet(conn)
	<-d.strangers
	if err == nil {
		err = d.turn(ctx)
	}
	if err != nil {
		if !errors.Is(err, errNoGreeting) {
			err = errors.Join(err, say(conn, greeting{Refused: err.Error()}))
		}
		d.worker.Logf("%v is not served: %v", conn.RemoteAddr(), err)
		return
	}
	defer func() { <-d.served }()
	if err = d.worker.welcome(conn, mine, theirs); err == nil {
		err = d.worker.serve(ctx, conn)
	}
	if err != nil {
		d.worker.Logf("the run of %v ended: %v", conn.RemoteAddr(), err)
	}
	if d.worker.Once {
		select {
		case d.first <- err:
		default: // another was first
		}
		d.close()
	}
}

// turn waits until the one before is gone, which may have hung up just now.
func (d *workerServer) turn(ctx context.Context) error {
	patience := time.NewTimer(greetPatience)
	defer patience.Stop()
	select {
	case d.served <- struct{}{}:
		return nil
	case <-patience.C:
		return ErrBusy
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
