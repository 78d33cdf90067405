package coordinator

import (
	"slices"
	"testing"
	"time"

	"tuitalk/bench/measure"
)

func TestWarningsTellWhatIsNotAsItShouldBe(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, tc := range []struct {
		name   string
		phase  string
		behind []lag // at 1,000
		want   []string
	}{
		{"all is well", "measuring", []lag{{999, 4, 20}, {998, 4, 20}}, nil},
		{"nothing is stored", "measuring", []lag{{999, 40, 1000}, {999, 60, 500}}, []string{"1,500 messages of or for 100 people wait to be stored or shown"}},
		{"one is silent", "measuring", []lag{{999, 0, 0}, {990, 0, 0}}, []string{"w1 has said nothing for 9 s"}},
		{"one has not begun", "starting", []lag{{0, 0, 0}, {999, 0, 0}}, nil},
		{"they end", checking, []lag{{990, 0, 0}, {990, 0, 1000}}, nil},
	} {
		c := &Coordinator{
			links: []*workerLink{{name: "w0"}, {name: "w1"}}, behind: tc.behind, phase: tc.phase, clock: newSteady(now),
			seconds: []measure.Sample{{At: 998, Counts: measure.Counts{Intended: 100}}},
		}
		if got := c.warnings(); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
