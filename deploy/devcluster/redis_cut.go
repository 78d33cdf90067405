package devcluster

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
)

// Isolate cuts a node off from all other nodes. Clients still reach it, as they
// do when they are on the same side of a broken network. The cluster must have
// been started with RedisOptions.Cuttable.
func (c *RedisCluster) Isolate(i int) error { return c.cut(i, true) }

// Rejoin ends Isolate.
func (c *RedisCluster) Rejoin(i int) error { return c.cut(i, false) }

func (c *RedisCluster) cut(i int, off bool) error {
	if c.buses == nil {
		return errors.New("isolate a redis node: the cluster was not started as cuttable")
	}
	c.buses.set(i, off)
	return nil
}

// busRelays stand between the nodes: each node announces its relay as its
// cluster bus, so that every connection between two nodes runs through one.
type busRelays struct {
	running sync.WaitGroup
	relays  []*busRelay

	mu    sync.Mutex
	off   map[int]bool     // nodes that are cut off
	ids   map[string]int   // node ids, as they are learned
	links map[*busLink]int // open connections, and the node that each leads to
	ended bool
}

// busRelay leads to one node.
type busRelay struct {
	all    *busRelays
	node   int
	listen net.Listener
	target string
}

// busLink is one connection from a node to another.
type busLink struct {
	from    string // id of the node that opened it
	in, out net.Conn
}

func (l *busLink) close() {
	l.in.Close()
	l.out.Close()
}

// newBusRelays starts a relay for the bus of each node.
func newBusRelays(nodes []*redisNode) (*busRelays, error) {
	all := &busRelays{off: make(map[int]bool), ids: make(map[string]int), links: make(map[*busLink]int)}
	for _, n := range nodes {
		listen, err := net.Listen("tcp", net.JoinHostPort(n.opts.Host, "0"))
		if err != nil {
			all.close()
			return nil, err
		}
		r := &busRelay{
			all:    all,
			node:   n.index,
			listen: listen,
			target: net.JoinHostPort(n.opts.Host, strconv.Itoa(n.port+redisBusOffset)),
		}
		n.busPort = listen.Addr().(*net.TCPAddr).Port
		all.relays = append(all.relays, r)
		all.running.Go(r.accept)
	}
	return all, nil
}

// learn notes which node an id belongs to.
func (all *busRelays) learn(id string, node int) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.ids[id] = node
}

func (all *busRelays) set(node int, off bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.off[node] = off
	for link := range all.links {
		if !all.passes(link) {
			link.close()
		}
	}
}

// passes tells whether a link is to be kept. mu is held.
func (all *busRelays) passes(link *busLink) bool {
	from, known := all.ids[link.from]
	return !all.ended && !all.off[all.links[link]] && (!known || !all.off[from])
}

func (all *busRelays) close() {
	all.mu.Lock()
	all.ended = true
	for link := range all.links {
		link.close()
	}
	all.mu.Unlock()
	for _, r := range all.relays {
		r.listen.Close()
	}
	all.running.Wait()
}

func (r *busRelay) accept() {
	for {
		in, err := r.listen.Accept()
		if err != nil {
			return
		}
		r.all.running.Go(func() { r.relay(in) })
	}
}

// Where a message of the cluster bus names its sender.
const (
	busSenderAt   = 40
	busSenderSize = 40
)

// relay carries one connection. The first message tells who opened it.
func (r *busRelay) relay(in net.Conn) {
	out, err := net.Dial("tcp", r.target)
	if err != nil {
		in.Close()
		return
	}
	link := &busLink{in: in, out: out}
	defer r.all.drop(link)
	if !r.all.add(link, r.node) {
		return
	}
	head := make([]byte, busSenderAt+busSenderSize)
	if _, err := io.ReadFull(in, head); err != nil {
		return
	}
	if !r.all.name(link, string(head[busSenderAt:])) {
		return
	}
	if _, err := out.Write(head); err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(in, out)
		link.close()
	})
	_, _ = io.Copy(out, in)
	link.close()
	back.Wait()
}

func (all *busRelays) add(link *busLink, to int) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.links[link] = to
	return all.passes(link)
}

func (all *busRelays) name(link *busLink, from string) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	link.from = from
	return all.passes(link)
}

func (all *busRelays) drop(link *busLink) {
	link.close()
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.links, link)
}

// learnIDs tells the relays which node has which id.
func (c *RedisCluster) learnIDs(ctx context.Context) error {
	for _, n := range c.nodes {
		id, err := n.do(ctx, "CLUSTER", "MYID")
		if err != nil {
			return err
		}
		c.buses.learn(id.text, n.index)
	}
	return nil
}
