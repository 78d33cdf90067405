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

	mu       sync.Mutex
	applied  time.Duration // the offset that the worker was told
	spread   time.Duration // the most by which applied was off at any exchange
	known    bool
	round    map[int]time.Time // questions that are not answered, by number
	best     sample            // of the exchange under way
	answered int
	next     int           // number of the next question
	complete chan struct{} // an exchange has all its answers; holds one
}

func newClock(shared bool) *clock {
	return &clock{shared: shared, round: map[int]time.Time{}, complete: make(chan struct{}, 1)}
}

// begin forgets an exchange that is not complete, and begins another.
func (c *clock) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.round)
	c.answered = 0
	select {
	case <-c.complete:
	default:
	}
}

// ask notes that a question is asked now; ask them one after the other.
func (c *clock) ask(now time.Time) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	c.round[c.next] = now
	return c.next
}

// answer takes the answer to a question, and says whether another is due.
func (c *clock) answer(n int, at, now time.Time) (again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked, ok := c.round[n]
	if !ok {
		return false // of an exchange before
	}
	delete(c.round, n)
	r := read(asked, at, now)
	if c.answered == 0 || r.bound < c.best.bound {
		c.best = r
	}
	c.answered++
	if c.answered < exchange {
		return true
	}
	c.finish()
	return false
}

// finish ends an exchange. The first one sets the offset, which the worker uses
// from then on; the others say how far off it is. Call with mu held.
func (c *clock) finish() {
	switch {
	case c.shared:
	case !c.known:
		c.applied, c.spread = c.best.offset, c.best.bound
	default:
		c.spread = max(c.spread, (c.best.offset-c.applied).Abs()+c.best.bound)
	}
	c.known = true
	c.complete <- struct{}{}
}

// offset is what the worker adds to its clock to get ours, and by how much that
// may have been off at any time.
func (c *clock) offset() (offset, bound time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applied, c.spread
}
