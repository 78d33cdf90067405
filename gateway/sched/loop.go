package sched

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// StallAfter is how long a loop may be at one piece of work, or behind the time
// at which it wanted to be at the next.
const StallAfter = 5 * time.Second

// Loop is a goroutine, of ours or of nbio's, whose progress is watched. It is idle,
// or at a piece of work that must be done in time, or waits for the store or the
// bus, of which each wait has a deadline of its own. Work that does not end makes
// the process sick; a wait that does not end does not: another process would wait
// as well.
type Loop struct {
	name  string
	clock *Clock
	since atomic.Int64 // coarse time at which the present step began; 0: idle
	away  atomic.Bool  // that is a wait for the store or the bus
}

// Name is what operators are told.
func (l *Loop) Name() string { return l.name }

// Begin notes progress: a piece of work begins.
func (l *Loop) Begin() { l.since.Store(l.clock.Coarse()) }

// Idle tells whether there is nothing to do, as far as known.
func (l *Loop) Idle() bool { return l.since.Load() == 0 }

// Progress notes progress within a piece of work, if there is one.
func (l *Loop) Progress() {
	if since, now := l.since.Load(), l.clock.Coarse(); since != 0 && since < now {
		l.since.CompareAndSwap(since, now) // unless it has just ended
	}
}

// End notes that nothing is left to do.
func (l *Loop) End() { l.since.Store(0) }

// Expect notes that the loop wants to be at work in a while.
func (l *Loop) Expect(in time.Duration) { l.since.Store(l.clock.Coarse() + int64(in)) }

// leave and enter enclose a wait for the store or the bus.
func (l *Loop) leave() {
	l.away.Store(true)
	l.Begin()
}

func (l *Loop) enter() {
	l.Begin()
	l.away.Store(false)
}

// late is how long the present step has taken, 0 for an idle loop.
func (l *Loop) late(now int64) time.Duration {
	since := l.since.Load()
	if since == 0 {
		return 0
	}
	return max(0, time.Duration(now-since))
}

type loopKey struct{}

// Context returns a context by which OutsideCall knows whose wait it is.
func (l *Loop) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, loopKey{}, l)
}

// loopOf returns the loop of a context, nil if it has none.
func loopOf(ctx context.Context) *Loop {
	l, _ := ctx.Value(loopKey{}).(*Loop)
	return l
}

// OutsideCall encloses a call of the store or the bus, with the context that it gets:
//
//	defer OutsideCall(ctx)()
func OutsideCall(ctx context.Context) (back func()) {
	l := loopOf(ctx)
	if l == nil {
		return func() {}
	}
	l.leave()
	return l.enter
}

// Loops are those of this process.
type Loops struct {
	clock *Clock
	mu    sync.Mutex
	list  []*Loop
}

// NewLoops returns none yet.
func NewLoops(c *Clock) *Loops { return &Loops{clock: c} }

// Add returns a new one, which is idle.
func (ls *Loops) Add(name string) *Loop {
	l := &Loop{name: name, clock: ls.clock}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.list = append(ls.list, l)
	return l
}

// Stuck returns those that have made no progress although they have work. away:
// rather those whose wait for the store or the bus does not end.
func (ls *Loops) Stuck(away bool) (names []string) {
	ls.mu.Lock()
	list := slices.Clone(ls.list)
	ls.mu.Unlock()
	now := ls.clock.Coarse()
	for _, l := range list {
		if l.away.Load() == away && l.late(now) > StallAfter {
			names = append(names, l.name)
		}
	}
	return names
}
