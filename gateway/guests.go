package gateway

import (
	"net/netip"
	"sync"
)

// guests counts the WebSocket connections of each client address, so that one
// address cannot take all of them. Of IPv6 it is the first 64 bits that count,
// since whoever has one address of a network has all of them.
type guests struct {
	mu sync.Mutex
	by map[netip.Addr]int
}

// enter counts one more of an address, unless there are as many as may be; 0
// is no bound.
func (g *guests) enter(a netip.Addr, most int) bool {
	if most == 0 {
		return true
	}
	a = network(a)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.by[a] >= most {
		return false
	}
	if g.by == nil {
		g.by = map[netip.Addr]int{}
	}
	g.by[a]++
	return true
}

// leave counts one less.
func (g *guests) leave(a netip.Addr, most int) {
	if most == 0 {
		return
	}
	a = network(a)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.by[a]--; g.by[a] <= 0 {
		delete(g.by, a)
	}
}

// network is what counts as one address.
func network(a netip.Addr) netip.Addr {
	if p, err := a.Prefix(64); err == nil && a.Is6() {
		return p.Addr()
	}
	return a
}
