package result

// faults has the blackouts, and in a second table what came before them where
// connections broke: as one it would be wider than a terminal.
func (s *summary) faults() {
	if len(s.r.Faults) == 0 {
		return
	}
	s.title("Faults: blackout over clients")
	if s.r.Bottleneck != "" {
		s.printf("  %s\n", s.paint(bad, s.r.bottleneck()))
		return
	}
	rows := [][]string{{"fault", "p50", "p99", "max", "not back", "herd/s", "p99 back"}}
	lines := [][]string{{"fault", "detect", "reconnect", "resume", "caught up"}}
	for i := range s.r.Faults {
		f := &s.r.Faults[i]
		what := Line(f.What)
		if !f.Held {
			what += " (DID NOT HOLD)"
		}
		row := []string{what, "–", "–", "–"}
		if b := &f.Blackout; b.Count > 0 {
			row = []string{what, Time(b.P50), Time(b.P99), Time(b.Max)}
		}
		rows = append(rows, append(row, Number(float64(f.NotBack)), Number(float64(f.Herd)), f.Recovered()))
		if f.Detect.Count > 0 {
			lines = append(lines, []string{what, f.Detect.tail(), f.Reconnect.tail(), f.Resume.tail(), f.CaughtUp.tail()})
		}
	}
	s.table(rows)
	if len(lines) > 1 {
		s.title("Faults that broke lines: p99 over clients, since the line broke")
		s.table(lines)
	}
}

// tail is p99.
func (d Dist) tail() string {
	if d.Count == 0 {
		return "–"
	}
	return Time(d.P99)
}

// short is p50 / p99 / max.
func (d Dist) short() string {
	if d.Count == 0 {
		return "–"
	}
	return Times(d.P50, d.P99, d.Max)
}

// Recovered tells Recovery in words.
func (f *Fault) Recovered() string {
	switch f.Recovery {
	case Never:
		return "never"
	case Unknown:
		return "not known"
	}
	return Number(f.Recovery) + " s"
}
