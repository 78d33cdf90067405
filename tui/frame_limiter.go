package tui

import "time"

const (
	maxFrames   = 60                    // in any second
	quietFrames = 25 * time.Millisecond // between two frames that nobody at the keys waits for
)

// frameLimiter decides when to draw. Nothing is drawn while nothing happens; what a key
// did is drawn at once; what comes from others is gathered, so that it leaves
// room for the keys within maxFrames.
type frameLimiter struct {
	frames [maxFrames]time.Time // when the last ones were drawn
	next   int                  // the oldest of them
}

// wait is how long to wait with a frame, 0: draw now. urgent tells that the
// user did something.
func (p *frameLimiter) wait(now time.Time, urgent bool) time.Duration {
	due := p.frames[p.next].Add(time.Second)
	if !urgent {
		last := p.frames[(p.next+maxFrames-1)%maxFrames]
		if t := last.Add(quietFrames); t.After(due) {
			due = t
		}
	}
	return max(due.Sub(now), 0)
}

// drew notes a frame.
func (p *frameLimiter) drew(now time.Time) {
	p.frames[p.next] = now
	p.next = (p.next + 1) % maxFrames
}
