package fleetsim

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// network joins clients and gateways, through a balancer that gives each new
// connection to the gateway that has the fewest, as Nginx does.
type network struct {
	window int           // bytes that a direction of a line holds
	delay  time.Duration // of a line, most often
	idle   time.Duration // a line on which a gateway is silent for so long is cut

	mu    sync.Mutex
	nodes []*node // may be dialled
	lines map[*line]struct{}
	tries int
}

func newNetwork(s *settings) *network {
	return &network{window: s.window, delay: s.delay, idle: s.proxyIdle, lines: map[*line]struct{}{}}
}

// dial is a client's way to a gateway.
func (n *network) dial(ctx context.Context, who string, rng *dice) (net.Conn, error) {
	for try := 0; ; try++ {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(n.delay):
		}
		l := n.open(who, rng)
		if l == nil {
			return nil, errRefused
		}
		if l.node.accept(l) {
			return conn{l.ends[near]}, nil
		}
		l.cut()
		if try == 3 {
			return nil, errRefused
		}
	}
}

// open chooses the gateway.
func (n *network) open(who string, rng *dice) *line {
	n.mu.Lock()
	defer n.mu.Unlock()
	var best *node
	n.tries++
	for i := range n.nodes {
		o := n.nodes[(i+n.tries)%len(n.nodes)]
		if o.listens() && time.Now().After(o.avoid()) && (best == nil || o.open.Load() < best.open.Load()) {
			best = o
		}
	}
	if best == nil {
		return nil
	}
	best.open.Add(1)
	l := newLine(n, best, rng.duration(n.delay/2, n.delay*3/2))
	l.who, l.from = who, addressOf(who)
	n.lines[l] = struct{}{}
	return l
}

// watch cuts the lines on which a gateway has been silent, as a proxy's read timeout
// does, and then avoids that gateway for a while. It counts its rounds.
func (n *network) watch(ctx context.Context, rounds *atomic.Int64) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		rounds.Add(1)
		for _, l := range n.all() {
			l.mu.Lock()
			idle, over, left := time.Since(l.heard), l.over, l.ends[near].left() && l.ends[far].left()
			l.mu.Unlock()
			if left {
				n.mu.Lock()
				delete(n.lines, l)
				n.mu.Unlock()
			} else if !over && idle > n.idle {
				l.node.failed()
				l.cut()
			}
		}
	}
}

func (n *network) all() (all []*line) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for l := range n.lines {
		all = append(all, l)
	}
	return all
}

// of are the lines of a client, or to a node.
func (n *network) of(who string, at *node) (some []*line) {
	for _, l := range n.all() {
		if l.who == who || at != nil && l.node == at {
			some = append(some, l)
		}
	}
	return some
}

func (n *network) add(o *node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nodes = append(n.nodes, o)
}

func (n *network) remove(o *node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.nodes {
		if n.nodes[i] == o {
			n.nodes = append(n.nodes[:i:i], n.nodes[i+1:]...)
			return
		}
	}
}
