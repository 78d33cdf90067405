package crew

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
)

// Ramp looks for the knee: the highest rate of messages at which the p99 of the
// latency is within a bound and nobody falls behind. The rate rises by a factor
// until it does not hold (or falls, if the first one does not), and then the
// distance between what held and what did not is halved until it is small.
type Ramp struct {
	From      float64       // messages per second to begin with; the scenario's rate must be the same
	Factor    float64       // above 1
	Step      time.Duration // that each rate is measured
	Bound     time.Duration // of the p99
	Precision float64       // the knee is found when what did not hold is within this share above it
	Tell      func(result.Step)
}

// Bounds of a ramp.
const (
	maxSteps    = 60
	leastRate   = 0.1  // messages per second
	leastShare  = 0.95 // of what was posted or should have been delivered, or somebody falls behind
	leastCounts = 20   // messages from which on shares are judged
	recovery    = 2 * time.Minute
)

// Validate finds what is wrong.
func (r *Ramp) Validate() error {
	switch {
	case !(r.From >= leastRate):
		return fmt.Errorf("-rate %v: a ramp begins with at least %v messages per second", r.From, leastRate)
	case !(r.Factor > 1) || r.Factor > 100:
		return fmt.Errorf("-factor %v: the rate must rise by more than 1 and at most 100 times", r.Factor)
	case r.Step < 2*time.Second:
		return fmt.Errorf("-step %v: each rate is measured for at least 2s", r.Step)
	case r.Bound <= 0:
		return fmt.Errorf("-bound %v: the bound of the p99 must be above 0", r.Bound)
	case !(r.Precision >= 0.001) || r.Precision > 1:
		return fmt.Errorf("-precision %v: it must be 0.001 to 1", r.Precision)
	}
	return nil
}

// During is for Options.
func (r *Ramp) During(ctx context.Context, c *Crew) error {
	return r.search(func(rate, good float64) (bool, error) {
		step, err := r.try(ctx, c, rate)
		if err == nil && !step.Good {
			err = r.recover(ctx, c, good)
		}
		return step.Good, err
	})
}

// search tries rates until it is done. good is the highest that held, 0 if none
// did.
func (r *Ramp) search(try func(rate, good float64) (held bool, err error)) error {
	good, bad := 0.0, math.Inf(1)
	for next, n := r.From, 0; n < maxSteps && next >= leastRate; n++ {
		held, err := try(next, good)
		if err != nil {
			return err
		}
		if held {
			good = next
		} else {
			bad = next
		}
		switch {
		case bad <= good*(1+r.Precision):
			return nil
		case math.IsInf(bad, 1):
			next *= r.Factor
		case good == 0:
			next /= r.Factor
		default:
			next = math.Sqrt(good * bad)
		}
	}
	return nil
}

// try measures one rate, after a second in which it becomes steady.
func (r *Ramp) try(ctx context.Context, c *Crew, rate float64) (step result.Step, err error) {
	if err := c.Rate(rate); err != nil {
		return step, err
	}
	first := c.clock.now().Unix() + 2
	last := first + int64((r.Step+time.Second-1)/time.Second)
	step.Rate = rate
	for n := len(c.Seconds()); ; n++ {
		s, err := c.Next(ctx, n)
		if err != nil {
			return step, err
		}
		if s.At >= first && s.At < last {
			step.Sample.Follow(&s)
		}
		if s.At >= last-1 {
			break
		}
	}
	step.Why = r.judge(&step.Sample, c.expected())
	step.Good = step.Why == ""
	c.addStep(step)
	if r.Tell != nil {
		r.Tell(step)
	}
	return step, nil
}

// judge says why a rate did not hold; "": it did. receivers is to how many a
// message goes, 0 if that is not known.
func (r *Ramp) judge(s *measure.Sample, receivers float64) string {
	enough := s.Posted >= leastCounts
	p99 := s.Latency.At(99)
	generator := measure.Bottleneck(s)
	switch {
	case s.Latency.Count() == 0:
		return "nothing was delivered"
	case generator != "":
		return generator
	case p99 > r.Bound:
		return fmt.Sprintf("the p99 is %v", p99.Round(100*time.Microsecond))
	case enough && float64(s.Posted) < leastShare*float64(s.Intended):
		return fmt.Sprintf("%d messages fell due, %d were posted", s.Intended, s.Posted)
	case enough && float64(s.Counts.Stored+s.Refused) < leastShare*float64(s.Posted):
		return fmt.Sprintf("%d messages were posted, %d stored", s.Posted, s.Counts.Stored)
	case enough && float64(s.Delivered) < leastShare*receivers*float64(s.Posted):
		return fmt.Sprintf("%d messages went out %d times, not %.0f", s.Posted, s.Delivered, receivers*float64(s.Posted))
	}
	return ""
}

// expected is to how many clients a message goes. Of rooms of different sizes
// it is not known well enough: it depends on who happens to speak.
func (c *Crew) expected() float64 {
	s := &c.opts.Scenario
	if s.Zipf > 0 || s.Slow > 0 || s.Hops > 0 || s.Returns > 0 {
		return 0
	}
	return c.plan.Receivers()
}

// recover lets the target work off what it could not hold.
func (r *Ramp) recover(ctx context.Context, c *Crew, good float64) error {
	if err := c.Rate(0); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, recovery, errSettle)
	defer cancel()
	err := c.awaitNobody(ctx, func(_, messages int) bool { return messages == 0 })
	if errors.Is(err, errSettle) {
		return fmt.Errorf("the target has not worked off what was too much for it within %v; the highest rate that held was %.4g messages per second", recovery, good)
	}
	return err
}

// limited says whether the generator was what made the lowest rate fail that
// failed: then the knee is not that of the target.
func limited(steps []result.Step) string {
	var lowest *result.Step
	for i := range steps {
		if s := &steps[i]; !s.Good && (lowest == nil || s.Rate < lowest.Rate) {
			lowest = s
		}
	}
	if lowest == nil {
		return ""
	}
	return bottleneck(&lowest.Sample)
}
