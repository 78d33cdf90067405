package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"tuitalk/bench/coordinator"
	"tuitalk/bench/report"
	"tuitalk/bench/result"
	"tuitalk/bench/scenario"
)

// shortest is the least time that can be measured.
const shortest = scenario.Duration(time.Second)

var ramp = &command{
	name: "ramp",
	line: "find the knee: the highest rate at which the p99 stays below a bound",
	about: `tuitalk-bench ramp looks for the knee: the highest rate of messages at which the
p99 of the latency stays within a bound and everything is stored and delivered.
The rate begins at -rate, rises by a factor until it does not hold, and is then
bisected. Between two rates the target works off what it has. Each step is told
as it ends. If the generator was the bottleneck, no knee is claimed.

    tuitalk-bench ramp
    tuitalk-bench ramp -scenario rooms-100 -rate 200 -bound 50ms -html knee.html`,
	open: openRamp,
}

func openRamp(self *command) (*form, func(*call) error, error) {
	s, err := newSettings(self, "ramp")
	if err != nil {
		return nil, nil, err
	}
	r := coordinator.Ramp{}
	f := s.form
	f.DurationVar(&r.Bound, "bound", 50*time.Millisecond, "the p99 of the latency must stay within this `TIME`")
	f.DurationVar(&r.Step, "step", 8*time.Second, "how long each rate is measured, after a second in which it becomes steady")
	f.Float64Var(&r.Factor, "factor", 2, "by which the rate rises until it does not hold")
	f.Float64Var(&r.Precision, "precision", 0.1, "the `share` by which the rate that did not hold may be above the knee")
	s.groups(group{"The ramp, which begins at -rate", []string{"bound", "step", "factor", "precision"}})
	purpose := &purpose{prepare: func(o *coordinator.Options, show *report.Live) error {
		r.From = o.Scenario.Rate
		r.Tell = func(step result.Step) { show.Print(stepLine(&step)) }
		o.During = r.Drive
		if s.given("duration") {
			return errors.New("-duration has no meaning for a ramp, which measures each rate for one -step")
		}
		for _, name := range []string{"max-p50", "max-p99", "max-latency"} {
			if s.given(name) {
				return fmt.Errorf("-%s has no meaning for a ramp, which goes on until latencies are high: see -bound", name)
			}
		}
		o.Scenario.Duration = shortest // the ramp takes as long as it takes
		return r.Validate()
	}, judge: func(r *result.Result) []result.Check {
		return []result.Check{{Name: "the knee was found", Passed: r.Knee() != nil, Why: cmp.Or(r.KneeSaid(), "no rate was tried to its end")}}
	}}
	return f, func(c *call) error { return s.run(c, purpose) }, nil
}

func stepLine(s *result.Step) string {
	verdict := "held"
	if !s.Good {
		verdict = "NOT HELD: " + s.Why
	}
	l := &s.Sample.Latency
	return fmt.Sprintf("%8.4g posts/s  p50 %-9s p99 %-9s %s", s.Rate, result.Took(l.At(50)), result.Took(l.At(99)), verdict)
}
