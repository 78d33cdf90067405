package result

import (
	"strings"
	"testing"
)

// watched is a run of 100 s in which a process took so much, second by second.
func watched(memory, files, goroutines []float64) *Result {
	r := &Result{Measured: [2]int64{100, 200}, Servers: []Server{{Name: "gateway"}}}
	points := func(values []float64, unit float64) (all []Point) {
		for i, v := range values {
			all = append(all, Point{At: 100 + int64(i), Value: v * unit})
		}
		return all
	}
	s := &r.Servers[0]
	s.RSS, s.Files, s.Goroutines = points(memory, 1<<20), points(files, 1), points(goroutines, 1)
	return r
}

var (
	steady = []float64{100, 110, 100, 110, 100, 110, 100, 110, 100, 110}
	rising = []float64{100, 120, 140, 160, 180, 200, 220, 240, 260, 280}
	small  = []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
)

func TestGrowth(t *testing.T) {
	peak := []float64{100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 900}
	for _, c := range []struct {
		name   string
		r      *Result
		checks int
		failed string // names of checks
	}{
		{"steady", watched(steady, steady, steady), 3, ""},
		{"memory leaks", watched(rising, steady, steady), 3, "memory of gateway"},
		{"files leak", watched(steady, rising, steady), 3, "open files of gateway"},
		{"goroutines leak", watched(steady, steady, rising), 3, "goroutines of gateway"},
		{"one peak at the end", watched(peak, peak, nil), 2, ""},
		{"too small to be growth", watched(small, small, small), 3, ""},
		{"hardly seen", watched(steady[:2], nil, nil), 1, "memory of gateway"},
		{"before and after do not count", &Result{Measured: [2]int64{0, 50}, Servers: watched(steady, nil, nil).Servers}, 1, "memory of gateway"},
		{"nobody watched", &Result{}, 1, "memory"},
	} {
		checks := c.r.Growth(0.2)
		var failed []string
		for _, check := range checks {
			if !check.Passed {
				failed = append(failed, check.Name)
			}
			if check.Why == "" {
				t.Errorf("%s: %s does not say why", c.name, check.Name)
			}
		}
		if len(checks) != c.checks || strings.Join(failed, ", ") != c.failed {
			t.Errorf("%s: of %d checks %q failed, want %q", c.name, len(checks), failed, c.failed)
		}
	}
}

func TestGrowthIsTold(t *testing.T) {
	got := summaryOf(t, watched(rising, small, nil), false)
	if !strings.Contains(got, "gateway     –  110 → 190 → 270 MiB  1.50 → 5.50 → 9.50           –") {
		t.Errorf("%s", got)
	}
	if got := summaryOf(t, demo(), false); strings.Contains(got, "Processes") {
		t.Errorf("nobody was watched:\n%s", got)
	}
}
