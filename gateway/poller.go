package gateway

import (
	"fmt"
	"net"
	"runtime/debug"

	"tuitalk/gateway/transport"
)

var _ transport.Callbacks = (*conn)(nil)

func (c *conn) OnData(data []byte) { guard(c, func() { c.onData(data) }) }

func (c *conn) OnWritten(n int) { c.onWritten(n) }

func (c *conn) OnClose(err error) { guard(c, func() { c.onClose(err) }) }

// pollerLoop lets a poller tell how its loops get on.
type pollerLoop struct{ *loop }

var _ transport.Loop = pollerLoop{}

func (l pollerLoop) Begin()     { l.begin() }
func (l pollerLoop) Progress()  { l.progress() }
func (l pollerLoop) End()       { l.end() }
func (l pollerLoop) Idle() bool { return l.idle() }

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
