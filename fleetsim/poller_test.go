package fleetsim

import (
	"errors"
	"net"
	"sync"

	"tuitalk/gateway/transport"
)

// poller serves the lines of one gateway: callbacks one at a time, on one goroutine,
// as nbio's epoll loops do it for the connections of each.
type poller struct {
	gate *gate

	mu      sync.Mutex
	cond    *sync.Cond
	ready   []*socket // something has changed there
	sockets map[*socket]struct{}
	stopped bool
	done    chan struct{}
}

// socket is the gateway's end of a line.
type socket struct {
	poller *poller
	end    *end
	to     transport.Callbacks

	// guarded by poller.mu
	listed bool   // in ready
	queued []byte // to be sent when there is room
	ended  bool   // closed here
	why    error
	gone   bool // OnClose was called
}

var (
	_ transport.Poller = (*poller)(nil)
	_ transport.Socket = (*socket)(nil)
)

func newPoller(g *gate) *poller {
	p := &poller{gate: g, sockets: map[*socket]struct{}{}, done: make(chan struct{})}
	p.cond = sync.NewCond(&p.mu)
	return p
}

func (p *poller) Start() error {
	go p.run()
	return nil
}

func (p *poller) Stop() {
	p.mu.Lock()
	for s := range p.sockets {
		s.closeLocked(nil)
	}
	p.stopped = true
	p.cond.Signal()
	p.mu.Unlock()
	<-p.done
}

func (p *poller) Poke() {}

func (p *poller) TakeOver(tcp net.Conn) (transport.Socket, error) {
	c, ok := tcp.(conn)
	if !ok {
		return nil, errors.New("this is no simulated line")
	}
	return &socket{poller: p, end: c.end}, nil
}

func (p *poller) Serve(sock transport.Socket, to transport.Callbacks) error {
	s := sock.(*socket)
	s.to = to
	p.mu.Lock()
	stopped := p.stopped
	if !stopped {
		p.sockets[s] = struct{}{}
	}
	p.mu.Unlock()
	if stopped {
		s.end.reset()
		return net.ErrClosed
	}
	s.end.line.mu.Lock()
	s.end.changed = func() { p.wake(s) }
	s.end.line.mu.Unlock()
	p.wake(s)
	return nil
}

// wake has a socket looked at. It is called with the line locked.
func (p *poller) wake(s *socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.wakeLocked()
}

func (s *socket) wakeLocked() {
	if !s.listed && !s.gone {
		s.listed = true
		s.poller.ready = append(s.poller.ready, s)
		s.poller.cond.Signal()
	}
}

func (p *poller) run() {
	defer close(p.done)
	buffer := make([]byte, 64<<10)
	for {
		p.mu.Lock()
		for len(p.ready) == 0 && !p.stopped {
			p.cond.Wait()
		}
		if len(p.ready) == 0 {
			p.mu.Unlock()
			return
		}
		s := p.ready[0]
		p.ready = p.ready[1:]
		s.listed = false
		p.mu.Unlock()
		p.gate.pass()
		p.serve(s, buffer)
	}
}

// serve does for a socket what has become possible.
func (p *poller) serve(s *socket, buffer []byte) {
	p.mu.Lock()
	ended, why, gone, queued := s.ended, s.why, s.gone, s.queued
	p.mu.Unlock()
	if gone {
		return
	}
	if ended {
		p.forget(s, why)
		return
	}
	if len(queued) > 0 {
		n, err := s.end.send(queued)
		if err != nil {
			p.forget(s, err)
			return
		}
		if n > 0 {
			p.mu.Lock()
			s.queued = s.queued[n:]
			p.mu.Unlock()
			s.to.OnWritten(n)
		}
	}
	n, err := s.end.take(buffer)
	switch {
	case err != nil:
		p.forget(s, err)
	case n > 0:
		s.to.OnData(buffer[:n])
		p.wake(s) // there may be more
	}
}

// forget ends a socket for good.
func (p *poller) forget(s *socket, why error) {
	p.mu.Lock()
	s.gone = true
	delete(p.sockets, s)
	p.mu.Unlock()
	s.end.close()
	s.to.OnClose(why)
}

// Send implements transport.Socket.
func (s *socket) Send(b []byte) (int, error) {
	s.poller.gate.pass()
	s.poller.mu.Lock()
	ended := s.ended || s.gone
	s.poller.mu.Unlock()
	if ended {
		return 0, net.ErrClosed
	}
	return s.end.send(b)
}

// Queue implements transport.Socket.
func (s *socket) Queue(b []byte) error {
	s.poller.mu.Lock()
	defer s.poller.mu.Unlock()
	if s.ended || s.gone {
		return net.ErrClosed
	}
	s.queued = append(s.queued, b...)
	s.wakeLocked() // room may have come up meanwhile
	return nil
}

// Close implements transport.Socket.
func (s *socket) Close(why error) {
	s.poller.mu.Lock()
	defer s.poller.mu.Unlock()
	s.closeLocked(why)
}

func (s *socket) closeLocked(why error) {
	if !s.ended {
		s.ended, s.why = true, why
		s.wakeLocked()
	}
}

// Reset implements transport.Socket.
func (s *socket) Reset() {
	s.Close(nil)
	s.end.reset()
}

// CloseWrite implements transport.Socket.
func (s *socket) CloseWrite() error { return s.end.finish() }

// Unacked implements transport.Socket.
func (s *socket) Unacked() (n int) {
	s.end.line.mu.Lock()
	defer s.end.line.mu.Unlock()
	for _, seg := range s.end.peer().coming {
		n += len(seg.data)
	}
	return n
}

// gate is what a process does I/O through: shut while it is frozen.
type gate struct {
	mu   sync.Mutex
	cond *sync.Cond
	shut bool
}

func newGate() *gate {
	g := &gate{}
	g.cond = sync.NewCond(&g.mu)
	return g
}

func (g *gate) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.shut {
		g.cond.Wait()
	}
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	g.cond.Broadcast()
}

func (g *gate) isShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}
