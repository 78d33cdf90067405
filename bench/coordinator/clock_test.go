package coordinator

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"tuitalk/bench/measure"
)

// ways are what the two directions of a line take at least.
type ways struct{ there, back time.Duration }

// converse is an exchange with a clock that is skewed by so much, over a line
// whose two ways take different and changing times.
func converse(c *clock, rng *rand.Rand, now time.Time, skew time.Duration, least ways) time.Time {
	way := func(base time.Duration) time.Duration {
		return base + time.Duration(rng.ExpFloat64()*float64(2*time.Millisecond))
	}
	_ = c.compare(func() time.Time { return now }, func() (time.Time, error) { // which never fails
		read := now.Add(way(least.there))
		now = read.Add(way(least.back))
		return read.Add(skew), nil
	})
	return now
}

func TestTheOffsetIsWithinItsBoundHoweverTheWaysDiffer(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		skew := time.Duration(rng.Int64N(int64(time.Hour))) - 30*time.Minute
		line := ways{time.Duration(rng.Int64N(int64(4 * time.Millisecond))), time.Duration(rng.Int64N(int64(4 * time.Millisecond)))}
		c := newClock(false)
		now := converse(c, rng, time.Unix(1_800_000_000, 0), skew, line)
		offset, bound := c.offset()
		if off := (offset + skew).Abs(); off > bound || bound > 10*time.Millisecond {
			t.Fatalf("skew %v: offset %v is off by %v, bound %v", skew, offset, off, bound)
		}
		// the clock drifts on: the offset stays, and the bound tells of it
		drift := time.Duration(rng.Int64N(int64(50 * time.Millisecond)))
		converse(c, rng, now.Add(5*time.Second), skew+drift, line)
		later, wider := c.offset()
		if off := (later + skew + drift).Abs(); later != offset || off > wider || wider < bound {
			t.Fatalf("drift %v: offset %v is off by %v, bound %v", drift, later, off, wider)
		}
	}
}

// skewed is another machine's clock: off from the beginning, and faster or slower.
type skewed struct {
	began time.Time
	off   time.Duration
	drift float64
}

func (s skewed) at(t time.Time) time.Duration {
	return s.off + time.Duration(s.drift*float64(t.Sub(s.began)))
}

// TestMergedLatenciesAreRightWithinTheBounds: authors and receivers at two workers
// whose clocks are seconds apart and drift away from each other, over lines of which
// one way is slower than the other. What each message really took is known.
func TestMergedLatenciesAreRightWithinTheBounds(t *testing.T) {
	began := time.Unix(1_800_000_000, 0)
	for _, drift := range []float64{0, 100e-6, 5000e-6} {
		rng := rand.New(rand.NewPCG(2, 2))
		theirs := [2]skewed{{began, 5 * time.Second, drift}, {began, -5 * time.Second, -drift}}
		lines := [2]ways{{4 * time.Millisecond, 100 * time.Microsecond}, {100 * time.Microsecond, 4 * time.Millisecond}}
		clocks := [2]*clock{newClock(false), newClock(false)}
		var real measure.Hist
		var told [2]measure.Hist // by the receivers' workers
		var worst time.Duration
		for i, c := range clocks {
			converse(c, rng, began, theirs[i].at(began), lines[i])
		}
		for now := began; now.Before(began.Add(time.Minute)); {
			for range 100 {
				now = now.Add(clockInterval / 100)
				author, receiver := rng.IntN(2), rng.IntN(2)
				took := 20*time.Millisecond + time.Duration(rng.ExpFloat64()*float64(5*time.Millisecond))
				stamp := now.Add(theirs[author].at(now) + clocks[author].applied)
				shown := now.Add(took)
				measured := shown.Add(theirs[receiver].at(shown) + clocks[receiver].applied).Sub(stamp)
				real.Record(took, 1)
				told[receiver].Record(measured, 1)
				worst = max(worst, (measured - took).Abs())
			}
			for i, c := range clocks {
				converse(c, rng, now, theirs[i].at(now), lines[i])
			}
		}
		bound := clocks[0].spread + clocks[1].spread
		// a clock runs on while it is asked 16 times, and a message is under way
		bound += time.Duration(2 * drift * float64(200*time.Millisecond))
		if worst > bound {
			t.Errorf("drift %v: a latency is off by %v, bound %v", drift, worst, bound)
		}
		told[0].Add(&told[1])
		for _, p := range []float64{1, 50, 99, 100} {
			off := (told[0].At(p) - real.At(p)).Abs()
			if off > bound+real.At(p)/500 { // and what a histogram rounds off
				t.Errorf("drift %v: p%v is %v, really %v, bound %v", drift, p, told[0].At(p), real.At(p), bound)
			}
		}
		if most := 20*time.Millisecond + time.Duration(3*drift*float64(time.Minute)); bound > most {
			t.Errorf("drift %v: a bound of %v says nothing", drift, bound)
		}
	}
}

func TestTheSameClockHasNoOffset(t *testing.T) {
	c := newClock(true)
	converse(c, rand.New(rand.NewPCG(1, 1)), time.Unix(1_800_000_000, 0), 0, ways{})
	if offset, bound := c.offset(); offset != 0 || bound != 0 {
		t.Errorf("%v ± %v", offset, bound)
	}
}

func TestAnExchangeThatFailsChangesNothing(t *testing.T) {
	c, broken := newClock(false), errors.New("hung up")
	now := func() time.Time { return time.Unix(1_800_000_000, 0) }
	asked := 0
	err := c.compare(now, func() (time.Time, error) {
		if asked++; asked == exchange {
			return time.Time{}, broken
		}
		return now().Add(time.Hour), nil
	})
	if offset, bound := c.offset(); !errors.Is(err, broken) || c.known || offset != 0 || bound != 0 {
		t.Errorf("%v: %v ± %v", err, offset, bound)
	}
}
