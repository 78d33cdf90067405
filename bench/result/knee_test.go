package result

import (
	"strings"
	"testing"
)

func TestTheKneeIsBelowWhateverFailed(t *testing.T) {
	bad := func(rate float64) Step { return Step{Rate: rate, Why: "p99 above 20 ms"} }
	good := func(rate float64) Step { return Step{Rate: rate, Good: true} }
	for _, c := range []struct {
		name       string
		steps      []Step
		bottleneck string
		knee       float64 // 0: none
		says       string
	}{
		{"no ramp", nil, "", 0, ""},
		{"one that held above is luck", []Step{good(400), good(100), bad(300), good(200)}, "", 200, "the knee is at 200 posts per second: 300 did not hold"},
		{"the same rate twice", []Step{good(100), bad(200), good(200)}, "", 100, "the knee is at 100 posts per second: 200 did not hold"},
		{"none held", []Step{bad(100), bad(50)}, "", 0, "no step held: the knee is below 50 posts per second"},
		{"none failed", []Step{good(100), good(200)}, "", 0, "the knee was not reached: it is above 200 posts per second"},
		{"the generator failed", []Step{good(100), bad(200)}, "it was late", 0, "no knee was found, as the generator was the bottleneck at 200 posts per second; 100 held"},
		{"the generator failed at once", []Step{bad(100)}, "it was late", 0, "no knee was found, as the generator was the bottleneck at 100 posts per second already"},
	} {
		r := demo()
		r.Steps, r.Bottleneck = c.steps, c.bottleneck
		got := 0.0
		if knee := r.Knee(); knee != nil {
			got = knee.Rate
		}
		if got != c.knee || r.KneeSaid() != c.says {
			t.Errorf("%s: the knee is %v, want %v: %s", c.name, got, c.knee, r.KneeSaid())
		}
		if text := summaryOf(t, r, false); !strings.Contains(text, c.says) || c.steps != nil && !strings.Contains(text, "Steps") {
			t.Errorf("%s:\n%s", c.name, text)
		}
	}
	r := demo()
	r.Steps = []Step{bad(1)}
	if text := summaryOf(t, r, false); !strings.Contains(text, "NOT HELD  p99 above 20 ms") {
		t.Errorf("%s", text)
	}
}
