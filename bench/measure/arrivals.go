package measure

import (
	"math/rand/v2"
	"time"

	"tuitalk/bench/scenario"
)

// Arrivals is an open-loop schedule: when posts are meant to happen, whatever the
// target, the connections and this program are doing. It belongs to one goroutine.
//
// One schedule serves many clients: whoever takes a time from it hands it to a
// client drawn at random. For independent people that is the same as a schedule
// for each: Poisson processes that are merged are a Poisson process, of which
// each arrival is anybody's with equal chance; and it costs one timer instead of
// one for each client.
type Arrivals struct {
	kind  scenario.Arrivals
	rng   *rand.Rand
	every float64 // mean distance in nanoseconds; 0: nothing arrives

	// The next time is from + wait. wait counts from a fixed time for as long as
	// the rate stays, so that what is rounded off does not add up.
	from time.Time
	wait float64 // nanoseconds

	// changes of the rate before which something is still due, the first one first.
	changes []rateChange
}

// rateChange is from when on the mean distance is another one.
type rateChange struct {
	at    time.Time
	every float64
}

// NewArrivals makes a schedule of that many arrivals per second from begin on.
func NewArrivals(kind scenario.Arrivals, begin time.Time, perSecond float64, seed uint64) *Arrivals {
	a := &Arrivals{kind: kind, rng: rand.New(rand.NewPCG(seed, 1<<41)), from: begin}
	if perSecond > 0 {
		a.every = float64(time.Second) / perSecond
		a.wait = a.first()
	}
	return a
}

// first is the distance from the begin to the first arrival. Of equal distances
// it is a random part, so that the schedules of several workers do not beat
// together.
func (a *Arrivals) first() float64 {
	if a.kind == scenario.Constant {
		return a.rng.Float64() * a.every
	}
	return a.distance()
}

func (a *Arrivals) distance() float64 {
	if a.kind == scenario.Constant {
		return a.every
	}
	return a.rng.ExpFloat64() * a.every
}

// Next is the next intended time; ok is false if there is none.
func (a *Arrivals) Next() (at time.Time, ok bool) {
	return a.from.Add(time.Duration(a.wait)), a.every > 0
}

// Take goes on to the arrival after the next.
func (a *Arrivals) Take() {
	a.wait += a.distance()
	a.catchUp()
}

// Rate changes the rate from now on. All that is due by then stays due, however
// much of it has not been taken; the wait for the next arrival shrinks or grows in
// proportion.
func (a *Arrivals) Rate(now time.Time, perSecond float64) {
	every := 0.0
	if perSecond > 0 {
		every = float64(time.Second) / perSecond
	}
	a.changes = append(a.changes, rateChange{now, every})
	a.catchUp()
}

// catchUp makes the changes of the rate before which nothing is due any more.
func (a *Arrivals) catchUp() {
	for len(a.changes) > 0 {
		c := a.changes[0]
		next, some := a.Next()
		if some && !next.After(c.at) {
			return
		}
		a.changes = a.changes[1:]
		switch {
		case c.every > 0 && some:
			a.wait = float64(next.Sub(c.at)) * c.every / a.every
			a.every = c.every
		default:
			a.wait, a.every = 0, c.every
			if c.every > 0 {
				a.wait = a.first()
			}
		}
		a.from = c.at
	}
}
