package fleetsim

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tuitalk/gateway"
	"tuitalk/talk"
)

// node is one gateway's process, and the machine's side of it.
type node struct {
	world  *world
	name   string
	server *gateway.Server
	bus    *busNode

	gate         *gate // shut while the process is frozen
	dead         atomic.Bool
	died         chan struct{} // closed with dead
	cutFromStore overlay[cut]
	cutFromBus   overlay[cut]
	open         atomic.Int64 // lines, as the balancer counts them
	avoided      atomic.Int64 // the balancer gives it none until then (unix nano)
	listener     atomic.Pointer[listener]
	ended        sync.WaitGroup // of the process
	stopping     bool           // owned by the world's goroutine
}

// cut tells whether something is cut off.
type cut struct{ yes bool }

func cutOff(c *cut) { c.yes = true }

// startNode starts a process, which the balancer may choose from then on.
func (w *world) startNode() *node {
	w.started++
	n := &node{world: w, name: fmt.Sprint("gateway ", w.started), gate: newGate(), died: make(chan struct{})}
	opts := w.settings.options()
	opts.ID = talk.MakeUUID(4, w.dice.bytes())
	opts.Node = n.name
	opts.Metrics = prometheus.NewRegistry()
	opts.Poller = newPoller(n.gate)
	opts.Log = slog.New(storyHandler{w.story, n.name})
	opts.LastWords = func() { fmt.Println(w.story.tail()) }
	opts.Relisten = func() (net.Listener, error) { return n.listen(), nil }
	bugs := newDice(w.seed, n.name+" bugs")
	opts.Failpoint = func(at string) {
		switch {
		case at == "clock":
			n.gate.pass()
		case at == "handle" && w.calm == nil && bugs.chance(3000):
			w.walked("a bug is hit")
			panic("a bug")
		}
	}
	server, err := gateway.New(opts, &nodeStore{w.store, n, newDice(w.seed, n.name+" store")})
	if err != nil {
		panic(err) // the settings cannot be
	}
	n.server = server
	n.bus = w.bus.join(n, server)
	if err := server.Start(n.listen(), n.bus); err != nil {
		panic(err) // nothing can fail here
	}
	w.network.add(n)
	w.nodes = append(w.nodes, n)
	return n
}

func (n *node) listen() *listener {
	l := &listener{node: n, queue: make(chan *line, 1024), closed: make(chan struct{})}
	n.listener.Store(l)
	return l
}

// listens tells whether connections are taken by the machine.
func (n *node) listens() bool {
	l := n.listener.Load()
	return l != nil && !n.dead.Load() && !l.isClosed()
}

// accept is the machine's: a frozen process does not know of it yet.
func (n *node) accept(l *line) bool {
	ls := n.listener.Load()
	if !n.listens() {
		return false
	}
	select {
	case ls.queue <- l:
		return true
	default:
		return false
	}
}

func (n *node) avoid() time.Time { return time.Unix(0, n.avoided.Load()) }

// failed lets the balancer look elsewhere for a while.
func (n *node) failed() { n.avoided.Store(time.Now().Add(10 * time.Second).UnixNano()) }

// listener is a net.Listener of the simulated network.
type listener struct {
	node   *node
	queue  chan *line
	once   sync.Once
	closed chan struct{}
}

var _ net.Listener = (*listener)(nil)

func (l *listener) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case got := <-l.queue:
		l.node.gate.pass()
		return conn{got.ends[far]}, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	for {
		select {
		case got := <-l.queue:
			got.cut()
		default:
			return nil
		}
	}
}

func (l *listener) Addr() net.Addr { return address }

// crash ends the process at once. silently: its machine with it, so that nobody is
// told.
func (n *node) crash(silently bool) {
	w := n.world
	n.dead.Store(true)
	close(n.died)
	_ = n.listener.Load().Close() // it always can
	w.network.remove(n)
	for _, l := range w.network.of("", n) {
		if silently {
			l.silence() // for good
		} else {
			l.cut()
		}
	}
	n.gate.set(false)
	w.forget(n)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	n.ended.Go(func() {
		_ = n.server.Drain(ctx) // nobody hears of a dead process what did not end
		_ = n.bus.Close()
	})
}

// drain ends the process in good order.
func (n *node) drain() {
	w := n.world
	n.stopping = true
	n.ended.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := n.server.Drain(ctx); err != nil {
			w.story.tell("%s: drain: %v", n.name, err)
		}
		w.network.remove(n)
		_ = n.bus.Close()
		n.dead.Store(true)
		w.story.tell("%s has drained", n.name)
	})
	w.forget(n)
}

// forget takes a node off those that are there.
func (w *world) forget(n *node) {
	w.past = append(w.past, n)
	for i := range w.nodes {
		if w.nodes[i] == n {
			w.nodes = append(w.nodes[:i:i], w.nodes[i+1:]...)
			return
		}
	}
}
