package devcluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// LinkMode is what a link does with what comes its way.
type LinkMode int

const (
	// Pass carries everything, unharmed and in order.
	Pass LinkMode = iota
	// Cut resets every connection and refuses new ones, like a program that died.
	Cut
	// Freeze accepts connections and data and carries nothing on, like a program
	// that hangs: the kernel answers for it. After Pass everything goes on.
	Freeze
	// Drop loses every packet, like a cable that was pulled: nothing is accepted,
	// acknowledged or refused. After Pass the kernels repeat what was lost,
	// unless they have given up.
	Drop
)

func (m LinkMode) String() string {
	return [...]string{Pass: "pass", Cut: "cut", Freeze: "freeze", Drop: "drop"}[m]
}

// Hop is one pair of addresses, each with a numeric host: what comes to Listen
// is carried to Dial. A Listen with port 0 takes a free one.
type Hop struct{ Listen, Dial string }

// Link is the way of one part of the fleet to another: TCP connections that can
// be slowed, frozen and cut at any moment. Its methods may be called from several
// goroutines.
//
// Each hop has a goroutine that accepts. Each connection has one that ends it and
// four that carry: in each direction one reads and one writes, with a bounded
// queue between them, so that a delay holds up each byte by as much and no more.
// Close ends and awaits them all.
type Link struct {
	hops     []*hop
	from, to *network

	changing sync.Mutex // held while the mode changes; locked before mu

	mu    sync.Mutex
	state *linkState
	conns map[*linkConn]struct{}

	ends    sync.WaitGroup // accepting and connections
	opened  atomic.Uint64
	refused atomic.Uint64
	carried [2]atomic.Uint64 // bytes, by direction
}

// linkState is immutable; replaced is closed when another takes its place.
type linkState struct {
	mode     LinkMode
	delay    time.Duration
	closed   bool
	replaced chan struct{}
}

type hop struct {
	dial string

	// guarded by Link.changing
	listen   string
	listener net.Listener // nil while it is cut
}

// maxLinkConns bounds the connections of a link; more are reset.
const maxLinkConns = 20_000

// OpenLink starts to carry.
func OpenLink(hops ...Hop) (*Link, error) { return openLink(nil, nil, hops...) }

// openLink listens in one network and dials in another.
func openLink(from, to *network, hops ...Hop) (*Link, error) {
	l := &Link{from: from, to: to, conns: map[*linkConn]struct{}{}, state: &linkState{replaced: make(chan struct{})}}
	for _, h := range hops {
		l.hops = append(l.hops, &hop{listen: h.Listen, dial: h.Dial})
	}
	if err := l.listen(); err != nil {
		l.Close()
		return nil, fmt.Errorf("open a link: %w", err)
	}
	return l, nil
}

// Addr is where the first hop listens.
func (l *Link) Addr() string {
	l.changing.Lock()
	defer l.changing.Unlock()
	return l.hops[0].listen
}

// Mode is what the link does now.
func (l *Link) Mode() LinkMode { return l.now().mode }

// Set changes what the link does. When it returns, it does so.
func (l *Link) Set(mode LinkMode) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	old := l.now()
	if old.closed || old.mode == mode {
		return nil
	}
	l.replace(func(s *linkState) { s.mode = mode })
	var err error
	if mode == Cut {
		l.reset()
	} else {
		err = errors.Join(l.listen(), l.setDeaf(mode == Drop))
	}
	if err != nil {
		return fmt.Errorf("set the link to %s: %w", mode, err)
	}
	return nil
}

// Delay holds up, from now on, what goes in either direction by d.
func (l *Link) Delay(d time.Duration) {
	l.changing.Lock()
	defer l.changing.Unlock()
	l.replace(func(s *linkState) { s.delay = d })
}

// Delayed is by how much Delay holds up now.
func (l *Link) Delayed() time.Duration { return l.now().delay }

// Close ends all connections and returns when nothing of the link is left.
func (l *Link) Close() {
	l.changing.Lock()
	l.replace(func(s *linkState) { s.closed = true })
	l.reset()
	l.changing.Unlock()
	l.ends.Wait()
}

// LinkCounts is what a link has seen since it was opened.
type LinkCounts struct {
	Opened  uint64 // connections accepted
	Refused uint64 // of these, those that found nobody at the other end, or too many others
	Open    int    // connections now
	Forward uint64 // bytes carried to where the link dials
	Back    uint64 // bytes carried back
}

// Counts returns what the link has seen.
func (l *Link) Counts() LinkCounts {
	l.mu.Lock()
	open := len(l.conns)
	l.mu.Unlock()
	return LinkCounts{
		Opened: l.opened.Load(), Refused: l.refused.Load(), Open: open,
		Forward: l.carried[forward].Load(), Back: l.carried[back].Load(),
	}
}

func (l *Link) now() *linkState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

func (l *Link) replace(change func(*linkState)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := *l.state
	next.replaced = make(chan struct{})
	change(&next)
	close(l.state.replaced)
	l.state = &next
}

// listen makes every hop listen, on the port that it had; changing is held, or
// nobody knows the link yet.
func (l *Link) listen() error {
	for _, h := range l.hops {
		if h.listener != nil {
			continue
		}
		listener, err := l.from.listen(h.listen)
		if err != nil {
			return err
		}
		h.listen, h.listener = listener.Addr().String(), listener
		l.ends.Go(func() { l.accept(listener, h.dial) })
	}
	return nil
}

// reset refuses new connections and ends all others; changing is held.
func (l *Link) reset() {
	for _, h := range l.hops {
		if h.listener != nil {
			h.listener.Close()
			h.listener = nil
		}
	}
	for _, c := range l.all() {
		c.end()
	}
}

// setDeaf makes every socket lose what it is sent, or hear again; changing is held.
func (l *Link) setDeaf(deaf bool) error {
	var errs []error
	for _, h := range l.hops {
		errs = append(errs, setDeaf(h.listener.(*net.TCPListener), deaf))
	}
	for _, c := range l.all() {
		errs = append(errs, c.setDeaf(deaf))
	}
	return errors.Join(errs...)
}

func (l *Link) all() []*linkConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*linkConn, 0, len(l.conns))
	for c := range l.conns {
		all = append(all, c)
	}
	return all
}

// accept ends when the listener is closed.
func (l *Link) accept(listener net.Listener, dial string) {
	for {
		conn, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(acceptPause) // out of files, most likely; nothing tells when there are some
			continue
		}
		l.opened.Add(1)
		c := newLinkConn(l, conn.(*net.TCPConn))
		if l.add(c) {
			l.ends.Go(func() { c.carry(dial) })
		} else {
			l.refused.Add(1)
			c.end()
		}
	}
}

const acceptPause = 10 * time.Millisecond

// add puts a connection among those that a change of mode reaches.
func (l *Link) add(c *linkConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.closed || l.state.mode == Cut || len(l.conns) >= maxLinkConns {
		return false
	}
	l.conns[c] = struct{}{}
	return true
}

func (l *Link) remove(c *linkConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// passes waits until the link carries again, and returns by how much it delays;
// false when ctx has ended.
func (l *Link) passes(ctx context.Context) (time.Duration, bool) {
	for {
		s := l.now()
		if s.mode == Pass {
			return s.delay, ctx.Err() == nil
		}
		select {
		case <-s.replaced:
		case <-ctx.Done():
			return 0, false
		}
	}
}
