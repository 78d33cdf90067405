package virtualuser

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/scenario"
)

const (
	pairs     = 20 // rooms of two
	perSecond = 150
)

// measured lets a few clients talk through a fake server for as long as during
// takes, and returns what was measured and what was true, ascending.
func measured(t *testing.T, speak scenario.Speech, delay func(room int32) time.Duration, during func(*fakeServer, *Group)) (*measure.Sample, []time.Duration) {
	t.Helper()
	f := startFake(t, delay)
	sc := small(2*pairs, pairs, speak)
	sc.Rate = perSecond
	s, err := New(Config{Scenario: sc, Of: 1, Targets: []string{f.url()}, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	var whole measure.Sample
	take := func() {
		x := s.Sample()
		whole.Follow(&x)
	}
	take()
	s.Begin(time.Now())
	during(f, s)
	s.StopPosting()
	for {
		take()
		if clients, _ := s.Owed(); clients == 0 && whole.Delivered >= 2*whole.Posted {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.mu.Lock()
	truth := slices.Clone(f.truth)
	f.mu.Unlock()
	slices.Sort(truth)
	return &whole, truth
}

// ofRoom gives what is said in a room one of four delays, in known shares: 40, 30,
// 25 and 5 of 100.
func ofRoom(room int32) time.Duration {
	switch n := room % pairs; {
	case n < 8:
		return 25 * time.Millisecond
	case n < 14:
		return 100 * time.Millisecond
	case n < 19:
		return 250 * time.Millisecond
	}
	return 500 * time.Millisecond
}

// compare tells whether the percentiles are true within 1% and the resolution
// of the histograms, which is 1 µs.
func compare(h *measure.Hist, truth []time.Duration, percentiles ...float64) error {
	if h.Count() != int64(len(truth)) {
		return fmt.Errorf("%d times are measured of %d", h.Count(), len(truth))
	}
	for _, p := range percentiles {
		want := truth[int(math.Ceil(p*float64(len(truth))/100))-1]
		got := h.At(p)
		if float64((got - want).Abs()) > 0.01*float64(want)+float64(time.Microsecond) {
			return fmt.Errorf("percentile %v: %s, in truth %s", p, got, want)
		}
	}
	return nil
}

// above is how many times are longer than d.
func above(h *measure.Hist, d time.Duration) float64 {
	for p := 0.0; p <= 100; p += 0.1 {
		if h.At(p) > d {
			return float64(h.Count()) * (1 - p/100)
		}
	}
	return 0
}

// TestAStallIsChargedToTheTarget: what falls due in the first half of a stall waits
// for more than the other half. A busy machine only adds to it; how well it is
// measured is what TestAStallIsMeasured tells on a quiet one.
func TestAStallIsChargedToTheTarget(t *testing.T) {
	t.Parallel()
	const stall = time.Second
	whole, _ := measured(t, scenario.Session, func(int32) time.Duration { return time.Millisecond }, func(f *fakeServer, _ *Group) {
		end := time.Now().Add(stall)
		f.mu.Lock()
		f.stall = [2]time.Time{time.Now(), end}
		f.mu.Unlock()
		time.Sleep(time.Until(end))
	})
	// two see each of those that are due, which are that many on average
	if got, most := above(&whole.Latency, stall/2), 2*perSecond*(stall/2).Seconds(); got < most/2 {
		t.Errorf("%.0f of %d deliveries waited for more than %v, which should be about %.0f", got, whole.Latency.Count(), stall/2, most)
	}
}

// TestOwnLagIsNotHidden: what falls due while the generator itself hangs is late, and
// is charged as latency, and the generator is called the bottleneck. A busy machine
// only adds to it; see TestOwnLagIsMeasured.
func TestOwnLagIsNotHidden(t *testing.T) {
	t.Parallel()
	const hang = 500 * time.Millisecond
	whole, _ := measured(t, scenario.Wire, func(int32) time.Duration { return time.Millisecond }, func(_ *fakeServer, s *Group) {
		s.loops[0].mu.Lock()
		time.Sleep(hang)
		s.loops[0].mu.Unlock()
	})
	most := perSecond * (hang / 2).Seconds()
	if late := above(&whole.Late, hang/2); late < most/3 {
		t.Errorf("%.0f posts were late by more than %v, which should be about %.0f", late, hang/2, most)
	}
	if got := above(&whole.Latency, hang/2); got < 2*most/3 {
		t.Errorf("%.0f deliveries took more than %v, which should be about %.0f", got, hang/2, 2*most)
	}
	if measure.Bottleneck(whole) == "" {
		t.Error("the generator was not the bottleneck")
	}
}

func TestEachMessageCountsOnce(t *testing.T) {
	for _, speak := range []scenario.Speech{scenario.Session, scenario.Wire} {
		whole, _ := measured(t, speak, func(int32) time.Duration { return 0 }, func(f *fakeServer, _ *Group) {
			f.mu.Lock()
			f.twice = true
			f.mu.Unlock()
			time.Sleep(300 * time.Millisecond)
		})
		if whole.Posted == 0 || whole.Delivered != 2*whole.Posted || whole.Counts.Stored != whole.Posted || whole.Stored.Count() != whole.Posted {
			t.Errorf("%s: %+v", speak, whole.Counts)
		}
	}
}
