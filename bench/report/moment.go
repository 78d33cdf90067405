package report

import (
	"math"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
)

// mostMoments is how many points a line has at most. A longer run has several
// seconds to each.
const mostMoments = 300

// moment is a stretch of the run, one second or several: a point of the plots
// over time. What was not measured is NaN.
type moment struct {
	at                                  float64 // middle, seconds since the measured time began
	p50, p90, p99, max                  float64 // latency, seconds
	late                                float64 // p99 of the generator's own lag, seconds
	intended, posted, stored, delivered float64 // per second
	dialled, joins, lost                float64 // per second
	open, inside                        float64
	nodes                               map[string]int
	self                                measure.Self
}

// timeline is a whole run as moments.
type timeline struct {
	moments  []moment
	seconds  int     // of each moment
	from, to float64 // where it begins and ends
	zero     int64   // Unix time at which the measured time begins
}

func newTimeline(r *result.Result) *timeline {
	t := &timeline{zero: r.Measured[0], seconds: 1}
	n := len(r.Seconds)
	if n == 0 {
		return t
	}
	if t.zero == 0 {
		t.zero = r.Seconds[0].At
	}
	t.seconds = max((n+mostMoments-1)/mostMoments, 1)
	for i := 0; i < n; i += t.seconds {
		t.moments = append(t.moments, t.moment(r.Seconds[i:min(i+t.seconds, n)]))
	}
	t.from = float64(r.Seconds[0].At - t.zero)
	t.to = float64(r.Seconds[n-1].At - t.zero + 1)
	return t
}

// moment takes seconds together. Of how the generator itself is, the worst counts.
func (t *timeline) moment(seconds []measure.Sample) moment {
	var whole measure.Counts
	var latency, late measure.Hist
	last := &seconds[len(seconds)-1]
	m := moment{
		at:   float64(seconds[0].At-t.zero) + float64(last.At-seconds[0].At+1)/2,
		open: float64(last.Open), inside: float64(last.Inside), nodes: last.Nodes,
	}
	for i := range seconds {
		s := &seconds[i]
		whole.Intended += s.Intended
		whole.Posted += s.Posted
		whole.Stored += s.Counts.Stored
		whole.Delivered += s.Delivered
		whole.Dialled += s.Dialled
		whole.Joins += s.Joins
		whole.Lost += s.Lost
		m.self.CPU = max(m.self.CPU, s.Self.CPU)
		m.self.Busy = max(m.self.Busy, s.Self.Busy)
		m.self.RSS = max(m.self.RSS, s.Self.RSS)
		m.self.Files = max(m.self.Files, s.Self.Files)
		m.self.MaxOpen = max(m.self.MaxOpen, s.Self.MaxOpen)
		latency.Add(&s.Latency) // one that can be read fast, also if those of the seconds are packed
		late.Add(&s.Late)
	}
	each := func(n int64) float64 { return float64(n) / float64(len(seconds)) }
	m.intended, m.posted, m.stored, m.delivered = each(whole.Intended), each(whole.Posted), each(whole.Stored), each(whole.Delivered)
	m.dialled, m.joins, m.lost = each(whole.Dialled), each(whole.Joins), each(whole.Lost)
	m.p50, m.p90, m.p99, m.max = percentile(&latency, 50), percentile(&latency, 90), percentile(&latency, 99), percentile(&latency, 100)
	m.late = percentile(&late, 99)
	return m
}

// percentile is that of h in seconds, NaN if it is empty.
func percentile(h *measure.Hist, p float64) float64 {
	if h.Count() == 0 {
		return math.NaN()
	}
	return h.At(p).Seconds()
}

// values are one figure of every moment.
func (t *timeline) values(of func(*moment) float64) []float64 {
	all := make([]float64, len(t.moments))
	for i := range t.moments {
		all[i] = of(&t.moments[i])
	}
	return all
}
