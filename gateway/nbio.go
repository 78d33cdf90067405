package gateway

import (
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"syscall"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/mempool"
)

// This file is the only one that knows nbio. It uses nbio's core, the epoll
// loops and their write queues, and none of its HTTP and WebSocket layers: those
// take unmasked frames, answer most violations without a close frame, and cost
// one more hand-over and two more copies per message.

// socket is one accepted TCP connection on a poller.
type socket struct{ nb *nbio.Conn }

// poller runs the epoll loops.
type poller struct{ engine *nbio.Engine }

func newPoller(s *Server) *poller {
	logging.SetLevel(logging.LevelNone)
	engine := nbio.NewEngine(nbio.Config{
		Name:           "tuitalk",
		NPoller:        s.opts.Pollers,
		ReadBufferSize: 64 << 10,
		BodyAllocator:  mempool.New(512, 16<<10),
	})
	engine.OnData(func(nb *nbio.Conn, data []byte) {
		if c, ok := nb.Session().(*conn); ok {
			guard(c, func() { c.received(data) })
		}
	})
	engine.OnWrittenSize(func(nb *nbio.Conn, _ []byte, n int) {
		if c, ok := nb.Session().(*conn); ok {
			c.wrote(n)
		}
	})
	engine.OnClose(func(nb *nbio.Conn, err error) {
		if c, ok := nb.Session().(*conn); ok {
			guard(c, func() { c.gone(err) })
		}
	})
	return &poller{engine: engine}
}

// guard keeps a panic in one connection's handling from ending the others.
func guard(c *conn, f func()) {
	defer func() {
		if v := recover(); v != nil {
			c.srv.metrics.panics.Inc()
			c.srv.log.Error("panic while serving a connection", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			c.sock.close()
		}
	}()
	f()
}

func (p *poller) start() error { return p.engine.Start() }

// stop closes every connection hard and ends the loops.
func (p *poller) stop() { p.engine.Stop() }

// adopt puts an accepted connection on a poller; c.received may be called from
// then on, even before adopt returns.
func (p *poller) adopt(tcp net.Conn, c *conn) error {
	nb, err := nbio.NBConn(tcp)
	if err != nil {
		_ = tcp.Close() // it was never ours to read an error from
		return fmt.Errorf("take over the accepted connection: %w", err)
	}
	c.sock = socket{nb: nb}
	nb.SetSession(c)
	c.stage.Store(uint32(stageHTTP)) // what is written above is seen by who loads it
	c.srv.conns.add(c)
	if _, err := p.engine.AddConn(nb); err != nil {
		return fmt.Errorf("add the connection to a poller: %w", err)
	}
	return nil
}

// write gives b to the kernel, and what it does not take to nbio, which copies
// it. c.inflight is raised before and lowered by wrote. false: closed.
func (c *conn) write(b []byte) bool {
	c.out.inflight.Add(int64(len(b)))
	_, err := c.sock.nb.Write(b)
	return err == nil
}

// close ends the connection at once; c.gone follows on another goroutine.
func (s socket) close() { _ = s.nb.Close() }

// closeWrite says that nothing more will be sent, so that the client reads what
// is under way before it sees the end.
func (s socket) closeWrite() error {
	s.nb.Lock()
	defer s.nb.Unlock()
	if closed, _ := s.nb.IsClosed(); closed {
		return net.ErrClosed
	}
	raw, err := s.nb.SyscallConn()
	if err != nil {
		return err
	}
	var shut error
	err = raw.Control(func(fd uintptr) { shut = syscall.Shutdown(int(fd), syscall.SHUT_WR) })
	return errors.Join(err, shut)
}
