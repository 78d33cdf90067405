package result

import (
	"fmt"
	"slices"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/measure"
)

// How Recovery judges.
const (
	before    = 10  // seconds in front of a fault that say what was normal
	ahead     = 5   // seconds that must be normal again, in the median
	leastOf   = 3   // of either, at the end of a run or between two faults
	after     = 3   // seconds behind the end of a fault that are not yet normal
	tolerance = 1.1 // times what was normal
)

// What Recovery is if it is no time.
const (
	Never   = -1.0
	Unknown = -2.0 // it is not known how things were before
)

// Derive fills in what follows from the samples: Recovery and Herd of each fault,
// and ClockError. What belongs to a fault ends where the next one begins.
func (r *Result) Derive() {
	r.ClockError = clockError(r.Clocks)
	for i := range r.Faults {
		f := &r.Faults[i]
		since, until := time.Time{}, time.Unix(1<<40, 0)
		for j := range r.Faults {
			o := &r.Faults[j]
			if o.At.After(f.At) && o.At.Before(until) {
				until = o.At
			}
			if o.At.Before(f.At) {
				since = later(since, o.calm(f.At))
			}
		}
		f.Recovery = Recovery(r.Seconds, since, f.At, until)
		f.Herd = Herd(r.Seconds, f.At, until)
	}
}

// clockError is the sum of the two greatest errors. The clients of one worker
// alone have one clock, so their latencies are not off.
func clockError(clocks []Clock) float64 {
	if len(clocks) < 2 {
		return 0
	}
	var errs []float64
	for _, c := range clocks {
		errs = append(errs, c.Error)
	}
	slices.Sort(errs)
	return errs[len(errs)-1] + errs[len(errs)-2]
}

// known is the share of the median up to which nobody needs to care by how much
// latencies are off.
const known = 0.1

// Blurred says in a sentence that latencies are not known well, as the workers'
// clocks are not; "": they are.
func (r *Result) Blurred() string {
	p50 := r.Whole.Latency.At(50).Seconds()
	if r.Whole.Latency.Count() == 0 || r.ClockError <= known*p50 {
		return ""
	}
	return fmt.Sprintf("latencies across workers are only known within ± %s, as their clocks are", Time(r.ClockError))
}

// calm is from when on seconds are normal again behind a fault; it is the given
// time if the fault still went on then.
func (f *Fault) calm(until time.Time) time.Time {
	if f.Over.IsZero() {
		return until
	}
	return f.Over.Add(after * time.Second)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// Recovery is how many seconds after a fault the p99 of the latency was within
// 10% of before; Never if it was not until the given time. Before is the median
// over the 10 seconds in front of the fault, but for those before since, in which
// another fault made itself felt; of fewer than 3 it is Unknown.
// A second counts as recovered if it is within the bound and so is the median of
// it and the four that follow, so that one quiet second in the middle of the
// trouble is not called its end. A second without deliveries is not within.
// It is exact to the second, as the samples are.
func Recovery(seconds []measure.Sample, since, from, until time.Time) float64 {
	fault := from.Unix()
	normalFrom := fault - before
	if !since.IsZero() {
		normalFrom = max(normalFrom, since.Add(time.Second-time.Nanosecond).Unix())
	}
	var normal, trouble []float64 // p99 of each second
	for i := range seconds {
		s := &seconds[i]
		p99 := s.Latency.At(99).Seconds()
		switch {
		case s.At < fault && s.At >= normalFrom && s.Latency.Count() > 0:
			normal = append(normal, p99)
		case s.At >= fault && s.At < until.Unix():
			if s.Latency.Count() == 0 {
				p99 = 1e9
			}
			trouble = append(trouble, p99)
		}
	}
	if len(normal) < leastOf {
		return Unknown
	}
	bound := tolerance * Median(normal)
	for i, p99 := range trouble {
		next := trouble[i:min(i+ahead, len(trouble))]
		if p99 <= bound && len(next) >= leastOf && Median(next) <= bound {
			return float64(i)
		}
	}
	return Never
}

// Herd is the most attempts at a connection in one second from a fault on.
func Herd(seconds []measure.Sample, from, until time.Time) int64 {
	var most int64
	for i := range seconds {
		if at := seconds[i].At; at >= from.Unix() && at < until.Unix() {
			most = max(most, seconds[i].Dialled)
		}
	}
	return most
}

// Length is the measured time, in seconds.
func (r *Result) Length() float64 { return float64(max(r.Measured[1]-r.Measured[0], 0)) }

// Rate is n per second of the measured time.
func (r *Result) Rate(n int64) float64 {
	if r.Length() == 0 {
		return 0
	}
	return float64(n) / r.Length()
}

// Nodes are the gateways in order of name, with the connections of each at the
// end of the measured time.
func (r *Result) Nodes() (names []string, connections []int) {
	nodes := r.Whole.Nodes
	for i := len(r.Seconds) - 1; i >= 0 && len(nodes) == 0; i-- {
		nodes = r.Seconds[i].Nodes
	}
	for name := range nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		connections = append(connections, nodes[name])
	}
	return names, connections
}

// violations are how many entries the checker found to be lost (holes are), shown
// twice, and out of order.
func violations(c *checker.Report) (lost, duplicated, reordered int64) {
	n := func(k checker.Kind) int64 { return int64(c.Counts[k]) }
	return n(checker.Lost) + n(checker.Hole), n(checker.Duplicate), n(checker.Reordered)
}
