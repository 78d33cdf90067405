package report

import (
	"fmt"

	"tuitalk/bench/result"
)

// faults is what was done to the target, and what came of it.
func faults(r *result.Result) section {
	s := section{ID: "faults", Title: "Faults", Lead: "Blackout is, for each client, the longest time that it was kept from news. " +
		"The other times count from the loss of its line. Each is p50 / p99 over clients, and the longest; who did not come back is in none of them."}
	s.Table = &grid{
		Head: []string{"", "fault", "blackout", "detect", "reconnect", "resume", "caught up", "not back", "herd/s", "p99 back in"}, Left: 2, Cards: true,
	}
	for i := range r.Faults {
		f := &r.Faults[i]
		what := result.Line(f.What)
		if f.Blackout.Count > 0 {
			what += "\n" + plural(f.Blackout.Count, "client")
		}
		row := gridRow{Cells: []string{ordinal(i), what, told(f.Blackout), told(f.Detect), told(f.Reconnect), told(f.Resume), told(f.CaughtUp),
			result.Number(float64(f.NotBack)), result.Number(float64(f.Herd)), f.Recovered()}}
		if f.NotBack > 0 {
			row.Class = "bad"
		}
		if !f.Held {
			row.Class = "bad"
			row.Cells[1] += " — did not take hold: " + result.Line(f.Evidence)
		}
		s.Table.Rows = append(s.Table.Rows, row)
	}
	if r.Bottleneck != "" {
		s.Lead = "The times are left out, as the generator was the bottleneck."
		for i := range s.Table.Rows {
			for j := 2; j <= 6; j++ {
				s.Table.Rows[i].Cells[j] = "–"
			}
			s.Table.Rows[i].Cells[9] = "–"
		}
		return s
	}
	s.Strips = []strip{blackouts(r)}
	return s
}

// told is a distribution in a cell: p50 and p99, and the longest below.
func told(d result.Dist) string {
	if d.Count == 0 {
		return "–"
	}
	return result.Times(d.P50, d.P99) + "\nmax " + result.Time(d.Max)
}

// blackouts is a row of dots for each fault, one for each percent of the clients.
func blackouts(r *result.Result) strip {
	s := strip{
		ID: "blackouts", Title: "Blackout by fault", Columns: []string{"p50", "p99", "max"},
		Lead: "A dot for each percent of the clients, the broad band from p25 to p75; the line is p50, the thick line p99. Logarithmic.", XName: "blackout of a client",
	}
	var all []float64
	worst := ""
	for i := range r.Faults {
		f := &r.Faults[i]
		row := stripRow{Label: ordinal(i) + " " + result.Line(f.What), Class: "c1"}
		if f.Blackout.Count == 0 {
			row.Note = "no client was touched"
			s.Rows = append(s.Rows, row)
			continue
		}
		b := &f.Blackout
		row.Dots = b.Curve
		if len(row.Dots) == 0 {
			row.Dots = []float64{b.P50, b.P99, b.Max}
		}
		if len(b.Curve) > 75 {
			row.Box = stretch{b.Curve[25], b.Curve[75]}
		}
		row.Marks = []mark{{b.P50, "median"}, {b.P99, "tail"}}
		row.Values = []string{result.Time(b.P50), result.Time(b.P99), result.Time(b.Max)}
		all = append(append(all, row.Dots...), b.P50, b.P99)
		worst += fmt.Sprintf("%s: p50 %s, p99 %s. ", result.Line(f.What), result.Time(b.P50), result.Time(b.P99))
		s.Rows = append(s.Rows, row)
	}
	s.axis = times(all)
	s.alt = worst
	return s
}
