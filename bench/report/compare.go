package report

import (
	"math"
	"slices"

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
	if c.Incomplete != "" {
		p.Banners = []banner{{"bad", "Not everything was measured", capital(result.Line(c.Incomplete)) + "."}}
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
		ID: s.ID + "-values", Title: capital(result.Line(t.Unit)), Columns: []string{"median"}, XName: result.Line(t.Unit),
		Lead: better(t.Better) + "A dot is one repetition, the line their median.", Table: compareGrid(t, t.Unit, result.Cell.Text),
	}
	latency := strip{
		ID: s.ID + "-latency", Title: "Latency under the same loads", XName: "latency", Columns: []string{"p50", "p99"},
		Lead: "Dots and the thin line are p50, rings and the thick line p99. Logarithmic.", Table: compareGrid(t, "p50 / p99", result.Cell.Times),
	}
	floor := floorOf(t)
	if floor >= 0 {
		values.Columns = append(values.Columns, "of floor")
		values.Lead += " The dashed line is the floor: a bare loop that writes each message to each socket with a call of its own. Who writes several with one call can be above it."
	}
	for column := range t.Columns {
		for row := range t.Rows {
			a, b := compareRows(t, row, column, floor)
			a.Class = colours[t.Rows[row].Target]
			b.Class = a.Class
			values.Rows, latency.Rows = append(values.Rows, a), append(latency.Rows, b)
		}
	}
	var all, latencies []float64
	for i := range values.Rows {
		all = append(all, values.Rows[i].Dots...)
		latencies = append(append(latencies, latency.Rows[i].Dots...), latency.Rows[i].Faint...)
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

// compareRows are those of a cell: its values, and its latencies.
func compareRows(t *result.Table, row, column, floor int) (values, latency stripRow) {
	level := 0.0
	if floor >= 0 {
		level = result.Median(t.Cell(floor, column).Values)
	}
	cell := t.Cell(row, column)
	values, latency = valueRow(&cell, level, floor >= 0), timeRow(&cell)
	values.Label = result.Line(t.Rows[row].Target)
	if row == 0 {
		values.Group = result.Line(t.Columns[column])
	}
	latency.Label, latency.Group = values.Label, values.Group
	return values, latency
}

// floorOf is the row of the reference, -1 if there is none.
func floorOf(t *result.Table) int {
	return slices.IndexFunc(t.Rows, func(r result.Row) bool { return r.Target == result.Floor })
}

// valueRow shows the values of a cell, and how they stand to the level of the floor.
func valueRow(c *result.Cell, level float64, withFloor bool) stripRow {
	if c.Saturated > 0 || len(c.Values) == 0 {
		return stripRow{Note: c.Text(), Bad: c.Saturated > 0, Level: level}
	}
	m := result.Median(c.Values)
	row := stripRow{Dots: c.Values, Marks: []mark{{m, "median"}}, Values: []string{result.Number(m)}, Level: level}
	if withFloor {
		row.Values = append(row.Values, share(m, level))
	}
	return row
}

// share is a part of a whole in percent, or how many times it is that.
func share(part, whole float64) string {
	switch {
	case whole <= 0 || part < 0:
		return "–"
	case part < 2*whole:
		return percent(part / whole)
	}
	return result.Number(part/whole) + " ×"
}

func timeRow(c *result.Cell) stripRow {
	if c.Saturated > 0 || len(c.P50)+len(c.P99) == 0 {
		return stripRow{Note: c.Times(), Bad: c.Saturated > 0}
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
	g := &grid{Head: []string{result.Line(corner)}, Left: 1, Cards: true}
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
