package result

import (
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// AttackThresholds are what must hold under attack. The zero value of a bound asks
// for nothing.
type AttackThresholds struct {
	PostRatio, JoinRatio float64       // of the p99 during an attack to the quiet one
	Floor                time.Duration // a quiet p99 below it counts as this
	RSSGrowth            Size          // bytes
	Failures             Most          // posts and joins not answered, during and after all attacks
}

// Size is a number of bytes. It is a flag.Value, as 256MiB.
type Size int64

var sizeUnits = []struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}}

// Set takes a size from a flag.
func (s *Size) Set(text string) error {
	number, unit := text, 1.0
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || v < 0 || v*unit > 1<<60 {
		return fmt.Errorf("%q is no size, as 256MiB", text)
	}
	*s = Size(v * unit)
	return nil
}

func (s *Size) String() string {
	if *s == 0 {
		return ""
	}
	return strings.ReplaceAll(Bytes(float64(*s)), " ", "")
}

// Flags lets a program's flags set t.
func (t *AttackThresholds) Flags(f *flag.FlagSet) {
	f.Float64Var(&t.PostRatio, "max-honest-p99-ratio", t.PostRatio, "fail if under any attack the p99 of honest posts is more than `N` times the quiet one of this run")
	f.Float64Var(&t.JoinRatio, "max-join-ratio", t.JoinRatio, "fail if under any attack the p99 of honest joins is more than `N` times the quiet one")
	f.DurationVar(&t.Floor, "quiet-floor", t.Floor, "for both ratios: a quiet p99 below this `TIME` counts as this, since less is the machine's noise")
	f.Var(&t.RSSGrowth, "max-rss-growth", "fail if under any attack the gateway's memory grows by more than `SIZE`, as 256MiB")
	f.Var(&t.Failures, "max-honest-failures", "fail if more than `N` honest posts and joins were not answered")
}

// Check holds a against t. That nobody was given what is not his, that the gateway
// served people afterwards and that it ended when asked are always among the checks.
func (a *Attacks) Check(t AttackThresholds) []Check {
	quiet := a.Quiet()
	var checks []Check
	for i := range a.Attacks {
		checks = append(checks, a.Attacks[i].check(&t, &quiet)...)
	}
	if t.Failures.Asked {
		checks = append(checks, a.failures(t.Failures.N))
	}
	if a.Incomplete != "" {
		checks = append(checks, Check{Name: "all attacks were made", Why: Line(a.Incomplete)})
	}
	return checks
}

func (a *Attack) check(t *AttackThresholds, quiet *Felt) (checks []Check) {
	add := func(what string, passed bool, why string, args ...any) {
		checks = append(checks, Check{Name: a.Name + ": " + what, Passed: passed, Why: fmt.Sprintf(why, args...)})
	}
	if a.Failed != "" {
		add("it was made", false, "%s", Line(a.Failed))
		return checks
	}
	if len(a.Breaches) > 0 {
		add("nothing was given away", false, "%s", Line(strings.Join(a.Breaches, "; ")))
	} else {
		add("nothing was given away", true, "no breach was seen")
	}
	add("people are served afterwards", a.servedAfter(), "after the attack %d of %d joins and %d of %d posts were not answered",
		a.After.JoinsFailed, a.After.Join.Count(), a.After.PostsFailed, a.After.Post.Count())
	if a.Ended != "" {
		add("the gateway ends when asked", !a.Stuck, "%s", a.Ended)
	}
	a.ratio(add, "honest posts", t.PostRatio, t.Floor, a.During.Post.At(99), quiet.Post.At(99), a.During.Post.Count())
	a.ratio(add, "honest joins", t.JoinRatio, t.Floor, a.During.Join.At(99), quiet.Join.At(99), a.During.Join.Count())
	if t.RSSGrowth > 0 {
		switch {
		case !a.Cost.Known:
			add("memory", false, "not known: the gateway's process cannot be watched")
		default:
			add("memory", a.Cost.Growth() <= int64(t.RSSGrowth), "grew by %s, at most %s wanted",
				Bytes(float64(a.Cost.Growth())), Bytes(float64(t.RSSGrowth)))
		}
	}
	return checks
}

// servedAfter: those who posted or came after the attack were answered. Who came in
// its last moments counts with the attack.
func (a *Attack) servedAfter() bool { return a.After.Failures() == 0 }

func (a *Attack) ratio(add func(string, bool, string, ...any), what string, bound float64, floor, got, quiet time.Duration, count int64) {
	if bound <= 0 {
		return
	}
	base := max(quiet, floor)
	switch {
	case count == 0:
		add(what, false, "none was answered")
	case base <= 0:
		add(what, false, "there is no quiet figure to compare with")
	default:
		ratio := got.Seconds() / base.Seconds()
		add(what, ratio <= bound, "p99 %s under attack, %s × %s, at most %s × wanted", Took(got), Number(ratio), Took(base), Number(bound))
	}
}

func (a *Attacks) failures(most int64) Check {
	var failed, total int64
	for i := range a.Attacks {
		for _, f := range []*Felt{&a.Attacks[i].During, &a.Attacks[i].After} {
			failed += int64(f.Failures())
			total += f.Post.Count() + f.Join.Count()
		}
	}
	return Check{Name: "honest failures", Passed: failed <= most,
		Why: fmt.Sprintf("%s of %s posts and joins were not answered, at most %s wanted", Number(float64(failed)), Number(float64(total)), Number(float64(most)))}
}

// JUnit writes checks as the XML that CI servers read, one testcase for each.
func (a *Attacks) JUnit(w io.Writer, checks []Check) error {
	seconds := 0.0
	for i := range a.Attacks {
		for _, f := range []*Felt{&a.Attacks[i].Before, &a.Attacks[i].During, &a.Attacks[i].After} {
			seconds += f.Seconds
		}
	}
	return writeJUnit(w, "tuitalk-bench attack", a.Started, seconds, checks, func(c Check) string { return c.Why })
}
