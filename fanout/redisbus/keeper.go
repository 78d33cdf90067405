package redisbus

import (
	"context"
	"math/rand/v2"
	"time"
)

// The keeper is one goroutine. It asks the nodes who serves which slot, makes
// the links that are needed, and attaches each partition to the session of its
// master. It never waits for a node: questions have goroutines of their own.

// answered is what a node said of the cluster.
type answered struct {
	addr  string
	nodes string // CLUSTER NODES
	err   error
}

// urgency is how often the keeper asks while something is wrong.
const urgency = 50 * time.Millisecond

// keeper is the state that its goroutine owns.
type keeper struct {
	bus    *Bus
	topo   *topology
	asking map[string]bool // who has a question under way
	last   time.Time       // of the last round of questions
}

func (b *Bus) keep() {
	k := &keeper{bus: b, topo: newTopology(b.opts.Addrs), asking: make(map[string]bool)}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-b.ctx.Done():
			return
		case a := <-b.answers:
			k.hear(a)
		case <-b.trouble:
			if since := time.Since(k.last); since < urgency {
				timer.Reset(urgency - since)
				continue
			}
			k.ask()
		case <-timer.C:
			k.ask()
		}
		timer.Reset(k.pause())
	}
}

// pause is how long to wait with the next questions.
func (k *keeper) pause() time.Duration {
	if k.well() {
		return k.bus.opts.RefreshInterval
	}
	return 2 * urgency
}

// well tells whether every partition is, or is being, subscribed at its master.
func (k *keeper) well() bool {
	for i, p := range k.bus.parts {
		s, _ := p.where()
		if s == nil || s.addr != k.topo.claims[i].addr {
			return false
		}
	}
	return true
}

// ask asks one node if all is well, else all.
func (k *keeper) ask() {
	k.last = time.Now()
	if k.well() {
		sessions := k.bus.sessions()
		if len(sessions) > 0 {
			k.question(sessions[rand.IntN(len(sessions))].addr)
			return
		}
	}
	k.topo.forget(k.last, k.bus.opts.Addrs)
	for addr := range k.topo.nodes {
		k.question(addr)
	}
}

// question asks one node, over its session if there is one.
func (k *keeper) question(addr string) {
	if k.asking[addr] {
		return
	}
	k.asking[addr] = true
	b := k.bus
	b.background(func() {
		ctx, cancel := context.WithTimeout(b.ctx, b.opts.DialTimeout)
		defer cancel()
		a := answered{addr: addr}
		if s := b.session(addr); s != nil {
			a.nodes, a.err = s.conn.nodes(ctx)
		} else {
			a.nodes, a.err = askNodes(ctx, addr, &b.opts)
		}
		select {
		case b.answers <- a:
		case <-b.ctx.Done():
		}
	})
}

func (k *keeper) hear(a answered) {
	delete(k.asking, a.addr)
	if a.err != nil {
		k.bus.unreachable(a.err)
		return
	}
	k.topo.merge(time.Now(), a.addr, a.nodes)
	k.assign()
}

// assign gives every partition to the session of who serves it.
func (k *keeper) assign() {
	b, now := k.bus, time.Now()
	needed := make(map[string]bool)
	for i, p := range b.parts {
		addr := k.topo.claims[i].addr
		if addr == "" {
			continue
		}
		needed[addr] = true
		if l := b.link(addr); l == nil {
			return // closing
		}
		if s := b.session(addr); s != nil && p.attach(s, now) {
			b.metrics.attached(p.settleAt(addr))
			s.poke(p)
		}
		if s, _ := p.where(); s != nil {
			needed[s.addr] = true
		}
	}
	b.prune(needed)
}
