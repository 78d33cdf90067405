package crew

import (
	"math/rand/v2"
	"testing"
	"time"
)

// converse is an exchange with a clock that is skewed by so much, over a line
// whose two ways take different and changing times.
func converse(c *clock, rng *rand.Rand, now time.Time, skew time.Duration) time.Time {
	c.begin()
	way := func(base time.Duration) time.Duration {
		return base + time.Duration(rng.ExpFloat64()*float64(2*time.Millisecond))
	}
	for again := true; again; {
		n := c.ask(now)
		read := now.Add(way(100 * time.Microsecond))
		now = read.Add(way(3 * time.Millisecond))
		again = c.answer(n, read.Add(skew), now)
		now = now.Add(time.Millisecond)
	}
	<-c.complete
	return now
}

func TestTheOffsetIsWithinItsBoundHoweverTheWaysDiffer(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		skew := time.Duration(rng.Int64N(int64(time.Hour))) - 30*time.Minute
		c := newClock(false)
		now := converse(c, rng, time.Unix(1_800_000_000, 0), skew)
		offset, bound := c.offset()
		if off := (offset + skew).Abs(); off > bound || bound > 10*time.Millisecond {
			t.Fatalf("skew %v: offset %v is off by %v, bound %v", skew, offset, off, bound)
		}
		// the clock drifts on: the offset stays, and the bound tells of it
		drift := time.Duration(rng.Int64N(int64(50 * time.Millisecond)))
		converse(c, rng, now.Add(5*time.Second), skew+drift)
		later, wider := c.offset()
		if off := (later + skew + drift).Abs(); later != offset || off > wider || wider < bound {
			t.Fatalf("drift %v: offset %v is off by %v, bound %v", drift, later, off, wider)
		}
	}
}

func TestTheSameClockHasNoOffset(t *testing.T) {
	c := newClock(true)
	converse(c, rand.New(rand.NewPCG(1, 1)), time.Unix(1_800_000_000, 0), 0)
	if offset, bound := c.offset(); offset != 0 || bound != 0 {
		t.Errorf("%v ± %v", offset, bound)
	}
}

func TestAnAnswerFromAnExchangeBeforeIsLeftAlone(t *testing.T) {
	c, now := newClock(false), time.Unix(1_800_000_000, 0)
	c.begin()
	old := c.ask(now)
	c.begin()
	if c.answer(old, now.Add(time.Hour), now) || c.answered != 0 {
		t.Error("it counts")
	}
}
