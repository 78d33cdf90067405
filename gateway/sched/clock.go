package sched

import (
	"sync/atomic"
	"time"
)

// Clock is the time in nanoseconds since the start, kept by one ticker: what a
// prepared frame costs leaves no room for asking the system.
type Clock struct {
	began time.Time
	nanos atomic.Int64
}

// clockStep is the clock's resolution.
const clockStep = 50 * time.Millisecond

// NewClock returns a clock that began then.
func NewClock(began time.Time) *Clock { return &Clock{began: began} }

// Coarse is monotonic, starts above zero, and is right within clockStep.
func (c *Clock) Coarse() int64 { return c.nanos.Load() + 1 }

// Now is what the system says.
func (c *Clock) Now() time.Time { return time.Now() }

// Elapsed is the time since the start, by which budgets are counted.
func (c *Clock) Elapsed() time.Duration { return time.Since(c.began) }

// Step brings Coarse to the time.
func (c *Clock) Step() { c.nanos.Store(int64(time.Since(c.began))) }

// Behind is how long ago the clock was stepped: much longer than clockStep only
// in a process that was frozen.
func (c *Clock) Behind() time.Duration { return time.Since(c.began) - time.Duration(c.nanos.Load()) }

// Run steps the clock until ended is closed, and calls before before each step. It
// calls frozen when the process turns out to have been stopped for longer than lost.
func (c *Clock) Run(ended <-chan struct{}, lost time.Duration, before, frozen func()) {
	t := time.NewTicker(clockStep)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			before()
			if c.Behind() > lost {
				frozen()
			}
			c.Step()
		case <-ended:
			return
		}
	}
}
