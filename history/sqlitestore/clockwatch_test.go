package sqlitestore

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestClockWatch: a clock that was set forward is told for as long as it is ahead, with
// one sentence for each time that it was set; what goes by, and what is set back, is not.
func TestClockWatch(t *testing.T) {
	boot, now := time.Duration(0), time.Now() // with a monotonic reading, as the real clock has
	c := newClockWatch(func() time.Time { return now }, func() time.Duration { return boot })
	pass := func(d time.Duration) { boot, now = boot+d, now.Add(d) }
	set := func(d time.Duration) { now = now.Round(0).Add(d) }
	silent := func(when string) {
		t.Helper()
		if said := c.look(); said != "" {
			t.Errorf("%s: %q", when, said)
		}
	}
	pass(24 * time.Hour)
	silent("a day later")
	set(-time.Hour)
	silent("set back")
	set(time.Hour + 40*time.Second)
	silent("less than a minute ahead")
	set(40 * time.Second)
	first := c.look()
	if !strings.Contains(first, "ahead by 1m20s") {
		t.Errorf("more than a minute ahead, by two steps: %q", first)
	}
	pass(time.Hour)
	if said := c.look(); said != first {
		t.Errorf("an hour later it is another sentence: %q, not %q", said, first)
	}
	set(2 * time.Hour)
	if said := c.look(); !strings.Contains(said, "ahead by 2h1m20s") {
		t.Errorf("set forward again: %q", said)
	}
	set(-2*time.Hour - time.Minute)
	silent("right again")
}

// TestClockThatIsSetForward: the store tells, and goes on.
func TestClockThatIsSetForward(t *testing.T) {
	var ahead atomic.Int64
	s, err := Open(filepath.Join(t.TempDir(), "talk.db"), Options{Clock: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if said := s.Degraded(); len(said) != 0 {
		t.Errorf("at the start: %q", said)
	}
	ahead.Store(int64(time.Hour))
	if said := s.Degraded(); len(said) != 1 || !strings.Contains(said[0], "set forward") || !strings.Contains(said[0], "mend") {
		t.Errorf("an hour ahead: %q", said)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	ahead.Store(0)
	if said := s.Degraded(); len(said) != 0 {
		t.Errorf("set right: %q", said)
	}
}
