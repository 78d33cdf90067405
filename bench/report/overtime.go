package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"tuitalk/bench/result"
)

// mostColours are the gateways of which each has a colour of its own; the rest is taken together.
const mostColours = 8

func colour(i int) string { return fmt.Sprintf("c%d", i%mostColours+1) }

// overTime begins a plot of the whole run.
func (t *timeline) overTime(id, title, lead string, spans []span, all ...series) plot {
	p := plot{ID: id, Title: title, Lead: lead, XName: "time", XText: since, Series: all, Spans: spans, clock: true}
	p.X = t.values(func(m *moment) float64 { return m.at })
	p.xAxis = axis{low: t.from, high: max(t.to, t.from+1), label: since}
	return p
}

// ys are all values of all series, for the axis.
func ys(all []series) (values []float64) {
	for i := range all {
		values = append(values, all[i].Y...)
	}
	return values
}

// marked are the stretches that are marked in each plot over time: what is not
// measured, and the faults, with their numbers in the table of faults.
func (t *timeline) marked(r *result.Result) (spans []span) {
	end := float64(r.Measured[1] - t.zero)
	if r.Measured[1] == 0 {
		end = t.to
	}
	if t.from < 0 {
		spans = append(spans, span{From: t.from, To: min(0, t.to), Label: "not measured", Class: "outside", Description: "before the measured time"})
	}
	for i := range r.Faults {
		f := &r.Faults[i]
		from := f.At.Sub(time.Unix(t.zero, 0)).Seconds()
		to := t.to
		if !f.Over.IsZero() {
			to = f.Over.Sub(time.Unix(t.zero, 0)).Seconds()
		}
		if from > t.to || to < t.from {
			continue
		}
		class := "fault"
		if !f.Held {
			class = "fault missed"
		}
		what := result.Line(f.What)
		spans = append(spans, span{from, to, ordinal(i) + " " + what, ordinal(i), class, fmt.Sprintf("fault %d: %s, from %s to %s", i+1, what, since(from), since(to))})
	}
	if end < t.to && end > t.from {
		spans = append(spans, span{From: end, To: t.to, Label: "not measured", Class: "outside", Description: "behind the measured time"})
	}
	slices.SortStableFunc(spans, func(a, b span) int { return int(math.Copysign(1, a.From-b.From)) })
	return spans
}

func (t *timeline) latency(spans []span) plot {
	all := []series{
		{Name: "p50", Class: "c1", Y: t.values(func(m *moment) float64 { return m.p50 }), Text: result.Time},
		{Name: "p90", Class: "c3", Y: t.values(func(m *moment) float64 { return m.p90 }), Text: result.Time},
		{Name: "p99", Class: "c2", Y: t.values(func(m *moment) float64 { return m.p99 }), Text: result.Time},
		{Name: "max", Class: "mute", Y: t.values(func(m *moment) float64 { return m.max }), Text: result.Time, Thin: true},
	}
	p := t.overTime("latency", "Latency over time", "From when a post was due until a receiver was shown it, of all receivers. Logarithmic.", spans, all...)
	p.Areas = []area{{0, 2, "c1"}}
	p.yAxis = times(ys(all))
	return p
}

func (t *timeline) throughput(spans []span) []plot {
	posts := []series{
		{Name: "intended", Class: "mute broad", Y: t.values(func(m *moment) float64 { return m.intended }), Text: result.Number},
		{Name: "posted", Class: "c1", Y: t.values(func(m *moment) float64 { return m.posted }), Text: result.Number},
		{Name: "stored", Class: "c3", Y: t.values(func(m *moment) float64 { return m.stored }), Text: result.Number},
	}
	a := t.overTime("posts", "Posts per second", "What fell due, what was sent, and what authors were told is stored.", spans, posts...)
	a.yAxis = numbers(ys(posts))
	delivered := []series{{Name: "delivered", Class: "c1", Y: t.values(func(m *moment) float64 { return m.delivered }), Text: result.Number}}
	b := t.overTime("deliveries", "Deliveries per second", "Messages shown, once for each receiver.", spans, delivered...)
	b.Areas, b.Stacked = nil, true
	b.yAxis = numbers(ys(delivered))
	return []plot{a, b}
}

// connections are stacked by gateway, the busiest at the bottom.
func (t *timeline) connections(spans []span) []plot {
	sums := map[string]int{}
	for i := range t.moments {
		for name, n := range t.moments[i].nodes {
			sums[name] += n
		}
	}
	names := slices.Sorted(maps.Keys(sums))
	if len(names) > mostColours {
		slices.SortStableFunc(names, func(a, b string) int { return sums[b] - sums[a] })
	}
	var all []series
	shown := names[:min(len(names), mostColours)]
	if len(names) > mostColours {
		shown = names[:mostColours-1]
	}
	for i, name := range shown {
		all = append(all, series{Name: result.Line(name), Class: colour(i), Text: result.Number,
			Y: t.values(func(m *moment) float64 { return float64(m.nodes[name]) })})
	}
	if rest := names[len(shown):]; len(rest) > 0 {
		all = append(all, series{Name: fmt.Sprintf("%d others", len(rest)), Class: "mute", Text: result.Number, Y: t.values(func(m *moment) (sum float64) {
			for _, name := range rest {
				sum += float64(m.nodes[name])
			}
			return sum
		})})
	}
	if len(all) == 0 {
		return nil
	}
	p := t.overTime("connections", "Connections by gateway", "Joined clients, by the gateway that holds their line; stacked.", spans, all...)
	p.Stacked = true
	total := make([]float64, len(p.X))
	for i := range all {
		total = plus(total, all[i].Y)
	}
	p.yAxis = numbers(total)
	return []plot{p}
}

// herd is how lines came and went.
func (t *timeline) herd(spans []span) plot {
	all := []series{
		{Name: "lost", Class: "mute", Y: t.values(func(m *moment) float64 { return m.lost }), Text: result.Number},
		{Name: "dialled", Class: "c2", Y: t.values(func(m *moment) float64 { return m.dialled }), Text: result.Number},
		{Name: "joined", Class: "c3", Y: t.values(func(m *moment) float64 { return m.joins }), Text: result.Number},
	}
	p := t.overTime("herd", "Attempts at a connection per second", "Joined lines that broke, dials, and the joins that they led to.", spans, all...)
	p.yAxis = numbers(ys(all))
	return p
}

// generator says whether the generator itself kept up.
func (t *timeline) generator(spans []span) (plots []plot) {
	for _, g := range []struct {
		id, title, lead string
		of              func(*moment) float64
		text            func(float64) string
		axis            func([]float64) axis
	}{
		{"late", "Lag, p99", "How much later than due it posted.", func(m *moment) float64 { return m.late }, result.Time, times},
		{"busy", "Busiest event loop", "Share of a second at work.", func(m *moment) float64 { return m.self.Busy }, percent, shares},
		{"cpu", "CPU", "Cores in use.", func(m *moment) float64 { return m.self.CPU }, result.Number, numbers},
		{"rss", "Memory", "Resident, of all its processes.", func(m *moment) float64 { return float64(m.self.RSS) }, result.Bytes, ofBytes},
	} {
		s := series{Name: g.title, Class: "c1", Y: t.values(g.of), Text: g.text}
		p := t.overTime("generator-"+g.id, g.title, g.lead, short(spans), s)
		p.Small, p.yAxis = true, g.axis(s.Y)
		plots = append(plots, p)
	}
	return plots
}

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
			t.points(fmt.Sprintf("server-%d-cpu", i), name+", CPU", "cores in use", s.CPU, cpu, result.Number, short(spans), "c1"),
			t.points(fmt.Sprintf("server-%d-rss", i), name+", memory", "resident", s.RSS, rss, result.Bytes, short(spans), "c4"))
	}
	return plots
}

// points is a small plot of points, of which several are taken together as their
// mean if there are too many.
func (t *timeline) points(id, title, what string, points []result.Point, y axis, text func(float64) string, spans []span, class string) plot {
	p := plot{ID: id, Title: title, XName: "time", XText: since, clock: true, Small: true, Spans: spans, yAxis: y}
	one := series{Name: what, Class: class, Text: text}
	each := max((len(points)+mostMoments-1)/mostMoments, 1)
	low, high := t.from, t.to
	for i := 0; i < len(points); i += each {
		group := points[i:min(i+each, len(points))]
		sum := 0.0
		for _, q := range group {
			sum += q.Value
		}
		at := float64(group[len(group)/2].At - t.zero)
		p.X = append(p.X, at)
		one.Y = append(one.Y, sum/float64(len(group)))
		low, high = min(low, at), max(high, at)
	}
	p.xAxis = axis{low: low, high: max(high, low+1), label: since}
	p.Series = []series{one}
	return p
}

// short leaves only numbers of the labels, for small plots.
func short(spans []span) []span {
	spans = slices.Clone(spans)
	for i := range spans {
		spans[i].Label = spans[i].Short
	}
	return spans
}

func valuesOf(points []result.Point) []float64 {
	values := make([]float64, len(points))
	for i := range points {
		values[i] = points[i].Value
	}
	return values
}

// Axes of the kinds of values.

func times(values []float64) axis   { return logarithmic(values, shortTime) }
func numbers(values []float64) axis { return linear(values, shortNumber) }
func shares(values []float64) axis  { return linear(append(values, 1), shortShare) }

func percent(v float64) string { return fmt.Sprintf("%.0f%%", v*100) }
