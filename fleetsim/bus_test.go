package fleetsim

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
	"tuitalk/talk"
)

// bus carries notes between the gateways and keeps the spool, as Redis does.
type bus struct {
	spool *fanouttest.Spool

	lying overlay[busFaults]

	mu     sync.Mutex
	faults busFaults // of those that lie there now
	nodes  []*busNode
}

// busFaults say how the bus fares. The zero value is health.
type busFaults struct {
	away    bool
	lose    int           // of a hundred notes so many come nowhere
	double  int           // and so many come twice
	reorder int           // and so many come later than those behind them
	slow    time.Duration // a note takes up to so long
	lone    bool          // no replica confirms what is spooled
}

var errBusAway = errors.New("the bus is away")

func newBus(spoolCap int) *bus {
	return &bus{spool: fanouttest.NewSpool(spoolCap)}
}

// busNode is one gateway's end of the bus.
type busNode struct {
	bus   *bus
	rng   *dice
	node  *node // nil in the contract's tests
	inbox *fanout.Inbox

	// guarded by bus.mu
	rooms  map[int32]bool
	status *fanout.Status
	heard  time.Time // when its status was heard last
	closed bool
	last   map[*busNode]time.Time // when what was sent to a peer arrives there
}

var (
	_ fanout.Bus   = (*busNode)(nil)
	_ fanout.Fleet = (*busNode)(nil)
	_ fanout.Spool = (*busNode)(nil)
)

// join adds a gateway, which receives through handler.
func (b *bus) join(n *node, handler fanout.Handler) *busNode {
	o := &busNode{bus: b, node: n, rooms: map[int32]bool{}, last: map[*busNode]time.Time{}}
	if n != nil {
		o.rng = newDice(n.world.seed, n.name+" bus")
	}
	o.inbox = fanout.NewInbox(gatedHandler{o, handler}, fanout.InboxNotes, fanout.InboxBytes)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nodes = append(b.nodes, o)
	return o
}

// gatedHandler hands over what has come while the process runs.
type gatedHandler struct {
	node *busNode
	fanout.Handler
}

func (h gatedHandler) Deliver(note *fanout.Note) {
	h.node.pass()
	h.Handler.Deliver(note)
}

func (h gatedHandler) Lost(room int32) {
	h.node.pass()
	h.Handler.Lost(room)
}

func (n *busNode) pass() {
	if n.node != nil {
		n.node.gate.pass()
	}
}

// reaches tells whether the node is on the bus now. Call with mu held.
func (n *busNode) reaches() bool {
	if n.closed || n.bus.faults.away {
		return false
	}
	return n.node == nil || !n.node.dead.Load() && !n.node.gate.isShut() && !n.node.cutFromBus.now().yes
}

// lay adds a fault.
func (b *bus) lay(change func(f *busFaults)) (lift func()) {
	taken := b.lying.lay(change)
	b.fare()
	return func() {
		taken()
		b.fare()
	}
}

// fare has the bus fare as its faults are. Who comes back to it is told that notes may
// be missing.
func (b *bus) fare() {
	b.mu.Lock()
	was := b.faults.away
	b.faults = b.lying.now()
	back := was && !b.faults.away
	b.spool.SetReplicated(!b.faults.lone)
	b.spool.SetDown(nil)
	if b.faults.away {
		b.spool.SetDown(errBusAway)
	}
	nodes := slices.Clone(b.nodes)
	b.mu.Unlock()
	for _, n := range nodes {
		if back {
			n.markAllLost()
		}
	}
}

func (n *busNode) markAllLost() {
	n.bus.mu.Lock()
	var rooms []int32
	for r := range n.rooms {
		rooms = append(rooms, r)
	}
	n.bus.mu.Unlock()
	slices.Sort(rooms)
	n.inbox.MarkLost(rooms...)
}

// ask is the way to the bus and back.
func (n *busNode) ask(ctx context.Context) error {
	n.pass()
	defer n.pass()
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.node != nil {
		select {
		case <-time.After(n.rng.duration(100*time.Microsecond, 2*time.Millisecond)):
		case <-n.node.died:
			return errBusAway
		}
	}
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	switch {
	case n.closed:
		return fanout.ErrClosed
	case n.bus.faults.away || n.node != nil && (n.node.dead.Load() || n.node.cutFromBus.now().yes):
		return errBusAway
	}
	return nil
}

// Subscribe returns at once while the bus is away, as the real one does: the room is
// reported lost when it is back.
func (n *busNode) Subscribe(ctx context.Context, room int32) error {
	if err := n.ask(ctx); err != nil && !errors.Is(err, errBusAway) {
		return err
	}
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	n.rooms[room] = true
	return nil
}

func (n *busNode) Unsubscribe(ctx context.Context, room int32) error {
	if err := n.ask(ctx); err != nil {
		return err
	}
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	delete(n.rooms, room)
	return nil
}

func (n *busNode) Publish(_ context.Context, note *fanout.Note) error {
	n.pass()
	b := n.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case n.closed:
		return fanout.ErrClosed
	case b.faults.away || n.node != nil && (n.node.dead.Load() || n.node.cutFromBus.now().yes):
		return errBusAway
	}
	for _, to := range b.nodes {
		if to != n && to.rooms[note.Room] {
			n.carry(note, to)
		}
	}
	return nil
}

// carry brings a note to a peer, or not. Call with mu held.
func (n *busNode) carry(note *fanout.Note, to *busNode) {
	f := &n.bus.faults
	if n.node == nil {
		to.inbox.Put(note)
		return
	}
	if n.rng.percent(f.lose) {
		n.node.world.walked("a note is lost")
		return
	}
	times := 1
	if n.rng.percent(f.double) {
		times = 2
	}
	for range times {
		n.carryOnce(note, to)
	}
}

func (n *busNode) carryOnce(note *fanout.Note, to *busNode) {
	f := &n.bus.faults
	wait := n.rng.duration(100*time.Microsecond, 2*time.Millisecond)
	if f.slow > 0 {
		wait = n.rng.duration(wait, f.slow)
	}
	at := time.Now().Add(wait)
	if n.rng.percent(f.reorder) {
		at = at.Add(n.rng.duration(0, 100*time.Millisecond))
	} else {
		if last := n.last[to]; last.After(at) {
			at = last
		}
		n.last[to] = at
	}
	time.AfterFunc(time.Until(at), func() {
		n.bus.mu.Lock()
		there := !to.closed && !to.node.dead.Load() && !n.bus.faults.away && !to.node.cutFromBus.now().yes
		n.bus.mu.Unlock()
		if there {
			to.inbox.Put(note)
		}
	})
}

func (n *busNode) Healthy() bool {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	return !n.closed && !n.bus.faults.away && (n.node == nil || !n.node.cutFromBus.now().yes)
}

func (n *busNode) Close() error {
	n.bus.mu.Lock()
	if n.closed {
		n.bus.mu.Unlock()
		return fanout.ErrClosed
	}
	n.closed = true
	n.bus.nodes = slices.DeleteFunc(n.bus.nodes, func(o *busNode) bool { return o == n })
	n.bus.mu.Unlock()
	n.inbox.Close()
	return nil
}

func (n *busNode) Announce(status fanout.Status) {
	n.pass()
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	n.status = &status
	if n.reaches() {
		n.heard = time.Now()
	}
}

// Peers are heard when they announce themselves, which gateways do without end.
func (n *busNode) Peers() (peers []fanout.Peer) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	for _, o := range n.bus.nodes {
		if o != n && o.status != nil && time.Since(o.heard) < fanout.PeerMemory {
			peers = append(peers, fanout.Peer{Status: *o.status, Heard: o.heard})
		}
	}
	return peers
}

func (n *busNode) Add(ctx context.Context, entries []talk.Entry, behind ...talk.Entry) []error {
	if err := n.ask(ctx); err != nil {
		errs := make([]error, len(entries))
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	return n.bus.spool.Add(ctx, entries, behind...)
}

func (n *busNode) Partitions() int          { return n.bus.spool.Partitions() }
func (n *busNode) Partition(room int32) int { return n.bus.spool.Partition(room) }
func (n *busNode) Working() error           { return n.bus.spool.Working() }

func (n *busNode) Depths(ctx context.Context) ([]int64, error) {
	if err := n.ask(ctx); err != nil {
		depths := make([]int64, n.Partitions())
		for i := range depths {
			depths[i] = -1
		}
		return depths, err
	}
	return n.bus.spool.Depths(ctx)
}

func (n *busNode) Read(ctx context.Context, partition int, after fanout.SpoolID, limit int) ([]fanout.Spooled, error) {
	if err := n.ask(ctx); err != nil {
		return nil, err
	}
	return n.bus.spool.Read(ctx, partition, after, limit)
}

func (n *busNode) Remove(ctx context.Context, partition int, ids ...fanout.SpoolID) error {
	if err := n.ask(ctx); err != nil {
		return err
	}
	return n.bus.spool.Remove(ctx, partition, ids...)
}
