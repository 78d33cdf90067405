package main

import (
	"errors"

	"tuitalk/bench/coordinator"
	"tuitalk/bench/report"
	"tuitalk/bench/result"
	"tuitalk/cmd/setting"
)

var soak = &command{
	name: "soak",
	line: "load for hours: fails if the target's processes grow, or a promise is broken",
	about: `tuitalk-bench soak is load for a long time. It fails if any history is wrong, or
if the memory, the open files or the goroutines of the target's processes grow:
the median of the last fifth of the time is held against that of the first. So
that they are seen, the processes (-watch) or the cluster (-cluster) must be named.

    tuitalk-bench soak -watch $(pidof tuitalk-gateway)=gateway@127.0.0.1:8081
    tuitalk-bench soak -cluster .cluster -duration 8h -html soak.html`,
	open: openSoak,
}

func openSoak(self *command) (*form, func(*call) error, error) {
	s, err := newSettings(self, "soak")
	if err != nil {
		return nil, nil, err
	}
	var growth float64
	s.form.Float64Var(&growth, "max-growth", 0.2, "the `share` by which memory, files and goroutines of a process may grow; up to 16 MiB and up to 64 are no growth", setting.NotNegative)
	s.groups(group{"The soak", []string{"max-growth"}})
	purpose := &purpose{prepare: func(o *coordinator.Options, _ *report.Live) error {
		if len(o.Watch()) == 0 {
			return errors.New("nothing is watched: name processes (-watch) or a -cluster, or use load -scenario soak, which does not look at memory")
		}
		return nil
	}, judge: func(r *result.Result) []result.Check {
		return r.Growth(growth)
	}}
	return s.form, func(c *call) error { return s.run(c, purpose) }, nil
}
