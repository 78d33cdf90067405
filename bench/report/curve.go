package report

import (
	"fmt"
	"math"
	"strconv"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
)

// curve draws whole distributions: latency by percentile, with 1/(1-p) on a
// logarithmic axis, so that each nine has the same room.
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
	p.xAxis = axis{low: 1, high: max(p.X[len(p.X)-1], 10), log: true, label: percentName}
	p.yAxis = times(ys(p.Series))
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

// ramp draws the steps of a ramp: latency by rate.
func ramp(r *result.Result) section {
	p := plot{ID: "ramp-latency", Title: "Latency by rate", Dots: true, XName: "posts per second", XText: result.Number}
	names := []string{"p50", "p99", "max"}
	classes := []string{"c1", "c2", "mute"}
	for i, at := range []float64{50, 99, 100} {
		s := series{Name: names[i], Class: classes[i], Text: result.Time, Thin: at == 100}
		for j := range r.Steps {
			s.Y = append(s.Y, percentile(&r.Steps[j].Sample.Latency, at))
		}
		p.Series = append(p.Series, s)
	}
	table := &grid{Head: []string{"posts/s", "held", "why", "p50", "p99", "max", "delivered"}, Left: 3}
	for i := range r.Steps {
		s := &r.Steps[i]
		p.X = append(p.X, s.Rate)
		l := &s.Sample.Latency
		row := gridRow{Cells: []string{result.Number(s.Rate), "yes", result.Line(s.Why), result.Took(l.At(50)), result.Took(l.At(99)),
			result.Took(l.Max()), result.Number(float64(s.Sample.Delivered))}}
		if !s.Good {
			row.Class, row.Cells[1] = "bad", "no"
		}
		table.Rows = append(table.Rows, row)
	}
	p.xAxis = numbers(p.X)
	p.yAxis = times(ys(p.Series))
	lead := "No step held the bound: the knee is below the lowest rate that was tried."
	if knee := r.Knee(); knee != nil {
		lead = fmt.Sprintf("The knee is at %s posts per second: the highest rate at which the bound held.", result.Number(knee.Rate))
		p.Spans = beyond(p.X, knee.Rate, p.xAxis.high)
	}
	return section{ID: "ramp", Title: "Ramp", Lead: lead, Plots: []plot{p}, Table: table}
}

// beyond marks the rates that were not held.
func beyond(rates []float64, knee, high float64) []span {
	for _, rate := range rates {
		if rate > knee {
			return []span{{From: knee, To: high, Label: "bound not held", Class: "fault", Description: "rates at which the bound did not hold"}}
		}
	}
	return nil
}
