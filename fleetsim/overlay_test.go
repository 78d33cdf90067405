package fleetsim

import (
	"slices"
	"sync"
	"testing"
)

// overlay is how something fares under several faults at once: each lies on those
// before it, until it is lifted. Without any it is the zero value.
type overlay[F any] struct {
	mu    sync.Mutex
	lying []*func(*F)
}

// lay adds a fault; lift takes it away again, and no other.
func (o *overlay[F]) lay(change func(*F)) (lift func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lying = append(o.lying, &change)
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.lying = slices.DeleteFunc(o.lying, func(c *func(*F)) bool { return c == &change })
	}
}

func (o *overlay[F]) now() (f F) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, change := range o.lying {
		(*change)(&f)
	}
	return f
}

// TestFaultsEndAlone: of two of one kind that overlap, each ends at its own time.
func TestFaultsEndAlone(t *testing.T) {
	t.Parallel()
	s := newStore()
	first := s.faults.lay(func(f *storeFaults) { f.away = true })
	second := s.faults.lay(func(f *storeFaults) { f.away, f.hang = true, true })
	third := s.faults.lay(func(f *storeFaults) { f.loseAcks = 40 })
	if second(); s.faults.now() != (storeFaults{away: true, loseAcks: 40}) {
		t.Errorf("after the second: %+v", s.faults.now())
	}
	if first(); s.faults.now() != (storeFaults{loseAcks: 40}) {
		t.Errorf("after the first: %+v", s.faults.now())
	}
	if third(); s.faults.now() != (storeFaults{}) {
		t.Errorf("after all: %+v", s.faults.now())
	}
	l := newLine(&network{window: 1}, &node{}, 1)
	fast := l.slow(2)
	slow := l.slow(5)
	l.silence()
	loud := l.silence()
	if loud(); !l.isSilent() || l.latency() != 5 {
		t.Errorf("silent %v, %d", l.isSilent(), l.latency())
	}
	slow()
	if l.latency() != 2 {
		t.Errorf("%d", l.latency())
	}
	fast()
	if l.hear(); l.isSilent() || l.latency() != 1 {
		t.Errorf("silent %v, %d", l.isSilent(), l.latency())
	}
}
