package report

import (
	"math"

	"tuitalk/bench/result"
)

// comparePage shows each table of a comparison as strips, one for its values and
// one for latencies, and as a table.
func comparePage(c *result.Comparison) *page {
	p := &page{
		Title: "Comparison", Kicker: "tuitalk-bench",
		Lead: []string{c.Started.UTC().Format("2 January 2006, 15:04 UTC")},
	}
	if c.Setting != "" {
		p.Lead = append(p.Lead, result.Line(c.Setting))
	}
	colours := targetColours(c)
	for i := range c.Tables {
		p.Sections = append(p.Sections, compareTable(i, &c.Tables[i], colours))
	}
	s := section{ID: "conditions", Title: "Conditions"}
	for _, t := range c.Targets {
		what := result.Line(t.What)
		if t.Build != "" {
			what += " (" + result.Line(t.Build) + ")"
		}
		s.Facts = append(s.Facts, [2]string{result.Line(t.Name), what})
	}
	for _, f := range [][2]string{{"command", c.Command}, {"build", c.Build}, {"machine", c.Machine.String()}} {
		if f[1] != "" {
			s.Facts = append(s.Facts, [2]string{f[0], result.Line(f[1])})
		}
	}
	p.Sections = append(p.Sections, s)
	return p
}

// targetColours gives a target the same colour in every table.
func targetColours(c *result.Comparison) map[string]string {
	colours := map[string]string{}
	give := func(name string) {
		if _, has := colours[name]; !has {
			colours[name] = colour(len(colours))
		}
	}
	for _, t := range c.Targets {
		give(t.Name)
	}
	for i := range c.Tables {
		for _, row := range c.Tables[i].Rows {
			give(row.Target)
		}
	}
	return colours
}

func compareTable(i int, t *result.Table, colours map[string]string) section {
	s := section{ID: "table-" + ordinal(i), Title: result.Line(t.Title), Lead: result.Line(t.What)}
	values := strip{
		ID: s.ID + "-values", Title: capital(result.Line(t.Unit)), Columns: []string{"median"},
		Lead: better(t.Better) + "A dot is one repetition, the line their median.", Table: compareGrid(t, t.Unit, result.Cell.Text),
	}
	latency := strip{
		ID: s.ID + "-latency", Title: "Latency under the same loads", Columns: []string{"p50", "p99"},
		Lead: "Dots and the thin line are p50, rings and the thick line p99. Logarithmic.", Table: compareGrid(t, "p50 / p99", result.Cell.Times),
	}
	var all, latencies []float64
	for column := range t.Columns {
		for row := range t.Rows {
			cell := t.Cell(row, column)
			a, b := valueRow(&cell), timeRow(&cell)
			a.Label = result.Line(t.Rows[row].Target)
			a.Class = colours[t.Rows[row].Target]
			b.Label, b.Class = a.Label, a.Class
			if row == 0 {
				a.Group, b.Group = result.Line(t.Columns[column]), result.Line(t.Columns[column])
			}
			values.Rows, latency.Rows = append(values.Rows, a), append(latency.Rows, b)
			all = append(all, a.Dots...)
			latencies = append(append(latencies, b.Dots...), b.Faint...)
		}
	}
	values.axis, values.Bars = numbers(all), true
	if low, high := bounds(all); low > 0 && high > 30*low {
		values.axis, values.Bars = logarithmic(all, shortNumber), false
		values.Lead += " Logarithmic."
	}
	values.alt = "The same values are in the table below."
	s.Strips = []strip{values}
	if t.Timed() {
		latency.axis, latency.alt = times(latencies), values.alt
		s.Strips = append(s.Strips, latency)
	}
	return s
}

func better(b result.Better) string {
	switch b {
	case result.More:
		return "More is better. "
	case result.Less:
		return "Less is better. "
	}
	return ""
}

func valueRow(c *result.Cell) stripRow {
	switch {
	case c.Saturated > 0:
		return stripRow{Note: c.Text(), Values: []string{"saturated"}}
	case len(c.Values) == 0:
		return stripRow{Note: c.Text(), Values: []string{"–"}}
	}
	m := result.Median(c.Values)
	return stripRow{Dots: c.Values, Marks: []mark{{m, "median"}}, Values: []string{result.Number(m)}}
}

func timeRow(c *result.Cell) stripRow {
	if c.Saturated > 0 || len(c.P50)+len(c.P99) == 0 {
		return stripRow{Note: c.Times(), Values: []string{"–", "–"}}
	}
	row := stripRow{Dots: c.P50, Faint: c.P99, Values: []string{"–", "–"}}
	for i, v := range [][]float64{c.P50, c.P99} {
		at := math.NaN()
		if len(v) > 0 {
			at = result.Median(v)
			row.Values[i] = result.Time(at)
		}
		row.Marks = append(row.Marks, mark{at, []string{"median", "tail"}[i]})
	}
	return row
}

func compareGrid(t *result.Table, corner string, tell func(result.Cell) string) *grid {
	g := &grid{Head: []string{result.Line(corner)}, Left: 1}
	for _, load := range t.Columns {
		g.Head = append(g.Head, result.Line(load))
	}
	for i := range t.Rows {
		row := gridRow{Cells: []string{result.Line(t.Rows[i].Target)}}
		for j := range t.Columns {
			row.Cells = append(row.Cells, tell(t.Cell(i, j)))
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}
