package gateway

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tuitalk/gateway/transport"
)

// stallAfter is how long a loop may be at one piece of work, or behind the time
// at which it wanted to be at the next.
const stallAfter = 5 * time.Second

// loop is a goroutine, of ours or of nbio's, whose progress is watched. It is idle,
// or at a piece of work that must be done in time, or waits for the store or the
// bus, of which each wait has a deadline of its own. Work that does not end makes
// the process sick; a wait that does not end does not: another process would wait
// as well.
type loop struct {
	name  string
	clock *clock
	since atomic.Int64 // coarse time at which the present step began; 0: idle
	away  atomic.Bool  // that is a wait for the store or the bus
}

// begin notes progress: a piece of work begins.
func (l *loop) begin() { l.since.Store(l.clock.coarse()) }

// idle tells whether there is nothing to do, as far as known.
func (l *loop) idle() bool { return l.since.Load() == 0 }

// progress notes progress within a piece of work, if there is one.
func (l *loop) progress() {
	if since, now := l.since.Load(), l.clock.coarse(); since != 0 && since < now {
		l.since.CompareAndSwap(since, now) // unless it has just ended
	}
}

// end notes that nothing is left to do.
func (l *loop) end() { l.since.Store(0) }

// expect notes that the loop wants to be at work in a while.
func (l *loop) expect(in time.Duration) { l.since.Store(l.clock.coarse() + int64(in)) }

// leave and enter enclose a wait for the store or the bus.
func (l *loop) leave() {
	l.away.Store(true)
	l.begin()
}

func (l *loop) enter() {
	l.begin()
	l.away.Store(false)
}

// late is how long the present step has taken, 0 for an idle loop.
func (l *loop) late(now int64) time.Duration {
	since := l.since.Load()
	if since == 0 {
		return 0
	}
	return max(0, time.Duration(now-since))
}

type loopKey struct{}

// withLoop returns a context by which the store and the bus, as this node calls
// them, know whose wait it is.
func (l *loop) withLoop(ctx context.Context) context.Context {
	return context.WithValue(ctx, loopKey{}, l)
}

// loopOf returns the loop of a context, nil if it has none.
func loopOf(ctx context.Context) *loop {
	l, _ := ctx.Value(loopKey{}).(*loop)
	return l
}

// loops are those of this process.
type loops struct {
	clock *clock
	mu    sync.Mutex
	list  []*loop
}

func newLoops(c *clock) *loops { return &loops{clock: c} }

func (ls *loops) add(name string) *loop {
	l := &loop{name: name, clock: ls.clock}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.list = append(ls.list, l)
	return l
}

// stuck returns those that have made no progress although they have work. away:
// rather those whose wait for the store or the bus does not end.
func (ls *loops) stuck(away bool) (names []string) {
	ls.mu.Lock()
	list := slices.Clone(ls.list)
	ls.mu.Unlock()
	now := ls.clock.coarse()
	for _, l := range list {
		if l.away.Load() == away && l.late(now) > stallAfter {
			names = append(names, l.name)
		}
	}
	return names
}

// transportLoop lets the transport tell how its loops get on.
type transportLoop struct{ *loop }

var _ transport.Loop = transportLoop{}

func (l transportLoop) Begin()     { l.begin() }
func (l transportLoop) Progress()  { l.progress() }
func (l transportLoop) End()       { l.end() }
func (l transportLoop) Idle() bool { return l.idle() }
