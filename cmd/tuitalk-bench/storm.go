package main

import (
	"fmt"
	"time"

	"tuitalk/bench/coordinator"
	"tuitalk/bench/report"
	"tuitalk/bench/result"
)

var storm = &command{
	name: "storm",
	line: "everybody reconnects at once: joins per second, time until all are back",
	about: `tuitalk-bench storm connects everybody, lets them talk, and cuts all lines at the
same moment. It tells how many joins a second the fleet serves then, how long
it takes until all are back, and over the clients how long each was away. What
was said meanwhile must reach everybody, once.

    tuitalk-bench storm
    tuitalk-bench storm -clients 15000 -times 3 -html storm.html`,
	open: openStorm,
}

func openStorm(self *command) (*form, func(*call) error, error) {
	s, err := newSettings(self, "storm")
	if err != nil {
		return nil, nil, err
	}
	storms := coordinator.Storms{}
	f := s.form
	f.IntVar(&storms.Times, "times", 1, "how often all lines are cut")
	f.DurationVar(&storms.Calm, "calm", 5*time.Second, "how long there is calm before, between and after storms")
	f.DurationVar(&storms.Patience, "patience", time.Minute, "how long everybody may take to come back")
	s.groups(group{"The storm", []string{"times", "calm", "patience"}})
	var went []coordinator.Storm
	purpose := &purpose{prepare: func(o *coordinator.Options, show *report.Live) error {
		storms.Tell = func(one coordinator.Storm) {
			went = append(went, one)
			show.Print(stormLine(&one))
		}
		o.During = storms.Drive
		return storms.Validate()
	}, judge: func(*result.Result) []result.Check {
		check := result.Check{Name: "everybody came back", Passed: len(went) > 0, Why: "there was no storm"}
		for i := range went {
			check.Why = stormLine(&went[i])
			if went[i].Back < went[i].Cut {
				check.Passed = false
				break
			}
		}
		return []result.Check{check}
	}}
	return f, func(c *call) error { return s.run(c, purpose) }, nil
}

func stormLine(s *coordinator.Storm) string {
	return fmt.Sprintf("%d lines cut, %d clients back after %s: %s joins per second, at most %d in a second",
		s.Cut, s.Back, result.Took(s.Took), result.Number(s.Joins), s.Peak)
}
