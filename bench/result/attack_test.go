package result

import (
	"bytes"
	"encoding/xml"
	"reflect"
	"strings"
	"testing"
	"time"
)

// demoAttacks is one attack that held and three that did not.
func demoAttacks() *Attacks {
	felt := func(d time.Duration, failed int) (f Felt) {
		f.Seconds, f.PostsFailed = 5, failed
		f.Post.Record(d, 100)
		f.Join.Record(2*d, 20)
		return f
	}
	ms := time.Millisecond
	a := &Attacks{Started: time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC), Command: "tuitalk-bench attack", Target: "ws://127.0.0.1:1/ws"}
	for _, one := range []Attack{
		{Name: "mild", During: felt(8*ms, 0)},
		{Name: "slow", During: felt(400*ms, 3), Cost: Cost{Known: true, RSS: 1 << 20, RSSPeak: 300 << 20}},
		{Name: "theft", During: felt(5*ms, 0), Breaches: []string{"somebody else | was welcomed"}},
		{Name: "wedge", During: felt(5*ms, 0), Ended: "SIGTERM did not end it", Stuck: true},
	} {
		one.What, one.Weakness, one.Size = "does something", "something", "5 at 1/s"
		one.Before, one.After = felt(5*ms, 0), felt(5*ms, 0)
		one.Got = Got{Tried: 5, Opened: 4, Refused: map[string]int{"HTTP 429": 1}, Closed: map[string]int{"4008": 2}, Answers: map[string]int{}}
		a.Attacks = append(a.Attacks, one)
	}
	a.Attacks[1].After.JoinsFailed = 1
	return a
}

// notPassed are the names of the checks that did not pass.
func notPassed(checks []Check) (names []string) {
	for _, c := range checks {
		if !c.Passed {
			names = append(names, c.Name)
		}
	}
	return names
}

func TestAttacksAreHeldAgainstThresholds(t *testing.T) {
	always := []string{"slow: people are served afterwards", "theft: nothing was given away", "wedge: the gateway ends when asked"}
	for name, tc := range map[string]struct {
		t    AttackThresholds
		more []string
	}{
		"none asked for": {},
		"ratios":         {AttackThresholds{PostRatio: 3, JoinRatio: 5}, []string{"slow: honest posts", "slow: honest joins"}},
		"a low ratio":    {AttackThresholds{PostRatio: 1.2}, []string{"mild: honest posts", "slow: honest posts"}},
		"above a floor":  {AttackThresholds{PostRatio: 1.2, Floor: 10 * time.Millisecond}, []string{"slow: honest posts"}},
		"memory":         {AttackThresholds{RSSGrowth: 256 << 20}, []string{"mild: memory", "slow: memory", "theft: memory", "wedge: memory"}},
		"failures":       {AttackThresholds{Failures: Most{3, true}}, []string{"honest failures"}},
		"more failures":  {AttackThresholds{Failures: Most{4, true}}, nil},
	} {
		want := map[string]bool{}
		for _, n := range append(tc.more, always...) {
			want[n] = true
		}
		got := map[string]bool{}
		for _, n := range notPassed(demoAttacks().Check(tc.t)) {
			got[n] = true
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: did not pass: %v, want %v", name, got, want)
		}
	}
}

// An attack that could not be made, and a run that was broken off, do not pass.
func TestAttacksThatWereNotMadeDoNotPass(t *testing.T) {
	a := demoAttacks()
	a.Attacks, a.Incomplete = a.Attacks[:1], "interrupted"
	a.Attacks[0].Failed = "the honest did not get in"
	if got := notPassed(a.Check(AttackThresholds{})); len(got) != 2 {
		t.Errorf("did not pass: %q", got)
	}
}

func TestAttacksAreTold(t *testing.T) {
	a := demoAttacks()
	checks := a.Check(AttackThresholds{PostRatio: 3})
	var file bytes.Buffer
	if err := a.Write(&file); err != nil {
		t.Fatal(err)
	}
	again, err := ReadAttacks(&file)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		write func(*bytes.Buffer) error
		wants []string
	}{
		"summary":  {func(b *bytes.Buffer) error { return again.Summary(b, false) }, []string{"mild", "held", "breach", "stuck", "people cut off", "slowed: ", "somebody else", "SIGTERM", "+299 MiB"}},
		"markdown": {func(b *bytes.Buffer) error { return again.Markdown(b) }, []string{"| slow |", "400 / 400 ms", "HTTP 429 ×1", "4008 ×2", "**theft**: somebody else | was welcomed"}},
		"junit":    {func(b *bytes.Buffer) error { return again.JUnit(b, checks) }, []string{`failures="4"`, "slow: honest posts", "80.0 × 5.00 ms"}},
	} {
		said := text(t, tc.write)
		for _, want := range tc.wants {
			if !strings.Contains(said, want) {
				t.Errorf("%s lacks %q:\n%s", name, want, said)
			}
		}
	}
	var suite junitSuites
	if err := xml.Unmarshal([]byte(text(t, func(b *bytes.Buffer) error { return a.JUnit(b, checks) })), &suite); err != nil || suite.Suite.Tests != len(checks) {
		t.Errorf("%d tests, %v", suite.Suite.Tests, err)
	}
}

func TestSizeIsReadAndWritten(t *testing.T) {
	for said, want := range map[string]Size{"256MiB": 256 << 20, "1.5 GiB": 3 << 29, "4096": 4096, "10KiB": 10 << 10, "7B": 7} {
		var s Size
		if err := s.Set(said); err != nil || s != want {
			t.Errorf("%s: %d, %v", said, s, err)
		}
		var again Size
		if err := again.Set(s.String()); err != nil || again != s {
			t.Errorf("%s is written as %s: %v", said, s.String(), err)
		}
	}
	for _, wrong := range []string{"", "-1MiB", "much", "1TB"} {
		if new(Size).Set(wrong) == nil {
			t.Errorf("%q is no size", wrong)
		}
	}
}
