package attack

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tuitalk/bench/result"
)

// tally counts what the attackers of one attack get. Its methods may be called from
// anywhere.
type tally struct {
	in, out, sent atomic.Int64 // bytes and messages
	now, peak     atomic.Int64 // connections

	mu       sync.Mutex
	got      result.Got
	alive    []float64 // seconds, of each connection that ended
	breaches []string
	over     bool   // the attack is: what ends now was ended here
	stopped  string // the bound that ended it early
	stop     func() // ends the attack
}

// maxBreaches are told of one attack, and maxNames names are counted.
const (
	maxBreaches = 20
	maxNames    = 40
)

var errBound = errors.New("a bound of the attack")

func newTally(stop func()) *tally {
	return &tally{stop: stop, got: result.Got{Refused: map[string]int{}, Closed: map[string]int{}, Answers: map[string]int{}}}
}

// moved counts bytes, and ends the attack at a bound.
func (t *tally) moved(in, out int) error {
	switch {
	case t.in.Add(int64(in)) > maxBytesIn:
		t.bound("the attackers had read as much as they may")
	case t.out.Add(int64(out)) > maxBytesOut:
		t.bound("the attackers had sent as much as they may")
	default:
		return nil
	}
	return errBound
}

// bound ends the attack for a reason.
func (t *tally) bound(why string) {
	t.mu.Lock()
	if t.stopped == "" && !t.over {
		t.stopped = why
	}
	t.mu.Unlock()
	t.stop()
}

// try counts an attempt; false: there were too many.
func (t *tally) try() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.got.Tried >= maxTries {
		return false
	}
	t.got.Tried++
	return true
}

func (t *tally) opened() {
	t.mu.Lock()
	t.got.Opened++
	t.mu.Unlock()
	now := t.now.Add(1)
	for {
		peak := t.peak.Load()
		if now <= peak || t.peak.CompareAndSwap(peak, now) {
			return
		}
	}
}

// ended counts the end of a connection that was opened at some time.
func (t *tally) ended(since time.Time) {
	t.now.Add(-1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.alive = append(t.alive, time.Since(since).Seconds())
	}
}

func (t *tally) refused(how string) { t.count(t.got.Refused, how) }
func (t *tally) closed(how string)  { t.count(t.got.Closed, how) }
func (t *tally) answer(what string) { t.count(t.got.Answers, what) }

func (t *tally) count(counts map[string]int, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	if _, known := counts[name]; !known && len(counts) >= maxNames {
		name = "other"
	}
	counts[name]++
}

// breach notes something that nobody must be given.
func (t *tally) breach(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.breaches, what) && len(t.breaches) < maxBreaches {
		t.breaches = append(t.breaches, what)
	}
}

// finish ends the counting: held are those that are still open.
func (t *tally) finish(held []time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	t.got.Held = len(held)
	for _, since := range held {
		t.alive = append(t.alive, time.Since(since).Seconds())
	}
	slices.Sort(t.alive)
	if n := len(t.alive); n > 0 {
		t.got.AliveP50, t.got.AliveMost = t.alive[n/2], t.alive[n-1]
	}
	t.got.BytesIn, t.got.BytesOut, t.got.Sent = t.in.Load(), t.out.Load(), t.sent.Load()
	t.got.Peak = int(t.peak.Load())
}
