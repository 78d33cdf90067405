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

// timeName is the x of all plots over time.
const timeName = "time since the measured part began, min:s"

// overTime begins a plot of the whole run.
func (t *timeline) overTime(id, title, lead string, spans []span, all ...series) plot {
	p := plot{ID: id, Title: title, Lead: lead, XName: timeName, XText: since, Series: all, Spans: spans, clock: true}
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
		spans = append(spans, span{From: t.from, To: min(0, t.to), Label: "not measured", Class: outsideClass})
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
		spans = append(spans, span{max(from, t.from), min(to, t.to), ordinal(i) + " " + what, ordinal(i), class})
	}
	if end < t.to && end > t.from {
		spans = append(spans, span{From: end, To: t.to, Label: "not measured", Class: outsideClass})
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
	p := t.overTime("latency", "Latency over time", "From when a post was due until a receiver was shown it as stored, of all receivers. Logarithmic.", spans, all...)
	p.Areas = []area{{0, 2, "c1"}}
	p.yAxis, p.YName = times(ys(all)), "latency"
	if p.Silent = t.silent(); len(p.Silent) > 0 {
		p.Lead += " A bar at the foot: posts were due, and none was stored and shown."
	}
	return p
}

// silent are the stretches in which posts fell due and none was shown.
func (t *timeline) silent() (all []stretch) {
	half := float64(t.seconds) / 2
	for i := range t.moments {
		m := &t.moments[i]
		if m.intended == 0 || m.delivered > 0 {
			continue
		}
		if n := len(all) - 1; n >= 0 && all[n].To >= m.at-half {
			all[n].To = m.at + half
			continue
		}
		all = append(all, stretch{m.at - half, m.at + half})
	}
	return all
}

func (t *timeline) throughput(spans []span) []plot {
	posts := []series{
		{Name: "intended", Class: "mute broad", Y: t.values(func(m *moment) float64 { return m.intended }), Text: result.Number},
		{Name: "posted", Class: "c1", Y: t.values(func(m *moment) float64 { return m.posted }), Text: result.Number},
		{Name: "stored", Class: "c3", Y: t.values(func(m *moment) float64 { return m.stored }), Text: result.Number},
	}
	a := t.overTime("posts", "Posts per second", "What fell due, what was sent, and what authors were told is stored.", spans, posts...)
	a.yAxis, a.YName = numbers(ys(posts)), "posts/s"
	delivered := []series{{Name: "delivered", Class: "c1", Y: t.values(func(m *moment) float64 { return m.delivered }), Text: result.Number}}
	b := t.overTime("deliveries", "Deliveries per second", "Messages shown, once for each receiver.", spans, delivered...)
	b.Areas, b.Stacked = nil, true
	b.yAxis, b.YName = numbers(ys(delivered)), "per s"
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
	p.yAxis, p.YName = numbers(total), "clients"
	return []plot{p}
}

// herd is how connections came and went.
func (t *timeline) herd(spans []span) plot {
	all := []series{
		{Name: "lost", Class: "mute", Y: t.values(func(m *moment) float64 { return m.lost }), Text: result.Number},
		{Name: "dialled", Class: "c2", Y: t.values(func(m *moment) float64 { return m.dialled }), Text: result.Number},
		{Name: "joined", Class: "c3", Y: t.values(func(m *moment) float64 { return m.joins }), Text: result.Number},
	}
	p := t.overTime("herd", "Attempts at a connection per second", "Joined lines that broke, dials, and the joins that they led to.", spans, all...)
	p.yAxis, p.YName = numbers(ys(all)), "per s"
	return p
}

// generator says whether the generator itself kept up.
func (t *timeline) generator(spans []span) (plots []plot) {
	for _, g := range []struct {
		id, title, lead, unit string
		of                    func(*moment) float64
		text                  func(float64) string
		axis                  func([]float64) axis
	}{
		{"late", "Lag, p99", "How much later than due it posted.", "", func(m *moment) float64 { return m.late }, result.Time, times},
		{"busy", "Busiest event loop", "Share of a second at work.", "", func(m *moment) float64 { return m.self.Busy }, percent, shares},
		{"cpu", "CPU", "Cores in use.", "cores", func(m *moment) float64 { return m.self.CPU }, result.Number, numbers},
		{"rss", "Memory", "Resident, of all its processes.", "", func(m *moment) float64 { return float64(m.self.RSS) }, result.Bytes, ofBytes},
	} {
		s := series{Name: g.title, Class: "c1", Y: t.values(g.of), Text: g.text}
		p := t.overTime("generator-"+g.id, g.title, g.lead, spans, s)
		p.Small, p.yAxis, p.YName = true, g.axis(s.Y), g.unit
		plots = append(plots, p)
	}
	return plots
}

// Axes of the kinds of values.

func times(values []float64) axis   { return logarithmic(values, shortTime) }
func numbers(values []float64) axis { return linear(values, shortNumber) }
func shares(values []float64) axis  { return linear(append(values, 1), shortShare) }

func percent(v float64) string { return fmt.Sprintf("%.0f%%", v*100) }
