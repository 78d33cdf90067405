package compare

import (
	"errors"
	"reflect"
	"testing"

	"tuitalk/bench/result"
)

func TestWhatRepetitionsMeanTogether(t *testing.T) {
	good := func(v float64) findings { return findings{stages: []outcome{{perCPU: v, p50: v, p99: 2 * v}}} }
	full := func(v float64) findings { return findings{stages: []outcome{{saturated: v, why: "lines lost: 1"}}} }
	late := findings{stages: []outcome{{why: "the generator was late"}}}
	dead := findings{err: errors.New("it does not start")}
	for _, c := range []struct {
		name string
		all  []findings
		want result.Cell
	}{
		{"never tried", nil, result.Cell{Note: "not measured"}},
		{"good", []findings{good(1), good(2), good(3)}, result.Cell{Values: []float64{1, 2, 3}, P50: []float64{1, 2, 3}, P99: []float64{2, 4, 6}}},
		{"saturated", []findings{full(7), full(9), full(8)}, result.Cell{Saturated: 8, Note: "lines lost: 1"}},
		{"mostly saturated", []findings{full(7), good(1), full(9)}, result.Cell{Saturated: 8, Note: "in 2 of 3 runs"}},
		{"saturated once", []findings{good(1), full(9), good(2)}, result.Cell{
			Values: []float64{1, 2}, P50: []float64{1, 2}, P99: []float64{2, 4}, Note: "saturated at 9/s in 1 of 3 runs",
		}},
		{"late once", []findings{good(1), late, good(2)}, result.Cell{
			Values: []float64{1, 2}, P50: []float64{1, 2}, P99: []float64{2, 4}, Note: "1 of 3 runs: the generator was late",
		}},
		{"mostly late", []findings{good(1), late, late}, result.Cell{Note: "the generator was late"}},
		{"dead", []findings{dead, dead, dead}, result.Cell{Note: "it does not start"}},
	} {
		if got := stageCell(c.all, 0, len(c.all)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestThousands(t *testing.T) {
	for rate, want := range map[float64]string{20e3: "20k", 300e3: "300k", 1500: "1500", 1000: "1k", 12: "12"} {
		if got := thousands(rate); got != want {
			t.Errorf("%v: %s, want %s", rate, got, want)
		}
	}
}
