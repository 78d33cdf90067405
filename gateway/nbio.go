package gateway

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"unsafe"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/mempool"
)

// This file is the only one that knows nbio. It uses nbio's core, the epoll
// loops and their write queues, and none of its HTTP and WebSocket layers: those
// take unmasked frames, answer most violations without a close frame, and cost
// one more hand-over and two more copies per message.

// socket is one accepted TCP connection on a poller.
type socket struct {
	nb *nbio.Conn
	fd int // valid while nb is locked and not closed
}

// poller runs the epoll loops.
type poller struct {
	engine *nbio.Engine
	probes []*pollerProbe // one on each loop
	closes *loop          // nbio's goroutine that reports closed connections

	mu   sync.Mutex
	done bool // the probes are closed; guarded by mu
}

func newPoller(s *Server) *poller {
	logging.SetLevel(logging.LevelNone)
	engine := nbio.NewEngine(nbio.Config{
		Name:           "tuitalk",
		NPoller:        s.opts.Pollers,
		ReadBufferSize: 64 << 10,
		BodyAllocator:  mempool.New(512, 16<<10),
	})
	p := &poller{engine: engine, closes: s.loops.add("closed connections")}
	engine.OnData(func(nb *nbio.Conn, data []byte) {
		switch to := nb.Session().(type) {
		case *conn:
			guard(to, func() { to.received(data) })
			p.probeOf(nb).loop.goesOn() // a round may be long
		case *pollerProbe:
			to.loop.end()
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
			p.closes.goesOn() // thousands may close at once
		}
	})
	for i := range s.opts.Pollers {
		p.probes = append(p.probes, &pollerProbe{loop: s.loops.add(fmt.Sprintf("poller %d", i)), peer: -1})
	}
	return p
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

func (p *poller) start() error {
	if err := p.engine.Start(); err != nil {
		return err
	}
	if err := p.placeProbes(); err != nil {
		p.stop()
		return fmt.Errorf("watch the epoll loops: %w", err)
	}
	return nil
}

// stop closes every connection hard and ends the loops.
func (p *poller) stop() {
	p.engine.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	for _, probe := range p.probes {
		_ = syscall.Close(probe.peer) // nothing is read from it any more
		probe.loop.end()
	}
	p.closes.end()
}

// pollerProbe is one end of a socket pair on an epoll loop. What is written to its
// peer comes if the loop goes round.
type pollerProbe struct {
	loop *loop
	peer int
}

// placeProbes puts a probe on each loop. Which one a socket is on depends on its
// number: there are tries until each has one.
func (p *poller) placeProbes() error {
	var misses []*nbio.Conn
	defer func() {
		for _, nb := range misses {
			_ = nb.Close()
		}
	}()
	for left := len(p.probes); left > 0; {
		nb, peer, err := socketPair()
		if err != nil {
			return err
		}
		probe := p.probeOf(nb)
		if probe.peer >= 0 {
			misses = append(misses, nb)
			_ = syscall.Close(peer)
			continue
		}
		probe.peer = peer
		nb.SetSession(probe)
		if _, err := p.engine.AddConn(nb); err != nil {
			return err
		}
		left--
	}
	return nil
}

// probeOf returns the probe of the loop that serves nb.
func (p *poller) probeOf(nb *nbio.Conn) *pollerProbe { return p.probes[nb.Hash()%len(p.probes)] }

func socketPair() (nb *nbio.Conn, peer int, err error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, 0, err
	}
	f := os.NewFile(uintptr(pair[0]), "probe")
	defer f.Close()
	c, err := net.FileConn(f)
	if err == nil {
		nb, err = nbio.NBConn(c)
	}
	if err != nil {
		_ = syscall.Close(pair[1])
	}
	return nb, pair[1], err
}

// poke asks each loop for a sign of life, unless it owes one already.
func (p *poller) poke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return
	}
	for _, probe := range p.probes {
		if probe.loop.idle() {
			probe.loop.begin()
			_, _ = syscall.Write(probe.peer, []byte{0}) // if it does not come, that shows
		}
	}
	if p.closes.idle() {
		p.closes.begin()
		p.engine.Async(p.closes.end)
	}
}

// adopt puts an accepted connection on a poller; c.received may be called from
// then on, even before adopt returns.
func (p *poller) adopt(tcp net.Conn, c *conn) error {
	nb, err := nbio.NBConn(tcp)
	if err != nil {
		_ = tcp.Close() // it was never ours to read an error from
		return fmt.Errorf("take over the accepted connection: %w", err)
	}
	c.sock = socket{nb: nb}
	raw, err := nb.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { c.sock.fd = int(fd) })
	}
	if err == nil {
		err = c.sock.bound(c.srv.opts.SendBuffer, c.srv.opts.ReceiveBuffer)
	}
	if err != nil {
		_ = nb.Close() // it is unwanted, whatever close says
		return fmt.Errorf("prepare the accepted connection: %w", err)
	}
	nb.SetSession(c)
	c.stage.Store(uint32(stageHTTP)) // what is written above is seen by who loads it
	c.srv.conns.add(c)
	if _, err := p.engine.AddConn(nb); err != nil {
		return fmt.Errorf("add the connection to a poller: %w", err)
	}
	return nil
}

// bound sets how many bytes the kernel keeps for the connection in each direction.
// Linux doubles the number and counts its own overhead in it.
func (s socket) bound(send, receive int) error {
	return errors.Join(
		syscall.SetsockoptInt(s.fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, send),
		syscall.SetsockoptInt(s.fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, receive),
	)
}

// inflightMost is the most that is given to nbio, which copies it, to be called
// when the socket takes bytes again.
const inflightMost = 512

// write gives b to the kernel. Of what it does not take, nbio gets a little: its
// wrote tells when there is room again, and inflight is above 0 until then. taken
// is what both have; the rest stays with the caller. false: closed.
func (c *conn) write(b []byte) (taken int, ok bool) {
	taken, err := c.sock.send(b)
	if err != nil {
		_ = c.sock.nb.CloseWithError(err)
		return 0, false
	}
	c.out.taken.Add(int64(taken))
	if rest := b[taken:]; len(rest) > 0 {
		rest = rest[:min(len(rest), inflightMost)]
		c.out.inflight.Add(int32(len(rest)))
		taken += len(rest)
		if _, err := c.sock.nb.Write(rest); err != nil {
			return 0, false
		}
	}
	return taken, true
}

// send writes what the kernel takes at once; nothing must be in flight. The call
// never waits, so the scheduler is not told of it, which costs more than a little
// with a hundred thousand writes a second.
func (s socket) send(b []byte) (int, error) {
	s.nb.Lock()
	defer s.nb.Unlock()
	if closed, _ := s.nb.IsClosed(); closed {
		return 0, net.ErrClosed
	}
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))),
			uintptr(len(b)), syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		default:
			return 0, errno
		}
	}
}

// close ends the connection at once; c.gone follows on another goroutine.
func (s socket) close() { _ = s.nb.Close() }

// reset ends the connection at once; what the kernel has of it is dropped.
func (s socket) reset() {
	s.nb.Lock()
	if closed, _ := s.nb.IsClosed(); !closed {
		_ = syscall.SetsockoptLinger(s.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1}) // then it is a close
	}
	s.nb.Unlock()
	s.close()
}

// unacked is how many bytes the kernel has for the client that have not arrived.
func (s socket) unacked() int {
	s.nb.Lock()
	defer s.nb.Unlock()
	if closed, _ := s.nb.IsClosed(); closed {
		return 0
	}
	var n int32
	if _, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(s.fd), syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&n))); errno != 0 {
		return 0
	}
	return int(n)
}

// closeWrite says that nothing more will be sent, so that the client reads what
// is under way before it sees the end.
func (s socket) closeWrite() error {
	s.nb.Lock()
	defer s.nb.Unlock()
	if closed, _ := s.nb.IsClosed(); closed {
		return net.ErrClosed
	}
	return syscall.Shutdown(s.fd, syscall.SHUT_WR)
}
