package report

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
)

// curve draws whole distributions: latency by percentile, with 1/(1-p) on a
// logarithmic axis, so that each nine has the same space.
func curve(r *result.Result) plot {
	w := &r.Whole
	p := plot{ID: "percentiles", Title: "Latency by percentile", XName: "percentile", XText: percentName,
		Lead: "Of the measured time as a whole. Latency and stored count from when a post was due, service from when it was really sent."}
	longest := max(w.Latency.Count(), w.Service.Count(), w.Stored.Count())
	p.X = percentiles(longest)
	for _, one := range []struct {
		name, class string
		h           *measure.Hist
	}{{"latency", "c2", &w.Latency}, {"service", "c1", &w.Service}, {"stored", "c3", &w.Stored}} {
		s := series{Name: one.name, Class: one.class, Text: result.Time}
		for _, x := range p.X {
			v := math.NaN()
			if n := one.h.Count(); n > 0 && x <= 2*float64(n) {
				v = percentile(one.h, 100*(1-1/x))
			}
			s.Y = append(s.Y, v)
		}
		p.Series = append(p.Series, s)
	}
	p.xAxis = axis{low: 1, high: max(p.X[len(p.X)-1], 10), log: true, nines: true, label: percentName}
	p.yAxis, p.YName = times(ys(p.Series)), "latency"
	return p
}

// percentiles are the x of the curve, 1/(1-p): 0%, 10%, … 90%, 91%, … 99%, 99.1%,
// and so on up to what a distribution of n values can tell.
func percentiles(n int64) []float64 {
	var all []float64
	for decade := 1.0; ; decade *= 10 {
		for k := 0.0; k < 9; k++ {
			x := decade * 10 / (10 - k)
			if x > float64(max(n, 10))*1.001 {
				return all
			}
			all = append(all, x)
		}
	}
}

// percentName writes 1/(1-p) as p: 50%, 99%, 99.9%.
func percentName(x float64) string {
	digits := max(int(math.Log10(x)+1e-9), 1)
	return trim(strconv.FormatFloat(100-100/x, 'f', digits, 64)) + "%"
}

// ramp draws the steps of a ramp: latency by rate. Of a step in which the generator
// was the bottleneck there is none.
func ramp(r *result.Result) section {
	steps := slices.Clone(r.Steps)
	slices.SortStableFunc(steps, func(a, b result.Step) int { return cmp.Compare(a.Rate, b.Rate) })
	p := plot{ID: "ramp-latency", Title: "Latency by rate", Dots: true, XName: "posts per second", XText: result.Number, YName: "latency"}
	p.Series = []series{
		{Name: "p50", Class: "c1", Text: result.Time},
		{Name: "p99", Class: "c2", Text: result.Time},
		{Name: "max", Class: "mute", Text: result.Time, Thin: true},
	}
	table := &grid{Head: []string{"posts/s", "held", "why", "p50", "p99", "max", "delivered"}, Left: 3}
	for i := range steps {
		s := &steps[i]
		p.X = append(p.X, s.Rate)
		row := gridRow{Cells: []string{result.Number(s.Rate), "yes", result.Line(s.Why)}}
		for j, at := range []float64{50, 99, 100} {
			v := percentile(&s.Sample.Latency, at)
			if measure.Bottleneck(&s.Sample) != "" {
				v = math.NaN()
			}
			p.Series[j].Y = append(p.Series[j].Y, v)
			row.Cells = append(row.Cells, result.Time(v))
		}
		if !s.Good {
			row.Class, row.Cells[1] = "bad", "no"
		}
		row.Cells = append(row.Cells, result.Number(float64(s.Sample.Delivered)))
		table.Rows = append(table.Rows, row)
	}
	p.xAxis, p.yAxis = numbers(p.X), times(ys(p.Series))
	if knee := r.Knee(); knee != nil {
		p.Spans = beyond(p.X, knee.Rate, p.xAxis.high)
	}
	return section{ID: "ramp", Title: "Ramp", Lead: capital(r.KneeSaid()) + ".", Plots: []plot{p}, Table: table}
}

// beyond marks the rates that were not held.
func beyond(rates []float64, knee, high float64) []span {
	for _, rate := range rates {
		if rate > knee {
			return []span{{From: knee, To: high, Label: "bound not held", Class: "fault"}}
		}
	}
	return nil
}
