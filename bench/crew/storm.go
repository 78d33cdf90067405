package crew

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tuitalk/bench/result"
)

// Storms cut all lines at once, so that everybody comes back at once.
type Storms struct {
	Times    int           // how often
	Calm     time.Duration // before the first, between two and after the last
	Patience time.Duration // that everybody has to come back
	Tell     func(Storm)
}

// Storm is how one went. Distributions over clients are in the result, as of a
// fault.
type Storm struct {
	Cut   int           // lines
	Back  int           // clients that are in their room again
	Took  time.Duration // until they were, to the second
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

// During is for Options.
func (s *Storms) During(ctx context.Context, c *Crew) error {
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

// storm is one. It took hold if as many lines were lost as were open.
func (s *Storms) storm(ctx context.Context, c *Crew, n int) error {
	seen := len(c.Seconds())
	before, err := c.Next(ctx, max(seen-1, 0))
	if err != nil {
		return err
	}
	began := c.Now()
	if err := c.Storm(); err != nil {
		return err
	}
	mark := c.Mark(result.Fault{
		What: fmt.Sprintf("storm %d: all lines cut", n), Held: true, At: began,
		Evidence: fmt.Sprintf("the generator reset the %d lines that were open", before.Open),
	})
	ctx, cancel := context.WithTimeoutCause(ctx, s.Patience, errStorm)
	defer cancel()
	went := Storm{Cut: before.Open}
	for ; ; seen++ {
		second, err := c.Next(ctx, seen)
		if errors.Is(err, errStorm) {
			break
		}
		if err != nil {
			return err
		}
		went.Peak = max(went.Peak, second.Joins)
		went.Back = second.Inside
		went.Took = time.Unix(second.At+1, 0).Sub(began)
		if second.At > began.Unix() && second.Inside >= before.Inside {
			break
		}
	}
	c.Over(mark)
	went.Joins = float64(went.Back) / went.Took.Seconds()
	if s.Tell != nil {
		s.Tell(went)
	}
	return nil
}

// errStorm says that not everybody came back in time.
var errStorm = errors.New("not everybody came back in time")
