package coordinator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
	"tuitalk/bench/virtualuser"
)

// Storms cut all connections at once, so that everybody comes back at once.
type Storms struct {
	Times    int           // how often
	Calm     time.Duration // before the first, between two and after the last
	Patience time.Duration // that everybody has to come back
	Tell     func(Storm)
}

// Storm is how one went. Distributions over clients are in the result, as of a
// fault.
type Storm struct {
	Cut   int           // connections
	Back  int           // clients that are in their room again
	Took  time.Duration // until the last of them was
	Joins float64       // per second, in the mean over that time
	Peak  int64         // most joins in one second
}

// Validate finds what is wrong.
func (s *Storms) Validate() error {
	switch {
	case s.Times < 1:
		return fmt.Errorf("-times %d: there must be at least 1 storm", s.Times)
	case s.Calm < time.Second:
		return fmt.Errorf("-calm %v: it must be at least 1s", s.Calm)
	case s.Patience < time.Second:
		return fmt.Errorf("-patience %v: it must be at least 1s", s.Patience)
	}
	return nil
}

// Drive is for Options.During.
func (s *Storms) Drive(ctx context.Context, c *Coordinator) error {
	for n := range s.Times {
		if err := sleep(ctx, s.Calm); err != nil {
			return err
		}
		if err := s.storm(ctx, c, n+1); err != nil {
			return err
		}
	}
	return sleep(ctx, s.Calm)
}

// leastCut is the share of the open connections that must be lost for a storm to have
// taken hold.
const leastCut = 0.9

// storm is one.
func (s *Storms) storm(ctx context.Context, c *Coordinator, n int) error {
	seen := len(c.Seconds())
	before, err := c.Next(ctx, max(seen-1, 0))
	if err != nil {
		return err
	}
	began := c.Now()
	if err := c.Storm(); err != nil {
		return err
	}
	went, lost, err := s.follow(ctx, c, before, began, seen)
	if err != nil {
		return err
	}
	c.EndFault(c.BeginFault(result.Fault{
		What: fmt.Sprintf("storm %d: all lines cut", n), Held: cut(lost, before.Open), At: began,
		Evidence: fmt.Sprintf("of the %d lines that were open, %d were lost", before.Open, lost),
	}))
	outages, err := c.Outages(ctx)
	if err != nil {
		return err
	}
	went.measure(outages, began)
	if s.Tell != nil {
		s.Tell(went)
	}
	return nil
}

func cut(lost int64, open int) bool { return open > 0 && float64(lost) >= leastCut*float64(open) }

// follow looks on until the connections are lost and everybody is back, or patience ends.
func (s *Storms) follow(ctx context.Context, c *Coordinator, before measure.Sample, began time.Time, seen int) (went Storm, lost int64, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Patience, errStorm)
	defer cancel()
	went.Cut = before.Open
	for ; ; seen++ {
		second, err := c.Next(ctx, seen)
		if errors.Is(err, errStorm) {
			return went, lost, nil
		}
		if err != nil {
			return went, lost, err
		}
		// a worker that is late tells losses of this second with the one before
		lost += second.Counts.Lost
		went.Peak = max(went.Peak, second.Joins)
		went.Back = second.Inside
		if cut(lost, before.Open) && second.At > began.Unix() && second.Inside >= before.Inside {
			return went, lost, nil
		}
	}
}

// measure finds how long it took, from those who came back.
func (s *Storm) measure(outages []virtualuser.Outage, began time.Time) {
	var last time.Time
	joined := 0
	for _, o := range outages {
		if o.Detected.Before(began) || o.Joined.IsZero() {
			continue
		}
		joined++
		if o.Joined.After(last) {
			last = o.Joined
		}
	}
	if joined == 0 {
		return
	}
	if s.Took = last.Sub(began); s.Took > 0 {
		s.Joins = float64(joined) / s.Took.Seconds()
	}
}

// errStorm says that not everybody came back in time.
var errStorm = errors.New("not everybody came back in time")
