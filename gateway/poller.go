package gateway

import (
	"fmt"
	"net"
	"runtime/debug"
)

// Poller carries the bytes of the accepted connections. nbio's epoll loops do it,
// unless Options name another: a simulation of a whole fleet brings its own.
type Poller interface {
	Start() error
	// Stop closes every connection hard and ends the loops.
	Stop()
	// Poke asks each loop for a sign of life, unless it owes one already.
	Poke()
	// TakeOver makes a socket of an accepted connection, which belongs to the poller
	// from now on.
	TakeOver(tcp net.Conn) (Socket, error)
	// Serve begins to call back. It may do so before it returns.
	Serve(s Socket, to Callbacks) error
}

// Callbacks are those of one connection. OnData calls come one at a time and keep
// the order of the bytes; OnClose comes once.
type Callbacks interface {
	// OnData brings what was read. The slice is the poller's again afterwards.
	OnData(data []byte)
	// OnWritten tells that the kernel took n bytes of what was queued.
	OnWritten(n int)
	OnClose(err error)
}

// Socket is one accepted connection on a poller.
type Socket interface {
	// Send gives the kernel what it takes at once; nothing must be queued. It never
	// waits.
	Send(b []byte) (taken int, err error)
	// Queue keeps a copy of b until the kernel takes it, of which OnWritten tells.
	Queue(b []byte) error
	// Close ends the connection at once; OnClose follows on another goroutine, with
	// the reason.
	Close(why error)
	// Reset is Close, and what the kernel has of the connection is dropped.
	Reset()
	// CloseWrite says that nothing more will be sent, so that the client reads what
	// is under way before it sees the end.
	CloseWrite() error
	// Unacked is how many bytes the kernel has for the client that have not arrived.
	Unacked() int
}

var _ Callbacks = (*conn)(nil)

func (c *conn) OnData(data []byte) { guard(c, func() { c.onData(data) }) }

func (c *conn) OnWritten(n int) { c.onWritten(n) }

func (c *conn) OnClose(err error) { guard(c, func() { c.onClose(err) }) }

// guard keeps a panic in one connection's handling from ending the others.
func guard(c *conn, f func()) {
	defer func() {
		if v := recover(); v != nil {
			c.srv.metrics.panics.Inc()
			c.srv.log.Error("panic while serving a connection", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			c.sock.Close(nil)
		}
	}()
	f()
}

// adopt puts an accepted connection on the poller.
func (s *Server) adopt(tcp net.Conn, c *conn) error {
	sock, err := s.poller.TakeOver(tcp)
	if err != nil {
		return err
	}
	c.sock = sock
	c.stage.Store(uint32(stageHTTP)) // what is written above is seen by who loads it
	s.conns.add(c)
	return s.poller.Serve(sock, c)
}

// inflightMost is the most that is queued in a socket, which copies it, to be called
// when it takes bytes again.
const inflightMost = 512

// write gives b to the kernel. Of what it does not take, a little is queued: wrote
// tells when there is room again, and inflight is above 0 until then. taken is what
// both have; the rest stays with the caller. false: closed.
func (c *conn) write(b []byte) (taken int, ok bool) {
	taken, err := c.sock.Send(b)
	if err != nil {
		c.sock.Close(err)
		return 0, false
	}
	c.out.taken.Add(int64(taken))
	if rest := b[taken:]; len(rest) > 0 {
		rest = rest[:min(len(rest), inflightMost)]
		c.out.inflight.Add(int32(len(rest)))
		taken += len(rest)
		if c.sock.Queue(rest) != nil {
			return 0, false
		}
	}
	return taken, true
}
