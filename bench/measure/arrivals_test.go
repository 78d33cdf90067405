package measure

import (
	"math"
	"testing"
	"time"

	"tuitalk/bench/scenario"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// distances takes n arrivals and returns the distances between them, in seconds.
func distances(a *Arrivals, from time.Time, n int) []float64 {
	var all []float64
	for range n {
		at, _ := a.Next()
		a.Take()
		all = append(all, at.Sub(from).Seconds())
		from = at
	}
	return all
}

func TestConstantArrivalsDoNotDrift(t *testing.T) {
	const rate, n = 7.0, 700_000
	a := NewArrivals(scenario.Constant, noon, rate, 1)
	first, _ := a.Next()
	if wait := first.Sub(noon); wait < 0 || wait.Seconds() >= 1/rate {
		t.Errorf("the first comes after %s", wait)
	}
	for range n {
		a.Take()
	}
	last, _ := a.Next()
	if off := (last.Sub(first) - n/rate*time.Second).Abs(); off > time.Microsecond {
		t.Errorf("after %d arrivals they are %s off", n, off)
	}
}

func TestPoissonArrivals(t *testing.T) {
	const rate, n = 1000.0, 200_000
	var sum, squares float64
	long := 0
	for _, d := range distances(NewArrivals(scenario.Poisson, noon, rate, 1), noon, n) {
		if d < 0 {
			t.Fatal("time runs back")
		}
		sum += d
		squares += d * d
		if d > 3/rate {
			long++
		}
	}
	// Of an exponential distribution, mean and deviation are 1/rate, and e^-3 of
	// all distances are longer than three times that.
	mean := sum / n
	deviation := math.Sqrt(squares/n - mean*mean)
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"mean", mean * rate, 1}, {"deviation", deviation * rate, 1}, {"longer than three means", float64(long) / n, math.Exp(-3)},
	} {
		if math.Abs(c.got/c.want-1) > 0.03 {
			t.Errorf("%s: %.4f, want %.4f", c.what, c.got, c.want)
		}
	}
}

func TestArrivalsChangeTheirRate(t *testing.T) {
	for _, kind := range []scenario.Arrivals{scenario.Constant, scenario.Poisson} {
		a := NewArrivals(kind, noon, 100, 1)
		now := noon
		for _, rate := range []float64{100, 1000, 0, 10, 50} {
			a.Rate(now, rate)
			end := now.Add(100 * time.Second)
			n := 0
			for at, ok := a.Next(); ok && at.Before(end); at, ok = a.Next() {
				if at.Before(now) {
					t.Fatalf("%s at %v: an arrival before the rate changed", kind, rate)
				}
				n++
				a.Take()
			}
			spread := 1.0
			if kind == scenario.Poisson {
				spread = 5 * math.Sqrt(100*rate)
			}
			if math.Abs(float64(n)-100*rate) > spread {
				t.Errorf("%s: %d arrivals in 100 s at %v per second", kind, n, rate)
			}
			now = end
		}
	}
}

func TestWhatIsDueStaysDue(t *testing.T) {
	a := NewArrivals(scenario.Constant, noon, 10, 1)
	due, _ := a.Next()
	a.Rate(noon.Add(time.Minute), 1)
	if next, _ := a.Next(); !next.Equal(due) {
		t.Errorf("an arrival moved from %s to %s", due, next)
	}
}

// TestWhatFellDueIsNotForgotten: who is behind when the rate changes finds, in
// each stretch of time, as much as was due at the rate that it had.
func TestWhatFellDueIsNotForgotten(t *testing.T) {
	rates := []float64{1000, 10, 0, 200, 50, 2000} // of ten seconds each
	for _, kind := range []scenario.Arrivals{scenario.Constant, scenario.Poisson} {
		a := NewArrivals(kind, noon, rates[0], 1)
		for i, rate := range rates[1:] {
			a.Rate(noon.Add(time.Duration(i+1)*10*time.Second), rate)
		}
		count := make([]int, len(rates))
		for last := noon; ; a.Take() {
			at, ok := a.Next()
			if !ok || at.Before(last) {
				t.Fatalf("%s: after %s comes %s, %v", kind, last.Sub(noon), at.Sub(noon), ok)
			}
			last = at
			i := int(at.Sub(noon) / (10 * time.Second))
			if i == len(rates) {
				break
			}
			count[i]++
		}
		for i, rate := range rates {
			spread := 1.0
			if kind == scenario.Poisson {
				spread = 5 * math.Sqrt(10*rate)
			}
			if math.Abs(float64(count[i])-10*rate) > spread {
				t.Errorf("%s: %d arrivals in 10 s at %v per second", kind, count[i], rate)
			}
		}
		a.Rate(noon.Add(70*time.Second), 0)
		for at, ok := a.Next(); ok; at, ok = a.Next() {
			if at.After(noon.Add(70 * time.Second)) {
				t.Fatalf("%s: %s, when nothing arrives any more", kind, at.Sub(noon))
			}
			a.Take()
		}
	}
}

func TestSeedsRepeat(t *testing.T) {
	take := func(seed uint64) []float64 {
		return distances(NewArrivals(scenario.Poisson, noon, 10, seed), noon, 20)
	}
	a, b, c := take(1), take(1), take(2)
	if a[19] != b[19] || a[19] == c[19] {
		t.Errorf("%v %v %v", a[19], b[19], c[19])
	}
}
