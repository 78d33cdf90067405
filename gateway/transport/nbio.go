package transport

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/mempool"
)

// This file is the only one of the gateway that knows nbio. It uses nbio's core, the epoll
// loops and their write queues, and none of its HTTP and WebSocket layers: those
// take unmasked frames, answer most violations without a close frame, and cost
// one more hand-over and two more copies per message.

// A descriptor's number may be used again as soon as it is closed, and who closes a
// connection is often not its loop. nbio finds the connection of an event by the
// number: a loop that got the old one's end from the kernel, and comes to it when the
// number is a new one's, closes that before its first byte. So nbio is given a new
// connection by the loop itself, when it has gone round since the number was given:
// whatever the kernel tells from then on is of the new one. See pollerProbe.

// nbioSocket is one accepted TCP connection on an epoll loop.
type nbioSocket struct {
	nb    *nbio.Conn
	fd    int // valid while nb is locked and not closed
	to    Callbacks
	probe *pollerProbe // of its loop

	// guarded by probe.mu
	served bool  // nbio has it
	closed bool  // before that
	why    error // it was closed
}

// nbioPoller runs the epoll loops.
type nbioPoller struct {
	engine        *nbio.Engine
	send, receive int            // kernel buffers, of PollerConfig
	probes        []*pollerProbe // one on each loop
	closes        Loop           // nbio's goroutine that reports closed connections

	mu   sync.Mutex
	done bool // the probes are closed; guarded by mu
}

var (
	_ Poller = (*nbioPoller)(nil)
	_ Socket = (*nbioSocket)(nil)
)

// PollerConfig is what NewPoller needs.
type PollerConfig struct {
	Loops int // epoll loops
	// SendBuffer and ReceiveBuffer bound what the kernel keeps for a connection:
	// SO_SNDBUF and SO_RCVBUF, which Linux doubles.
	SendBuffer, ReceiveBuffer int
	Watch                     func(name string) Loop // called once for each goroutine
}

// NewPoller makes the epoll loops.
func NewPoller(c PollerConfig) Poller { return newNbioPoller(c) }

func newNbioPoller(c PollerConfig) *nbioPoller {
	logging.SetLevel(logging.LevelNone)
	engine := nbio.NewEngine(nbio.Config{
		Name:           "tuitalk",
		NPoller:        c.Loops,
		ReadBufferSize: 64 << 10,
		BodyAllocator:  mempool.New(512, 16<<10),
	})
	p := &nbioPoller{engine: engine, send: c.SendBuffer, receive: c.ReceiveBuffer, closes: c.Watch("closed connections")}
	engine.OnData(func(nb *nbio.Conn, data []byte) {
		switch to := nb.Session().(type) {
		case Callbacks:
			to.OnData(data)
			p.probeOf(nb).loop.Progress() // a round may be long
		case *pollerProbe:
			to.loop.End()
			p.serveNew(to)
		}
	})
	engine.OnWrittenSize(func(nb *nbio.Conn, _ []byte, n int) {
		if to, ok := nb.Session().(Callbacks); ok {
			to.OnWritten(n)
		}
	})
	engine.OnClose(func(nb *nbio.Conn, err error) {
		if to, ok := nb.Session().(Callbacks); ok {
			to.OnClose(err)
			p.closes.Progress() // thousands may close at once
		}
	})
	for i := range c.Loops {
		p.probes = append(p.probes, &pollerProbe{loop: c.Watch(fmt.Sprintf("poller %d", i)), peer: -1})
	}
	return p
}

func (p *nbioPoller) Start() error {
	if err := p.engine.Start(); err != nil {
		return err
	}
	if err := p.placeProbes(); err != nil {
		p.Stop()
		return fmt.Errorf("watch the epoll loops: %w", err)
	}
	return nil
}

func (p *nbioPoller) Stop() {
	p.mu.Lock()
	p.done = true
	p.mu.Unlock()
	for _, probe := range p.probes {
		for _, s := range probe.takeAll() {
			s.end()
		}
	}
	p.engine.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, probe := range p.probes {
		_ = syscall.Close(probe.peer) // nothing is read from it any more
		probe.loop.End()
	}
	p.closes.End()
}

// pollerProbe is one end of a socket pair on an epoll loop. What is written to its
// peer comes if the loop goes round.
type pollerProbe struct {
	loop Loop
	peer int

	mu sync.Mutex
	// fresh are new connections, ready those that were it when the loop came to the
	// probe the last time: what it got from the kernel before is dealt with when it
	// comes the next time. As long as there are any, a byte is on its way.
	fresh, ready []*nbioSocket
}

func (probe *pollerProbe) wake() { _, _ = syscall.Write(probe.peer, []byte{0}) } // if it does not come, that shows

// add takes a new connection.
func (probe *pollerProbe) add(s *nbioSocket) {
	probe.mu.Lock()
	defer probe.mu.Unlock()
	probe.fresh = append(probe.fresh, s)
	if len(probe.fresh) == 1 {
		probe.wake()
	}
}

// takeReady returns those that nbio can have.
func (probe *pollerProbe) takeReady() []*nbioSocket {
	probe.mu.Lock()
	defer probe.mu.Unlock()
	ready := probe.ready
	probe.ready, probe.fresh = probe.fresh, nil
	if len(probe.ready) > 0 {
		probe.wake()
	}
	return ready
}

func (probe *pollerProbe) takeAll() []*nbioSocket {
	probe.mu.Lock()
	defer probe.mu.Unlock()
	all := append(probe.ready, probe.fresh...)
	probe.ready, probe.fresh = nil, nil
	return all
}

// serveNew gives nbio the connections that it can have. The loop of the probe calls it.
func (p *nbioPoller) serveNew(probe *pollerProbe) {
	for _, s := range probe.takeReady() {
		if !p.serve(s) {
			s.end()
		}
	}
}

// serve gives nbio a connection; false: it is closed, or the poller is.
func (p *nbioPoller) serve(s *nbioSocket) bool {
	p.mu.Lock()
	closed, _ := s.setServed(false)
	if closed = closed || p.done; !closed {
		_, _ = p.engine.AddConn(s.nb) // if it cannot, it has closed it, and OnClose tells
	}
	p.mu.Unlock()
	if closed {
		return false
	}
	// Until here whoever closes it only says so: nbio forgets a connection that is closed
	// while it is given to it, and its number with it.
	if closed, why := s.setServed(true); closed {
		_ = s.nb.CloseWithError(why)
	}
	return true
}

// setServed notes whether nbio has it now, and tells whether it was closed before nbio
// had it, and why.
func (s *nbioSocket) setServed(served bool) (closed bool, why error) {
	s.probe.mu.Lock()
	defer s.probe.mu.Unlock()
	s.served = served
	return s.closed, s.why
}

// end closes a connection that nbio has never had.
func (s *nbioSocket) end() {
	_ = s.nb.Close() // nothing can be done about an error
	s.to.OnClose(s.why)
}

// placeProbes puts a probe on each loop. Which one a socket is on depends on its
// number: there are tries until each has one.
func (p *nbioPoller) placeProbes() error {
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
func (p *nbioPoller) probeOf(nb *nbio.Conn) *pollerProbe { return p.probes[nb.Hash()%len(p.probes)] }

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

func (p *nbioPoller) Poke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return
	}
	for _, probe := range p.probes {
		if probe.loop.Idle() {
			probe.loop.Begin()
			probe.wake()
		}
	}
	if p.closes.Idle() {
		p.closes.Begin()
		p.engine.Async(p.closes.End)
	}
}

func (p *nbioPoller) TakeOver(tcp net.Conn) (Socket, error) {
	s := &nbioSocket{}
	if err := s.duplicate(tcp); err != nil {
		_ = tcp.Close() // it was never ours to read an error from
		return nil, fmt.Errorf("take over the accepted connection: %w", err)
	}
	s.probe = p.probeOf(s.nb)
	var err error
	if s.fd >= nbio.MaxOpenFiles {
		err = fmt.Errorf("descriptor %d is beyond the %d that the poller takes", s.fd, nbio.MaxOpenFiles)
	}
	if err == nil {
		err = s.bound(p.send, p.receive)
	}
	if err != nil {
		_ = s.nb.Close() // it is unwanted, whatever close says
		return nil, fmt.Errorf("prepare the accepted connection: %w", err)
	}
	return s, nil
}

// duplicate makes nbio's connection of an accepted one, which it closes. nbio takes a
// duplicate that a child process would inherit: then closing it here would end neither
// the connection nor what epoll tells under its number, which is soon a new one's.
func (s *nbioSocket) duplicate(tcp net.Conn) error {
	syscall.ForkLock.RLock() // no child begins before the duplicate is marked
	defer syscall.ForkLock.RUnlock()
	nb, err := nbio.NBConn(tcp)
	if err != nil {
		return err
	}
	raw, err := nb.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { s.fd = int(fd) })
	}
	if err != nil {
		_ = nb.Close() // it is unwanted, whatever close says
		return err
	}
	s.nb = nb
	syscall.CloseOnExec(s.fd)
	return nil
}

func (p *nbioPoller) Serve(s Socket, to Callbacks) error {
	socket := s.(*nbioSocket)
	socket.to = to
	socket.nb.SetSession(to)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		_ = socket.nb.Close() // it was nobody's
		return fmt.Errorf("add the connection to a poller: %w", net.ErrClosed)
	}
	socket.probe.add(socket)
	return nil
}

// bound sets how many bytes the kernel keeps for the connection in each direction.
// Linux doubles the number and counts its own overhead in it.
func (s *nbioSocket) bound(send, receive int) error {
	return errors.Join(
		syscall.SetsockoptInt(s.fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, send),
		syscall.SetsockoptInt(s.fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, receive),
	)
}

// Send tells the scheduler nothing of the call, which never waits: that costs more
// than a little with a hundred thousand writes a second.
func (s *nbioSocket) Send(b []byte) (int, error) {
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

// Queue is nbio's Write.
func (s *nbioSocket) Queue(b []byte) error {
	_, err := s.nb.Write(b)
	return err
}

func (s *nbioSocket) Close(why error) {
	if !s.closesLater(why) {
		_ = s.nb.CloseWithError(why)
	}
}

// closesLater tells whether nbio does not have it yet: then its loop closes it.
func (s *nbioSocket) closesLater(why error) bool {
	s.probe.mu.Lock()
	defer s.probe.mu.Unlock()
	if !s.served && !s.closed {
		s.closed, s.why = true, why
	}
	return !s.served
}

func (s *nbioSocket) Reset() {
	s.nb.Lock()
	if closed, _ := s.nb.IsClosed(); !closed {
		_ = syscall.SetsockoptLinger(s.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1}) // then it is a close
	}
	s.nb.Unlock()
	s.Close(nil)
}

func (s *nbioSocket) Unacked() int {
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

func (s *nbioSocket) CloseWrite() error {
	s.nb.Lock()
	defer s.nb.Unlock()
	if closed, _ := s.nb.IsClosed(); closed {
		return net.ErrClosed
	}
	return syscall.Shutdown(s.fd, syscall.SHUT_WR)
}
