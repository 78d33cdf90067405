package virtualuser

import (
	"errors"
	"fmt"
	"io"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/mempool"
	"golang.org/x/sys/unix"
)

// This file is the only one that knows nbio: its core, level-triggered.

// poller is one epoll loop and the connections on it.
type poller struct {
	engine *nbio.Engine
	tid    int // of its thread
}

const (
	readBuffer = 64 << 10
	maxReads   = 256 // of one connection in a row, before the others' turn
)

func startPoller(l *loop) (*poller, error) {
	logging.SetLevel(logging.LevelNone)
	p := &poller{engine: nbio.NewEngine(nbio.Config{
		Name: "virtualuser", NPoller: 1, LockPoller: true, ReadBufferSize: readBuffer,
		MaxConnReadTimesPerEventLoop: maxReads, BodyAllocator: mempool.New(512, 16<<10),
	})}
	p.engine.OnData(func(nb *nbio.Conn, data []byte) {
		now := l.clock.now()
		switch to := nb.Session().(type) {
		case *connection:
			l.onData(to, data, now)
		case chan int:
			to <- unix.Gettid()
		}
	})
	p.engine.OnClose(func(nb *nbio.Conn, err error) {
		if line, ok := nb.Session().(*connection); ok {
			l.onBroken(line, err)
		}
	})
	if err := p.engine.Start(); err != nil {
		return nil, fmt.Errorf("start an event loop: %w", err)
	}
	if err := p.awaitStart(); err != nil {
		return nil, fmt.Errorf("start an event loop: %w", err)
	}
	return p, nil
}

// awaitStart waits until the loop has read something: nbio forgets a Stop that
// comes before its loop runs, and runs for ever.
func (p *poller) awaitStart() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open a pair of sockets: %w", err)
	}
	defer unix.Close(pair[1])
	conn, err := socketConn(pair[0])
	if err != nil {
		return err
	}
	nb, err := nbio.NBConn(conn)
	if err != nil {
		_ = conn.Close() // it was never used
		return fmt.Errorf("take over a socket: %w", err)
	}
	tid := make(chan int, 1)
	nb.SetSession(tid)
	if _, err := p.engine.AddConn(nb); err != nil {
		return fmt.Errorf("add a socket to the loop: %w", err)
	}
	if _, err := unix.Write(pair[1], []byte{'.'}); err != nil {
		return fmt.Errorf("write to the loop: %w", err)
	}
	p.tid = <-tid
	return nb.Close()
}

// stop closes all connections and ends the loop.
func (p *poller) stop() { p.engine.Stop() }

// adopt puts a socket on the loop, which may still be connecting: what is
// written waits in nbio until it is. fd is taken.
func (p *poller) adopt(fd int, l *connection) (socket, error) {
	tcp, err := socketConn(fd)
	if err != nil {
		return nil, err
	}
	nb, err := nbio.NBConn(tcp)
	if err != nil {
		_ = tcp.Close() // it was never used
		return nil, fmt.Errorf("take over a socket: %w", err)
	}
	nb.SetSession(l)
	if _, err := p.engine.AddConn(nb); err != nil {
		return nil, fmt.Errorf("add a connection to the loop: %w", err)
	}
	return fastSocket{nb}, nil
}

// fastSocket is a connection on a poller.
type fastSocket struct{ nb *nbio.Conn }

var _ socket = fastSocket{}

func (s fastSocket) write(b []byte) {
	_, _ = s.nb.Write(b) // OnClose tells
}

func (s fastSocket) close(hard bool) {
	if hard {
		s.nb.Lock() // so that the descriptor is not somebody else's by now
		if closed, _ := s.nb.IsClosed(); !closed {
			_ = s.nb.SetLinger(1, 0) // else it is closed softly, which is as good
		}
		s.nb.Unlock()
	}
	_ = s.nb.Close() // nothing of it is wanted any more
}

// whyBroken is a sentence about the end of a connection; "" if there is nothing
// to say but that.
func whyBroken(err error) string {
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return ""
	case isUnreachable(err):
		return unreachable(err).Error()
	}
	return "the line broke: " + err.Error()
}

func isUnreachable(err error) bool {
	return errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.ENETUNREACH) ||
		errors.Is(err, unix.ETIMEDOUT)
}
