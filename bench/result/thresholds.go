package result

import (
	"flag"
	"fmt"
	"strconv"
	"time"

	"tuitalk/bench/measure"
)

// Thresholds are what a run must hold. The zero value asks for nothing.
type Thresholds struct {
	MaxP50       time.Duration // of Latency; 0: not asked for, as with the other times
	MaxP99       time.Duration
	MaxLatency   time.Duration
	MaxBlackout  time.Duration // p99 over clients, of the worst fault
	MinDelivered float64       // per second; 0: not asked for

	MaxLost, MaxDuplicated, MaxReordered Most // entries
}

// Most is a bound on a count, of which 0 is a proper one. The zero value is no
// bound. It is a flag.Value.
type Most struct {
	N     int64
	Asked bool
}

// Set takes the bound from a flag.
func (m *Most) Set(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a number of 0 or more", text)
	}
	*m = Most{n, true}
	return nil
}

func (m *Most) String() string {
	if !m.Asked {
		return ""
	}
	return strconv.FormatInt(m.N, 10)
}

// Flags lets a program's flags set t.
func (t *Thresholds) Flags(f *flag.FlagSet) {
	f.DurationVar(&t.MaxP50, "max-p50", t.MaxP50, "fail if the median latency is above `TIME`")
	f.DurationVar(&t.MaxP99, "max-p99", t.MaxP99, "fail if the p99 of the latency is above `TIME`")
	f.DurationVar(&t.MaxLatency, "max-latency", t.MaxLatency, "fail if any latency is above `TIME`")
	f.DurationVar(&t.MaxBlackout, "max-blackout-p99", t.MaxBlackout, "fail if a fault's p99 of the blackout over clients is above `TIME`")
	f.Float64Var(&t.MinDelivered, "min-delivered", t.MinDelivered, "fail if fewer than `N` messages are delivered per second")
	f.Var(&t.MaxLost, "max-lost", "fail if more than `N` entries are lost")
	f.Var(&t.MaxDuplicated, "max-duplicated", "fail if more than `N` entries are shown twice")
	f.Var(&t.MaxReordered, "max-reordered", "fail if more than `N` entries are out of order")
}

// Check is one thing that had to hold.
type Check struct {
	Name    string
	Passed  bool
	Skipped bool   // it was neither asked for nor looked at; then it has Passed
	Why     string // a sentence, also if it passed
}

// Check holds r against t. The verdict of the checker, whether everything was
// delivered, whether the faults took hold, and whether the generator kept up are
// always among the checks.
func (r *Result) Check(t Thresholds) []Check {
	checks := []Check{r.keptUp(), r.kept(), r.everything()}
	if len(r.Faults) > 0 {
		checks = append(checks, r.tookHold())
	}
	l := &r.Whole.Latency
	for _, b := range []struct {
		name  string
		bound time.Duration
		at    float64
	}{{"latency p50", t.MaxP50, 50}, {"latency p99", t.MaxP99, 99}, {"latency max", t.MaxLatency, 100}} {
		if b.bound > 0 {
			checks = append(checks, r.within(b.name, b.bound, l, b.at))
		}
	}
	if t.MinDelivered > 0 {
		rate := r.Rate(r.Whole.Delivered)
		c := Check{Name: "delivered per second", Passed: rate >= t.MinDelivered,
			Why: fmt.Sprintf("%s, at least %s wanted", Number(rate), Number(t.MinDelivered))}
		if why := r.Undelivered(); why != "" {
			c.Passed, c.Why = false, why
		}
		checks = append(checks, c)
	}
	checks = append(checks, r.counted(t)...)
	if t.MaxBlackout > 0 {
		checks = append(checks, r.blackouts(t.MaxBlackout))
	}
	return checks
}

// Passed reports whether all checks did.
func Passed(checks []Check) bool {
	for _, c := range checks {
		if !c.Passed {
			return false
		}
	}
	return true
}

func (r *Result) keptUp() Check {
	if r.Bottleneck != "" {
		return Check{Name: "the generator kept up", Why: r.bottleneck()}
	}
	return Check{Name: "the generator kept up", Passed: true, Why: "it was not the bottleneck"}
}

func (r *Result) kept() Check {
	c := Check{Name: "every promise was kept"}
	switch {
	case r.Checked == nil:
		c.Passed, c.Skipped, c.Why = true, true, "histories were not recorded"
	case r.Checked.Err() != nil:
		c.Why = r.Checked.Err().Error()
	default:
		c.Passed, c.Why = true, fmt.Sprintf("%s entries were checked", Number(float64(r.Checked.Entries)))
	}
	return c
}

func (r *Result) everything() Check {
	if r.Behind != (Behind{}) {
		return Check{Name: "everything was delivered", Why: r.Undelivered()}
	}
	return Check{Name: "everything was delivered", Passed: true, Why: "nobody was behind in the end"}
}

// Undelivered says what is in none of the times, as it never came; "": nothing.
// Posts that fell due in the last second may be posted after it.
func (r *Result) Undelivered() string {
	var lastSecond int64
	for i := range r.Seconds {
		if s := &r.Seconds[i]; s.At < r.Measured[1] {
			lastSecond = s.Intended
		}
	}
	switch w := &r.Whole; {
	case r.Behind != (Behind{}):
		return fmt.Sprintf("not everything was delivered: %s clients behind, %s messages not stored or not shown",
			Number(float64(r.Behind.Clients)), Number(float64(r.Behind.Messages)))
	case w.Posted < w.Intended-lastSecond:
		return fmt.Sprintf("not everything was delivered: %s posts fell due, %s were posted",
			Number(float64(w.Intended)), Number(float64(w.Posted)))
	}
	return ""
}

func (r *Result) tookHold() Check {
	for i := range r.Faults {
		if f := &r.Faults[i]; !f.Held {
			return Check{Name: "every fault took hold", Why: Line(f.What) + " did not: " + Line(f.Evidence)}
		}
	}
	return Check{Name: "every fault took hold", Passed: true, Why: fmt.Sprintf("%d did", len(r.Faults))}
}

// within judges a percentile. What was not measured does not pass, nor does what
// is above the bound if the clocks of the workers are as far apart as they may be.
func (r *Result) within(name string, bound time.Duration, h *measure.Hist, p float64) Check {
	switch got := h.At(p); {
	case r.Bottleneck != "":
		return Check{Name: name, Why: r.bottleneck()}
	case h.Count() == 0:
		return Check{Name: name, Why: "nothing was delivered"}
	case r.Undelivered() != "":
		return Check{Name: name, Why: r.Undelivered()}
	case r.ClockError > 0:
		return Check{Name: name, Passed: got.Seconds()+r.ClockError <= bound.Seconds(),
			Why: fmt.Sprintf("%s ± %s, at most %s wanted", Took(got), Time(r.ClockError), Took(bound))}
	default:
		return Check{Name: name, Passed: got <= bound, Why: fmt.Sprintf("%s, at most %s wanted", Took(got), Took(bound))}
	}
}

func (r *Result) counted(t Thresholds) (checks []Check) {
	var lost, duplicated, reordered int64
	if r.Checked != nil {
		lost, duplicated, reordered = violations(r.Checked)
	}
	for _, b := range []struct {
		name  string
		bound Most
		got   int64
	}{{"lost", t.MaxLost, lost}, {"duplicated", t.MaxDuplicated, duplicated}, {"reordered", t.MaxReordered, reordered}} {
		switch {
		case !b.bound.Asked:
		case r.Checked == nil:
			checks = append(checks, Check{Name: b.name, Why: "not known, as histories were not recorded"})
		case len(r.Checked.Unsound) > 0:
			checks = append(checks, Check{Name: b.name, Why: "not known: " + Line(r.Checked.Unsound[0])})
		default:
			checks = append(checks, Check{Name: b.name, Passed: b.got <= b.bound.N,
				Why: fmt.Sprintf("%s, at most %s wanted", Number(float64(b.got)), Number(float64(b.bound.N)))})
		}
	}
	return checks
}

func (r *Result) blackouts(bound time.Duration) Check {
	c := Check{Name: "blackout p99", Passed: true, Why: "no fault was injected, so nothing was measured"}
	if len(r.Faults) == 0 {
		c.Passed = false
		return c
	}
	if r.Bottleneck != "" {
		return Check{Name: c.Name, Why: r.bottleneck()}
	}
	worst := &r.Faults[0]
	for i := range r.Faults {
		f := &r.Faults[i]
		if f.NotBack > 0 {
			return Check{Name: c.Name, Why: fmt.Sprintf("%s clients did not come back after %s", Number(float64(f.NotBack)), Line(f.What))}
		}
		if f.Blackout.Count == 0 {
			return Check{Name: c.Name, Why: "nothing was measured for " + Line(f.What)}
		}
		if f.Blackout.P99 > worst.Blackout.P99 {
			worst = f
		}
	}
	c.Passed = worst.Blackout.P99 <= bound.Seconds()
	c.Why = fmt.Sprintf("%s with %s, at most %s wanted", Time(worst.Blackout.P99), Line(worst.What), Took(bound))
	return c
}
