package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/result"
)

func demoAttacks() *result.Attacks {
	a := &result.Attacks{Started: time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC), Command: "tuitalk-bench attack -gateway g", Target: "g", Setting: "4 honest people",
		LeftOut: []string{"room-wedge is left out by -quick"}}
	for i, name := range []string{"half-open", "flood-posts", "stolen-identity", "not-made"} {
		one := result.Attack{Name: name, What: "does <something>", Weakness: "something", Size: "5 at 5/s"}
		for j, f := range []*result.Felt{&one.Before, &one.During, &one.After} {
			f.Seconds = 4
			f.Post.Record(time.Duration(1+50*j*i)*time.Millisecond, 40)
			f.Join.Record(time.Duration(3+90*j*i)*time.Millisecond, 10)
		}
		one.Cost = result.Cost{Known: i > 0, RSS: 50 << 20, RSSPeak: 60 << 20 * int64(i+1), CPU: 1.5, Disk: 1 << 20, Kernel: 3 << 20}
		one.Got = result.Got{Tried: 9, Opened: 8, Held: i, Closed: map[string]int{"4012": 3}, Refused: map[string]int{"HTTP 429": 1}, BytesIn: 1 << 20, AliveMost: 4}
		a.Attacks = append(a.Attacks, one)
	}
	a.Attacks[1].During.PostsFailed, a.Attacks[1].Stopped = 7, "too much"
	a.Attacks[2].Breaches = []string{"somebody else was welcomed", "a text was forged"}
	a.Attacks[3] = result.Attack{Name: "not-made", Failed: "the people did not get in"}
	return a
}

func TestAttackPageHasEverything(t *testing.T) {
	a := demoAttacks()
	checks := a.Check(result.AttackThresholds{PostRatio: 3})
	var b bytes.Buffer
	if err := AttackHTML(&b, a, checks); err != nil {
		t.Fatal(err)
	}
	html := kept(t, "attacks", b.String())
	wants(t, html, `id="felt-posts`, `id="felt-joins`, `id="cost-memory`, "Not everything held", "half-open", "HTTP 429 ×1", "4012 ×3", "somebody else was welcomed",
		"does &lt;something&gt;", "too much", "not made\nthe people did not get in", `id="attacks"`, "room-wedge is left out", "tuitalk-bench attack -gateway g", "flood-posts: honest posts")
	a.Attacks = a.Attacks[:1]
	b.Reset()
	if err := AttackHTML(&b, a, a.Check(result.AttackThresholds{})); err != nil {
		t.Fatal(err)
	}
	wants(t, kept(t, "attacks-held", b.String()), "Everything held")
}

func TestAnAttackFitsOnATerminal(t *testing.T) {
	s := AttackView{Attack: 3, Attacks: 39, Name: "fetch-dense-second", Phase: "during", Elapsed: time.Minute, Left: 5 * time.Minute, Open: 1600, Closed: 12}
	s.Felt.Post.Record(3*time.Millisecond, 100)
	for width := 1; width < 120; width += 7 {
		for _, line := range s.Lines(width, 24, true) {
			if cells(line) > width {
				t.Errorf("%d columns: %q", width, line)
			}
		}
	}
	all := strings.Join(s.Lines(80, 24, false), "\n")
	for _, want := range []string{"3 of 39", "fetch-dense-second, during", "1,600 open", "p99 3.00 ms", "none yet"} {
		if !strings.Contains(all, want) || !strings.Contains(s.Line(), strings.TrimPrefix(want, "3 of 39")) {
			t.Errorf("%q is missing in\n%s\n%s", want, all, s.Line())
		}
	}
}
