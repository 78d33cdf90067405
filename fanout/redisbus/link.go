package redisbus

import (
	"context"
	"errors"
	"time"
)

// link keeps a session with one address for as long as a master of the cluster
// is there.
type link struct {
	bus    *Bus
	addr   string
	cancel context.CancelFunc

	session *session // the open one, or nil; guarded by bus.mu
}

// Redial delays.
const (
	redialFirst = 50 * time.Millisecond
	redialMost  = 500 * time.Millisecond
)

// link returns the link with an address, and makes it if need be.
func (b *Bus) link(addr string) *link {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.links[addr]
	if l == nil && b.ctx.Err() == nil {
		ctx, cancel := context.WithCancel(b.ctx)
		l = &link{bus: b, addr: addr, cancel: cancel}
		b.links[addr] = l
		b.background(func() { l.run(ctx) })
	}
	return l
}

// session returns the open session with an address, or nil.
func (b *Bus) session(addr string) *session {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.links[addr]; l != nil {
		return l.session
	}
	return nil
}

// sessions returns all open sessions.
func (b *Bus) sessions() []*session {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*session, 0, len(b.links))
	for _, l := range b.links {
		if l.session != nil {
			all = append(all, l.session)
		}
	}
	return all
}

// prune ends the links that are not among those needed.
func (b *Bus) prune(needed map[string]bool) {
	b.mu.Lock()
	for addr, l := range b.links {
		if !needed[addr] {
			delete(b.links, addr)
			l.cancel()
		}
	}
	b.mu.Unlock()
	b.conds.keep(b.masters())
}

// masters returns the addresses of all links.
func (b *Bus) masters() map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make(map[string]bool, len(b.links))
	for addr := range b.links {
		all[addr] = true
	}
	return all
}

func (l *link) run(ctx context.Context) {
	delay := redialFirst
	for ctx.Err() == nil {
		connected, err := l.connect(ctx)
		if connected {
			delay = redialFirst
		}
		if ctx.Err() == nil {
			l.bus.conds.fail(wayConnection, l.addr, l.bus.explain(err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
		delay = min(2*delay, redialMost)
	}
}

// connect makes a session and returns when it is over, and why. It reports
// whether there was one.
func (l *link) connect(ctx context.Context) (connected bool, err error) {
	s := newSession(l)
	conn, err := dial(l.addr, &l.bus.opts, hooks{
		message: func(channel, message string) {
			s.probing.noteTraffic()
			l.bus.onMessage(channel, message)
		},
		unsubscribed: func(channel string) { l.bus.onEnded(s, channel) },
	})
	if err != nil {
		l.bus.unreachable(err)
		return false, err
	}
	s.conn = conn
	return true, s.run(ctx)
}

// unreachable takes note of a node that could not be asked.
func (b *Bus) unreachable(err error) {
	if classify(err) == hopeless {
		select {
		case b.hopeless <- errors.New(b.explain(err)):
		default:
		}
	}
}

// onOpened puts a session to use.
func (b *Bus) onOpened(s *session) {
	b.mu.Lock()
	s.link.session = s
	b.mu.Unlock()
	b.metrics.sessions.Inc()
	b.conds.works(wayConnection, s.addr)
	b.log.Info("bus: connected", "node", s.addr)
	b.trouble.raise()
}

// onClosed takes a session out of use, with all that was on it.
func (b *Bus) onClosed(s *session) {
	b.mu.Lock()
	s.link.session = nil
	b.mu.Unlock()
	b.metrics.sessions.Dec()
	used := false
	for _, p := range b.parts {
		used = p.detach(s) || used
	}
	if used && b.ctx.Err() == nil {
		b.setUnhealthy()
	}
}
