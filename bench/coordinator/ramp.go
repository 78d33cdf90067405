package coordinator

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
// latency is within a bound, and all that was posted is stored and delivered. The
// rate rises by a factor until it does not hold (or falls, if the first one does
// not), and then the distance between what held and what did not is halved until
// it is small.
//
// Each rate begins with an idle target, and ends with one: what is still under way
// when it was measured is waited for. So nothing needs to be guessed of it: it is
// counted, and how long it took is among the latencies of the rate.
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
	maxSteps  = 60
	leastRate = 0.1 // messages per second
	recovery  = 2 * time.Minute
)

// driven is what a ramp drives; a Coordinator is one.
type driven interface {
	Rate(perSecond float64) error
	Now() time.Time
	Seconds() []measure.Sample
	Next(ctx context.Context, n int) (measure.Sample, error)
	idle(ctx context.Context) error // waits until all is stored, and nothing is delivered any more
	roomSizes() roomSizes
	addStep(s result.Step)
}

var _ driven = (*Coordinator)(nil)

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

// Drive is for Options.During.
func (r *Ramp) Drive(ctx context.Context, c *Coordinator) error { return r.run(ctx, c) }

// errOverwhelmed ends a ramp, and is no failure of it: what was found counts.
var errOverwhelmed = errors.New("the target has not worked off what was too much for it")

func (r *Ramp) run(ctx context.Context, c driven) error {
	err := r.rest(ctx, c) // the warm-up is none of the rates
	if err == nil {
		err = r.search(func(rate float64) (bool, error) { return r.try(ctx, c, rate) })
	}
	if errors.Is(err, errOverwhelmed) {
		return nil
	}
	return err
}

// search tries rates until it is done.
func (r *Ramp) search(try func(rate float64) (held bool, err error)) error {
	good, bad := 0.0, math.Inf(1)
	for next, n := r.From, 0; n < maxSteps && next >= leastRate; n++ {
		held, err := try(next)
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
func (r *Ramp) try(ctx context.Context, c driven, rate float64) (held bool, err error) {
	begun := len(c.Seconds())
	if err := c.Rate(rate); err != nil {
		return false, err
	}
	first := c.Now().Unix() + 2
	last := first + int64((r.Step+time.Second-1)/time.Second)
	for n := begun; ; n++ {
		s, err := c.Next(ctx, n)
		if err != nil {
			return false, err
		}
		if s.At >= last-1 {
			break
		}
	}
	err = r.rest(ctx, c)
	if err != nil && !errors.Is(err, errOverwhelmed) {
		return false, err
	}
	seconds := c.Seconds()[begun:]
	step := result.Step{Rate: rate, Sample: whole(seconds, first, last)}
	if step.Why = r.judge(&step.Sample, countOf(seconds), c.roomSizes()); err != nil {
		step.Why = fmt.Sprintf("%v within %v, so the ramp ended", errOverwhelmed, recovery)
	}
	step.Good = step.Why == ""
	c.addStep(step)
	if r.Tell != nil {
		r.Tell(step)
	}
	return step.Good, err
}

// rest lets the target work off what it has.
func (r *Ramp) rest(ctx context.Context, c driven) error {
	if err := c.Rate(0); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, recovery, errOverwhelmed)
	defer cancel()
	return c.idle(ctx)
}

func (c *Coordinator) idle(ctx context.Context) error {
	return c.awaitNobody(ctx, func(_, messages int) bool { return messages == 0 })
}

// countOf is what happened from when the target was idle until it was so again.
func countOf(seconds []measure.Sample) (all measure.Counts) {
	for i := range seconds {
		s := &seconds[i].Counts
		all.Intended += s.Intended
		all.Posted += s.Posted
		all.Stored += s.Stored
		all.Refused += s.Refused
		all.Delivered += s.Delivered
	}
	return all
}

// judge says why a rate did not hold; "": it did. all is what came of it when the
// target was idle again.
func (r *Ramp) judge(s *measure.Sample, all measure.Counts, to roomSizes) string {
	p99 := s.Latency.At(99)
	generator := measure.Bottleneck(s)
	switch least := to.least(all.Stored); {
	case s.Latency.Count() == 0:
		return "nothing was delivered"
	case generator != "":
		return generator
	case p99 > r.Bound:
		return fmt.Sprintf("the p99 is %v", p99.Round(100*time.Microsecond))
	case all.Refused > 0:
		return fmt.Sprintf("%d messages were posted, %d refused", all.Posted, all.Refused)
	case all.Posted < all.Intended:
		return fmt.Sprintf("%d messages fell due, %d were posted", all.Intended, all.Posted)
	case all.Stored < all.Posted:
		return fmt.Sprintf("%d messages were posted, %d stored", all.Posted, all.Stored)
	case float64(all.Delivered) < least:
		return fmt.Sprintf("%d messages went out %d times, not %.0f", all.Stored, all.Delivered, least)
	}
	return ""
}

// roomSizes is to how many clients a message goes: a mean and a standard deviation,
// which is 0 where all rooms are of one size. The zero value: it is not known.
type roomSizes struct{ mean, deviation float64 }

// least is how many deliveries so many messages must have led to. Who happens to
// speak is chance, of which four deviations are allowed for.
func (a roomSizes) least(messages int64) float64 {
	n := float64(messages)
	return max(0, math.Ceil(n*a.mean-4*a.deviation*math.Sqrt(n)))
}

// roomSizes is not known where people walk about, or are not expected to keep up.
func (c *Coordinator) roomSizes() roomSizes {
	s := &c.opts.Scenario
	if s.Slow > 0 || s.Hops > 0 || s.Returns > 0 {
		return roomSizes{}
	}
	var talkers, sum, squares float64
	for room := range c.plan.Talking() { // everybody in it is as likely to speak
		size := float64(c.plan.Size(room))
		talkers += size
		sum += size * size
		squares += size * size * size
	}
	mean := sum / talkers
	return roomSizes{mean, math.Sqrt(max(0, squares/talkers-mean*mean))}
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
