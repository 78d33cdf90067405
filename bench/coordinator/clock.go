package coordinator

import (
	"sync"
	"time"
)

// exchange is how often a clock is asked at a time. The quickest answer counts:
// whatever delays the others delays only one way at a time.
const exchange = 16

// steady is a clock that counts from one reading of the machine's, so that it
// does not jump when somebody sets the time. The clients' clocks do so too.
type steady struct{ base, from time.Time }

// newSteady makes a clock that says base now.
func newSteady(base time.Time) steady { return steady{base, time.Now()} }

func (s steady) now() time.Time { return s.base.Round(0).Add(time.Since(s.from)) }

// sample bounds how far another clock is from ours.
type sample struct {
	offset time.Duration // to be added to its times to get ours
	bound  time.Duration // the offset is off by at most so much
}

// read is what one question tells: asked and answered by our clock, at by the
// other, which was read somewhere in between.
func read(asked, at, answered time.Time) sample {
	half := answered.Sub(asked) / 2
	return sample{offset: asked.Add(half).Sub(at), bound: half}
}

// clock is what is known of a worker's clock. It may be used from anywhere.
type clock struct {
	shared bool // it is ours: the worker runs on the same kernel

	mu      sync.Mutex
	applied time.Duration // the offset that the worker was told
	spread  time.Duration // the most by which applied was off at any exchange
	known   bool
}

func newClock(shared bool) *clock { return &clock{shared: shared} }

// compare asks the other clock as often as an exchange takes, one question after the
// other. The first exchange sets the offset, which the worker uses from then on; the
// others say how far off it is.
func (c *clock) compare(now func() time.Time, ask func() (time.Time, error)) error {
	var best sample
	for n := range exchange {
		asked := now()
		at, err := ask()
		if err != nil {
			return err
		}
		if r := read(asked, at, now()); n == 0 || r.bound < best.bound {
			best = r
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.shared:
	case !c.known:
		c.applied, c.spread = best.offset, best.bound
	default:
		c.spread = max(c.spread, (best.offset-c.applied).Abs()+best.bound)
	}
	c.known = true
	return nil
}

// offset is what the worker adds to its clock to get ours, and by how much that
// may have been off at any time.
func (c *clock) offset() (offset, bound time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applied, c.spread
}
