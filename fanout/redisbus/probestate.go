package redisbus

import (
	"sync"
	"sync/atomic"
	"time"
)

// probeState is the path's proof of life: a message that must come back. The
// bus's prober and the read loop share it.
type probeState struct {
	next    atomic.Int64 // index of the partition that comes after the last one
	stirred atomic.Bool  // something arrived since the prober last looked

	mu     sync.Mutex
	number uint64 // of the probe that is under way; 0: none
	sent   time.Time
	heard  bool      // one has come back
	stir   time.Time // when the prober last found that something had arrived
}

// overdue is how long a probe may be out while other messages arrive, in
// deadlines. A path that is merely busy must not be given up: that would make
// all nodes ask the store, and subscribe anew, just when there is most to do.
const overdue = 4

// noteTraffic is called from the read loop for every message.
func (p *probeState) noteTraffic() {
	if !p.stirred.Load() {
		p.stirred.Store(true)
	}
}

// begin notes a probe that is about to be sent.
func (p *probeState) begin(number uint64, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.number, p.sent = number, now
}

// cancel forgets a probe that could not be sent.
func (p *probeState) cancel(number uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.number == number {
		p.number = 0
	}
}

// echo takes a probe that has come back, and tells how long it took.
func (p *probeState) echo(number uint64, now time.Time) (took time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.number != number {
		return 0, false
	}
	p.number, p.heard = 0, true
	return now.Sub(p.sent), true
}

// doubt asks for a new proof.
func (p *probeState) doubt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = false
}

// look judges the path as of now: whether a probe is under way, whether notes
// get through, and whether the session is of no use any more.
func (p *probeState) look(now time.Time, deadline time.Duration) (out, well, dead bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stirred.Swap(false) {
		p.stir = now
	}
	if p.number == 0 {
		return false, p.heard, false
	}
	age, quiet := now.Sub(p.sent), now.Sub(p.stir)
	late := age > deadline && (quiet > deadline || age > overdue*deadline)
	dead = age > 2*deadline && quiet > 2*deadline || age > 2*overdue*deadline
	return true, p.heard && !late, dead
}
