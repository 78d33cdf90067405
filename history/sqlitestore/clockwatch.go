package sqlitestore

import (
	"fmt"
	"sync"
	"time"

	"tuitalk/history"
)

// maxJump is how far the clock may get ahead of the time that has gone by before an
// operator is told.
const maxJump = time.Minute

// clockWatch notices that the clock by which entries are dated has been set forward
// while the store was open. It cannot know which of the two times is right: one that was
// wrong when the machine started is rightly set by NTP. So it bounds nothing, and tells.
// The gateway asks several times a second (Degraded).
type clockWatch struct {
	clock   func() time.Time
	elapsed func() time.Duration // of a clock that nobody sets

	mu       sync.Mutex
	wall     time.Time     // at the start
	began    time.Duration // elapsed then
	told     time.Duration // how far ahead it was when sentence was made
	sentence string        // "": it is not ahead
}

var started = time.Now()

func newClockWatch(clock func() time.Time, elapsed func() time.Duration) *clockWatch {
	return &clockWatch{clock: clock, elapsed: elapsed, wall: clock().Round(0), began: elapsed()}
}

// look returns a sentence for an operator while the clock is ahead, the same one as long
// as it is not set again; "" while it is not.
func (c *clockWatch) look() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock().Round(0) // without the monotonic reading, which would be compared instead
	ahead := now.Sub(c.wall) - (c.elapsed() - c.began)
	switch {
	case ahead <= maxJump:
		c.told, c.sentence = 0, ""
	case (ahead - c.told).Abs() > maxJump/2:
		c.told = ahead
		c.sentence = fmt.Sprintf("the clock is ahead by %v of the time that has gone by since the start: it was set forward, seen at %s, "+
			"and messages are dated by it. If it is right now, restart this gateway; else set it back, then mend the rooms that are named",
			ahead.Round(time.Second), now.UTC().Format(time.RFC3339))
	}
	return c.sentence
}

var _ history.Degradable = (*Store)(nil)

// Degraded implements history.Degradable.
func (s *Store) Degraded() []string {
	if sentence := s.clock.look(); sentence != "" {
		return []string{sentence}
	}
	return nil
}
