package commit

import (
	"context"
	"errors"
	"sync"
	"time"
)

// storeTimeout is how long a call of the store may take before it is given up, and
// what was to be stored goes to the spool. Where calls run out of it, it doubles, up to
// lastEntryTimeout; it comes back while they do not.
//
// A call that is given up takes its connection with it, and the first call on a new one
// costs the store many times as much: it starts a process, checks a password, compiles
// the functions. With a fixed time a busy store that has just come back would answer
// none in time, for ever, and be kept busy by just that.
type storeTimeout struct {
	mu      sync.Mutex
	longer  int       // doublings
	changed time.Time // of the last call that ran out of it, or the last step back
}

const (
	mostLonger = 3 // appendPatience<<mostLonger is lastEntryTimeout
	// calmAfter is the time without such a call after which it is halved.
	calmAfter = 5 * time.Second
)

func (p *storeTimeout) now() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at(time.Now())
}

// at needs mu.
func (p *storeTimeout) at(now time.Time) time.Duration {
	for p.longer > 0 && now.Sub(p.changed) >= calmAfter {
		p.longer--
		p.changed = p.changed.Add(calmAfter)
	}
	return appendPatience << p.longer
}

// late notes a call that was given up after it had been given that long. Calls that ran
// out of it together are one lesson.
func (p *storeTimeout) late(given time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if given >= p.at(now) {
		p.longer = min(p.longer+1, mostLonger)
	}
	p.changed = now
}

// StoreTimeout is how long a call of the store may take now.
func (c *Committer) StoreTimeout() time.Duration { return c.timeout.now() }

// NoteStore notes how a call of the store went, which had ctx and was given that long.
func (c *Committer) NoteStore(ctx context.Context, err error, given time.Duration) {
	c.store.Note(err)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		c.timeout.late(given)
	}
}
