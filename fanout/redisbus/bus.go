package redisbus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tuitalk/fanout"
)

// Bus is one node's end of the bus over a Redis Cluster.
type Bus struct {
	opts     Options
	log      *slog.Logger
	id       nodeID
	names    *names
	controls map[string]*partition // by the partition's own channel
	metrics  *metrics
	conds    *conditions

	parts [partitions]*partition
	lanes []*fanout.Inbox

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup

	trouble  signal        // for the topologyRefresher: look who serves what
	tick     signal        // for the prober: look at once
	answers  chan answered // to the topologyRefresher
	hopeless chan error    // to Open: what no waiting mends
	healthy  atomic.Bool
	isClosed atomic.Bool
	begin    sync.Once
	ready    chan struct{} // closed when the bus is healthy for the first time

	mu    sync.Mutex
	links map[string]*link // by address

	peers peers
}

var (
	_ fanout.Bus   = (*Bus)(nil)
	_ fanout.Fleet = (*Bus)(nil)
	_ fanout.Spool = (*Bus)(nil)

	_ fanout.Degradable = (*Bus)(nil)
)

var errQueueFull = errors.New("too much waits to be published")

// Open connects a node. It returns as soon as the bus is healthy, and at the
// latest after Options.StartWait or with ctx: a bus whose Redis is away is
// returned all the same and goes on trying. An error means that no waiting
// would help: the options, the password or the kind of server are wrong.
func Open(ctx context.Context, opts Options, handler fanout.Handler) (*Bus, error) {
	b, err := newBus(opts, handler)
	if err != nil {
		return nil, fmt.Errorf("open the bus: %w", err)
	}
	b.background(b.refreshTopology)
	b.background(b.runProber)
	if err := b.awaitStart(ctx); err != nil {
		_ = b.Close()
		return nil, fmt.Errorf("open the bus: %w", err)
	}
	return b, nil
}

// newBus returns a bus that is not connected yet. Only its lanes run.
func newBus(opts Options, handler fanout.Handler) (*Bus, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	if err := opts.readCA(); err != nil {
		return nil, err
	}
	b := &Bus{
		opts:     opts,
		log:      opts.Logger,
		names:    makeNames(opts.Namespace),
		controls: make(map[string]*partition, partitions),
		trouble:  make(signal, 1),
		tick:     make(signal, 1),
		answers:  make(chan answered),
		hopeless: make(chan error, 1),
		ready:    make(chan struct{}),
		links:    make(map[string]*link),
	}
	var err error
	if b.metrics, err = newMetrics(opts.Registerer); err != nil {
		return nil, err
	}
	b.conds = newConditions(b.log, b.metrics.degraded)
	rand.Read(b.id[:])
	b.ctx, b.cancel = context.WithCancel(context.Background())
	for i := range b.parts {
		b.parts[i] = newPartition(i, b.ctx.Done())
		b.controls[b.names[i].control] = b.parts[i]
	}
	for range opts.Lanes {
		b.lanes = append(b.lanes, fanout.NewInbox(handler, opts.InboxNotes, opts.InboxBytes))
	}
	return b, nil
}

func (b *Bus) awaitStart(ctx context.Context) error {
	timer := time.NewTimer(b.opts.StartWait)
	defer timer.Stop()
	select {
	case <-b.ready:
		return nil
	case err := <-b.hopeless:
		return err
	case <-ctx.Done():
	case <-timer.C:
	}
	b.log.Warn("the bus is not healthy yet and goes on trying", "addrs", b.opts.Addrs, "why", strings.Join(b.Degraded(), "; "))
	return nil
}

// background runs f until it returns; Close waits for it.
func (b *Bus) background(f func()) { b.running.Go(f) }

// Subscribe implements fanout.Bus. While the room's part of the cluster is away
// it returns at once: the room will be reported lost when it is back.
func (b *Bus) Subscribe(ctx context.Context, room int32) error {
	return b.member(ctx, room, (*partition).subscribe)
}

// Unsubscribe implements fanout.Bus.
func (b *Bus) Unsubscribe(ctx context.Context, room int32) error {
	return b.member(ctx, room, (*partition).unsubscribe)
}

func (b *Bus) member(ctx context.Context, room int32, do func(*partition, context.Context, int32) error) error {
	if b.isClosed.Load() {
		return fanout.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return do(b.parts[partitionOf(room)], ctx, room)
}

// Publish implements fanout.Bus. It never waits: an error means that the note
// is not on its way. Either way, if the note does not get through, the nodes
// that subscribe to the room are told to look in the store as soon as they can
// be reached.
func (b *Bus) Publish(_ context.Context, note *fanout.Note) error {
	if b.isClosed.Load() {
		return fanout.ErrClosed
	}
	p := b.parts[partitionOf(note.Room)]
	s := p.route(note.Room)
	if s == nil {
		b.metrics.failed(failedAway)
		return errNoMaster
	}
	data := make([]byte, 0, headerSize+note.Size())
	data = fanout.AppendNote(appendHeader(data, kindNote, b.id), note)
	m := outgoing{part: p, room: note.Room, kind: kindNote, channel: b.names.channel(note.Room), data: data}
	if !s.offer(m) {
		p.markSuspect(note.Room)
		b.metrics.failed(failedQueue)
		return errQueueFull
	}
	b.metrics.published.Inc()
	return nil
}

// Healthy implements fanout.Bus: everything wanted is subscribed, and a probe
// came back lately through every master.
func (b *Bus) Healthy() bool { return b.healthy.Load() }

// Degraded implements fanout.Degradable.
func (b *Bus) Degraded() []string {
	all := b.conds.list()
	if len(all) == 0 && !b.Healthy() {
		all = append(all, "bus: not every subscription stands yet")
	}
	return all
}

// Close implements fanout.Bus.
func (b *Bus) Close() error {
	if b.isClosed.Swap(true) {
		return fanout.ErrClosed
	}
	b.healthy.Store(false)
	b.cancel()
	b.running.Wait()
	for _, lane := range b.lanes {
		lane.Close()
	}
	b.metrics.unregister()
	return nil
}

// lane is the inbox of a room.
func (b *Bus) lane(room int32) *fanout.Inbox {
	return b.lanes[uint32(room)*2246822519>>8%uint32(len(b.lanes))]
}

// undelivered notes that a message did not reach the server, or perhaps not.
func (b *Bus) undelivered(m *outgoing) {
	switch m.kind {
	case kindNote, kindLook:
		m.part.markSuspect(m.room)
	case kindLookAll:
		m.part.markAllSuspect()
	}
	if m.kind == kindNote {
		b.metrics.failed(failedServer)
	}
}

// onSubscribed takes note of subscriptions that were made. Before a partition that
// has come alive counts as healthy, a probe must come back anew.
func (b *Bus) onSubscribed(s *session, lost []int32, alive bool) {
	b.markLost(lostReconnect, lost...)
	if alive {
		s.probing.doubt()
		b.tick.raise()
	}
}

// Pauses after which a server that refused a partition is asked again: most
// reasons pass, but what is not allowed waits for a person.
const (
	refusedPause   = 200 * time.Millisecond
	forbiddenPause = 5 * time.Second
)

// onRejected is called when a server answers that it does not serve a partition,
// or cannot now, or that this user may not. The topologyRefresher finds out who does.
func (b *Bus) onRejected(s *session, p *partition, err error) {
	now, pause, kind := time.Now(), refusedPause, classify(err)
	if kind == hopeless {
		pause = forbiddenPause
	}
	if p.refuse(s, now, pause) {
		b.log.Debug("bus: a part of the rooms is refused", "node", s.addr, "partition", p.index, "error", b.explain(err))
	}
	if kind != astray {
		s.refusedUntil.Store(now.Add(pause + refusedPause).UnixNano())
		b.conds.fail(wayNotes, s.addr, b.explain(err))
	}
	b.setUnhealthy()
}

// onEnded is called when a server says that a subscription is over.
func (b *Bus) onEnded(s *session, channel string) {
	p, control := b.controls[channel], true
	var room int32
	if p == nil {
		var ok bool
		if room, ok = roomOf(channel); !ok {
			return
		}
		p, control = b.parts[partitionOf(room)], false
	}
	if p.onEnded(s, room, control) {
		b.setUnhealthy()
	}
}

// setUnhealthy notes that something is wrong and has it looked after.
func (b *Bus) setUnhealthy() {
	if b.healthy.Swap(false) {
		b.metrics.healthy.Set(0)
		b.log.Warn("the bus is not healthy")
	}
	b.trouble.raise()
	b.tick.raise()
}
