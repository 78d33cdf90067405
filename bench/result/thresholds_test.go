package result

import (
	"bytes"
	"encoding/xml"
	"flag"
	"reflect"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/measure"
)

func TestThresholds(t *testing.T) {
	var asked Thresholds
	f := flag.NewFlagSet("x", flag.ContinueOnError)
	asked.Flags(f)
	f.SetOutput(new(bytes.Buffer))
	if err := f.Parse(strings.Fields("-max-p50 2ms -max-p99 20ms -max-latency 100ms -max-lost 0 -max-duplicated 0 -max-reordered 1 -min-delivered 9000 -max-blackout-p99 100ms")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*Result)
		failed []string
	}{
		{"good", func(*Result) {}, nil},
		{"blackout", func(r *Result) { r.Faults[0].Blackout.P99 = 0.2 }, []string{"blackout p99"}},
		{"not back", func(r *Result) { r.Faults[0].NotBack = 1 }, []string{"blackout p99"}},
		{"behind", func(r *Result) { r.Behind = Behind{3, 7} },
			[]string{"everything was delivered", "latency p50", "latency p99", "latency max", "delivered per second"}},
		{"not posted", func(r *Result) { r.Whole.Intended += 101 }, []string{"latency p50", "latency p99", "latency max", "delivered per second"}},
		{"the last second's are under way", func(r *Result) { r.Whole.Intended += 100 }, nil},
		{"no faults", func(r *Result) { r.Faults = nil }, []string{"blackout p99"}},
		{"not held", func(r *Result) { r.Faults[0].Held = false }, []string{"every fault took hold"}},
		{"lost", func(r *Result) { r.Checked.Counts[checker.Hole] = 1 }, []string{"every promise was kept", "lost"}},
		{"reordered within the bound", func(r *Result) { r.Checked.Counts[checker.Reordered] = 1 }, []string{"every promise was kept"}},
		{"not recorded", func(r *Result) { r.Checked = nil }, []string{"lost", "duplicated", "reordered"}},
		{"unsound", func(r *Result) { r.Checked.Unsound = []string{"cut off"} }, []string{"every promise was kept", "lost", "duplicated", "reordered"}},
		{"slow", func(r *Result) { r.Whole.Latency.Record(50*time.Millisecond, 20_000) }, []string{"latency p99"}},
		{"clocks that blur", func(r *Result) { r.ClockError = 0.016 }, []string{"latency p50", "latency p99"}},
		{"clocks that do not matter", func(r *Result) { r.ClockError = 0.00001 }, nil},
		{"nothing delivered", func(r *Result) { r.Whole = measure.Sample{} }, []string{"latency p50", "latency p99", "latency max", "delivered per second"}},
	} {
		r := demo()
		c.change(r)
		checks := r.Check(asked)
		var failed []string
		for _, check := range checks {
			if !check.Passed {
				failed = append(failed, check.Name)
			}
		}
		if !reflect.DeepEqual(failed, c.failed) || Passed(checks) != (len(failed) == 0) {
			t.Errorf("%s: %v failed, want %v", c.name, failed, c.failed)
		}
	}
	if checks := demo().Check(Thresholds{}); !Passed(checks) || len(checks) != 4 {
		t.Errorf("a good run without thresholds: %+v", checks)
	}
	if err := f.Parse([]string{"-max-lost", "-1"}); err == nil {
		t.Error("-max-lost takes -1")
	}
}

func TestJUnit(t *testing.T) {
	r := demo()
	r.Checked.Counts[checker.Lost] = 1
	r.Checked.Violations = []checker.Violation{{Kind: checker.Lost, What: "c17 <was> never shown\x01 812"}}
	got := text(t, func(b *bytes.Buffer) error {
		return r.JUnit(b, r.Check(Thresholds{MaxP99: time.Millisecond, MaxP50: time.Second}))
	})
	golden(t, "junit.xml", got)
	var suites junitSuites
	if err := xml.Unmarshal([]byte(got), &suites); err != nil {
		t.Fatal(err)
	}
	s := suites.Suite
	if s.Tests != 6 || s.Failures != 2 || s.Skipped != 0 || len(s.Cases) != 6 || s.Cases[1].Failure == nil {
		t.Errorf("%+v", s)
	}
	r.Checked = nil
	if got := text(t, func(b *bytes.Buffer) error { return r.JUnit(b, r.Check(Thresholds{})) }); !strings.Contains(got, `skipped="1"`) {
		t.Errorf("a run that was not recorded: %s", got)
	}
}
