package report

import (
	"fmt"
	"math"

	"tuitalk/bench/result"
)

// servers are CPU and memory of each watched process, all on the same scale.
func (t *timeline) servers(r *result.Result, spans []span) (plots []plot) {
	var cores, bytes []float64
	for i := range r.Servers {
		cores = append(cores, valuesOf(r.Servers[i].CPU)...)
		bytes = append(bytes, valuesOf(r.Servers[i].RSS)...)
	}
	cpu, rss := numbers(cores), ofBytes(bytes)
	for i := range r.Servers {
		s := &r.Servers[i]
		name := result.Line(s.Name)
		plots = append(plots,
			t.points(fmt.Sprintf("server-%d-cpu", i), name+", CPU", "cores in use", "cores", s.CPU, cpu, result.Number, spans, "c1"),
			t.points(fmt.Sprintf("server-%d-rss", i), name+", memory", "resident", "", s.RSS, rss, result.Bytes, spans, "c4"))
	}
	return plots
}

// Of a small plot.
const (
	mostPoints = 120
	mostGap    = 3 // seconds; where more are between two points, the process was not there
)

// points is a small plot of points.
func (t *timeline) points(id, title, what, unit string, points []result.Point, y axis, text func(float64) string, spans []span, class string) plot {
	p := plot{ID: id, Title: title, XName: timeName, XText: since, clock: true, Small: true, Spans: spans, yAxis: y, YName: unit}
	one := series{Name: what, Class: class, Text: text}
	p.X, one.Y = thinned(points, t.zero)
	low, high := bounds(p.X)
	low, high = min(low, t.from), max(high, t.to)
	p.xAxis = axis{low: low, high: max(high, low+1), label: since}
	p.Series = []series{one}
	return p
}

// thinned takes several points together as their mean if there are too many. Where
// there were none for a while, it has a point that is NaN.
func thinned(points []result.Point, zero int64) (x, y []float64) {
	each := max((len(points)+mostPoints-1)/mostPoints, 1)
	for i := 0; i < len(points); {
		last, sum := i, points[i].Value
		for last+1 < len(points) && last+1-i < each && points[last+1].At-points[last].At <= mostGap {
			last++
			sum += points[last].Value
		}
		x, y = append(x, float64(points[(i+last)/2].At-zero)), append(y, sum/float64(last+1-i))
		if i = last + 1; i < len(points) && points[i].At-points[last].At > mostGap {
			x, y = append(x, float64(points[last].At+points[i].At)/2-float64(zero)), append(y, math.NaN())
		}
	}
	return x, y
}

func valuesOf(points []result.Point) []float64 {
	values := make([]float64, len(points))
	for i := range points {
		values[i] = points[i].Value
	}
	return values
}
