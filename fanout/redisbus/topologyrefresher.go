package redisbus

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// The topologyRefresher is one goroutine. It asks the nodes who serves which slot, makes
// the links that are needed, and attaches each partition to the session of its
// master. It never waits for a node: questions have goroutines of their own.

// answered is what one node said of the cluster; or, with end set, that all who
// were asked with a question have answered.
type answered struct {
	end   string // the address in the question
	addr  string
	nodes string // CLUSTER NODES
	err   error
}

// urgency is how often the topologyRefresher asks while something is wrong.
const urgency = 50 * time.Millisecond

// After so long of it the topologyRefresher asks less often. A server that is back is
// noticed by its link, which has the topologyRefresher ask at once.
const (
	hurry      = 10 * time.Second
	slowerPace = 500 * time.Millisecond
)

// topologyRefresher is the state that its goroutine owns.
type topologyRefresher struct {
	bus    *Bus
	topo   *topology
	asking map[string]bool   // who has a question under way
	last   time.Time         // of the last round of questions
	ill    time.Time         // since when something is wrong; zero: all is well
	silent map[string]string // why an address does not answer
}

func (b *Bus) refreshTopology() {
	k := &topologyRefresher{bus: b, topo: newTopology(b.opts.Addrs), asking: make(map[string]bool), silent: make(map[string]string)}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-b.ctx.Done():
			return
		case a := <-b.answers:
			k.onTopology(a)
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
func (k *topologyRefresher) pause() time.Duration {
	switch now := time.Now(); {
	case k.complete():
		k.ill = time.Time{}
		return k.bus.opts.RefreshInterval
	case k.ill.IsZero():
		k.ill = now
	case now.Sub(k.ill) > hurry:
		return slowerPace
	}
	return 2 * urgency
}

// complete tells whether every partition is, or is being, subscribed at its master.
func (k *topologyRefresher) complete() bool {
	for i, p := range k.bus.parts {
		s, _ := p.where()
		if s == nil || s.addr != k.topo.claims[i].addr {
			return false
		}
	}
	return true
}

// ask asks one node if all is well, else all.
func (k *topologyRefresher) ask() {
	k.last = time.Now()
	if k.complete() {
		sessions := k.bus.sessions()
		if len(sessions) > 0 {
			k.askTopology(sessions[rand.IntN(len(sessions))].addr)
			return
		}
	}
	k.topo.forget(k.bus.opts.memory, k.bus.opts.Addrs)
	for addr := range k.topo.nodes {
		k.askTopology(addr)
	}
}

// askTopology asks one address, over its session if there is one. A host name may
// have several nodes behind it: all are asked at once, since the first one of
// the list may be the one that is frozen.
func (k *topologyRefresher) askTopology(addr string) {
	if k.asking[addr] {
		return
	}
	k.asking[addr] = true
	b := k.bus
	b.background(func() {
		ctx, cancel := context.WithTimeout(b.ctx, b.opts.DialTimeout)
		defer cancel()
		if s := b.session(addr); s != nil {
			nodes, err := s.conn.nodes(ctx)
			b.onAnswer(answered{addr: addr, nodes: nodes, err: err})
		} else if all, err := b.resolve(ctx, addr); err != nil {
			b.onAnswer(answered{addr: addr, err: err})
		} else {
			var asking sync.WaitGroup
			for _, addr := range all {
				asking.Go(func() {
					nodes, err := askNodes(ctx, addr, &b.opts)
					b.onAnswer(answered{addr: addr, nodes: nodes, err: err})
				})
			}
			asking.Wait()
		}
		b.onAnswer(answered{end: addr})
	})
}

func (b *Bus) onAnswer(a answered) {
	select {
	case b.answers <- a:
	case <-b.ctx.Done():
	}
}

// mostAddrs bounds how many addresses of one host name are asked.
const mostAddrs = 16

// resolve returns all addresses behind one.
func (b *Bus) resolve(ctx context.Context, addr string) ([]string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || net.ParseIP(host) != nil {
		return []string{addr}, err
	}
	found, err := b.opts.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, ip := range found[:min(len(found), mostAddrs)] {
		all = append(all, net.JoinHostPort(ip, port))
	}
	return all, nil
}

func (k *topologyRefresher) onTopology(a answered) {
	switch {
	case a.end != "":
		delete(k.asking, a.end)
		return
	case a.err != nil:
		k.bus.unreachable(a.err)
		k.silent[a.addr] = k.bus.explain(a.err)
	default:
		delete(k.silent, a.addr)
		k.topo.merge(time.Now(), a.addr, a.nodes)
		k.assign()
	}
	k.judgeCluster(a.err == nil)
}

// judgeCluster says what is wrong when nobody serves a part of the rooms.
func (k *topologyRefresher) judgeCluster(answered bool) {
	unserved := 0
	for i := range k.topo.claims {
		if k.topo.claims[i].addr == "" {
			unserved++
		}
	}
	conds := k.bus.conds
	switch {
	case unserved == 0:
		conds.works(wayCluster, "")
	case unserved == partitions && !k.topo.heard.IsZero():
		conds.fail(wayCluster, "", "the nodes answer, and have no slots: make the cluster with redis-cli --cluster create")
	case unserved < partitions:
		conds.fail(wayCluster, "", fmt.Sprintf("slots of %d in %d parts have no owner: see redis-cli --cluster check, and mend it with redis-cli --cluster fix", unserved, partitions))
	case !answered:
		conds.fail(wayCluster, "", "none of -bus answers: "+k.whySilent())
	}
	for addr := range k.silent { // what is not asked any more
		if _, known := k.topo.nodes[addr]; !known && len(k.silent) > 2*mostAddrs {
			delete(k.silent, addr)
		}
	}
}

// whySilent names up to three addresses that do not answer, and why.
func (k *topologyRefresher) whySilent() string {
	addrs := slices.Sorted(maps.Keys(k.silent))
	var said []string
	for _, addr := range addrs[:min(len(addrs), 3)] {
		said = append(said, addr+" ("+k.silent[addr]+")")
	}
	return strings.Join(said, ", ")
}

// assign gives every partition to the session of who serves it.
func (k *topologyRefresher) assign() {
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
			b.metrics.attached(p.attachmentTo(addr))
			s.wakeFor(p)
		}
		if s, _ := p.where(); s != nil {
			needed[s.addr] = true
		}
	}
	b.prune(needed)
}
