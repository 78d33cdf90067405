package report

import (
	"fmt"
	"strings"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/result"
)

// banners are the verdict, and what takes the worth from the figures.
func banners(r *result.Result) (all []banner) {
	if r.Bottleneck != "" {
		all = append(all, banner{"bad", "The generator was the bottleneck",
			capital(result.Line(r.Bottleneck)) + ". Latencies of this run are not those of the target, and are left out."})
	}
	if why := r.Undelivered(); why != "" {
		all = append(all, banner{"bad", "Not everything was delivered",
			capital(why) + ". What never came is in none of the times."})
	}
	if why := r.Blurred(); why != "" && r.Bottleneck == "" {
		all = append(all, banner{"bad", "The workers' clocks blur the latencies", capital(why) + "."})
	}
	switch c := r.Checked; {
	case c == nil:
		all = append(all, banner{"plain", "Histories were not recorded",
			"Whether messages were lost, doubled or out of order is not known."})
	case c.Err() != nil && len(c.Counts) > 0:
		all = append(all, banner{"bad", "Promises were broken", capital(result.Line(c.Err().Error())) + "."})
	case c.Err() != nil:
		all = append(all, banner{"bad", "This run proves nothing", capital(result.Line(c.Err().Error())) + "."})
	default:
		all = append(all, banner{"good", "Every promise was kept", fmt.Sprintf(
			"Nothing lost, doubled, out of order, forged or falsely called stored: %s entries, shown %s times to %s clients, were all checked.",
			result.Number(float64(c.Entries)), result.Number(float64(c.Shown)), result.Number(float64(c.Clients)))})
	}
	return all
}

// tiles are the figures that most want to see first.
func tiles(r *result.Result) []tile {
	w := &r.Whole
	all := []tile{latencyTile(r), {Name: "Delivered", Note: fmt.Sprintf("%s posts/s of %s due", result.Number(r.Rate(w.Posted)), result.Number(r.Rate(w.Intended)))}}
	all[1].Value, all[1].Unit = result.Number(r.Rate(w.Delivered)), "/s"
	names, _ := r.Nodes()
	lines := tile{Name: "Connections", Value: result.Number(float64(w.Open)), Unit: "open",
		Note: fmt.Sprintf("%s wanted, on %s", result.Number(float64(r.Scenario.Clients)), plural(len(names), "gateway"))}
	if len(names) == 0 {
		lines.Note = result.Number(float64(r.Scenario.Clients)) + " wanted"
	}
	all = append(all, lines)
	if knee := r.Knee(); knee != nil {
		all = append(all, tile{Name: "Knee", Value: result.Number(knee.Rate), Unit: "posts/s", Note: "the highest rate at which the bound held"})
	}
	if worst := worstFault(r); worst != nil {
		value, unit, _ := strings.Cut(result.Time(worst.Blackout.P99), " ")
		all = append(all, tile{Name: "Worst blackout, p99", Value: value, Unit: unit,
			Note: fmt.Sprintf("%s, of %s", result.Line(worst.What), plural(len(r.Faults), "fault"))})
	}
	return append(all, brokenTile(r.Checked))
}

func latencyTile(r *result.Result) tile {
	l := &r.Whole.Latency
	switch {
	case r.Bottleneck != "":
		return tile{Name: "Latency, p99", Value: "–", Note: "the generator was the bottleneck", Class: "bad"}
	case l.Count() == 0:
		return tile{Name: "Latency, p99", Value: "–", Note: "nothing was delivered", Class: "bad"}
	}
	name := "Latency, p99"
	if knee := r.Knee(); knee != nil {
		name, l = "Latency at the knee, p99", &knee.Sample.Latency
	}
	value, unit, _ := strings.Cut(result.Took(l.At(99)), " ")
	return tile{Name: name, Value: value, Unit: unit,
		Note: "p50 " + result.Took(l.At(50)) + ", max " + result.Took(l.Max())}
}

func brokenTile(c *checker.Report) tile {
	if c == nil {
		return tile{Name: "Broken promises", Value: "?", Note: "histories were not recorded"}
	}
	total := 0
	for _, n := range c.Counts {
		total += n
	}
	t := tile{Name: "Broken promises", Value: result.Number(float64(total)),
		Note: fmt.Sprintf("%s lost, %s doubled, %s out of order", result.Number(float64(c.Counts[checker.Lost]+c.Counts[checker.Hole]+c.Counts[checker.Skipped])),
			result.Number(float64(c.Counts[checker.Duplicate]+c.Counts[checker.Repeated])),
			result.Number(float64(c.Counts[checker.Reordered]+c.Counts[checker.Misplaced])))}
	switch {
	case total > 0:
		t.Class = "bad"
	case len(c.Unsound) > 0:
		t.Class, t.Value, t.Note = "bad", "?", "the run proves nothing"
	default:
		t.Class = "good"
	}
	return t
}

// worstFault is that with the longest p99 of the blackout; nil if none has any.
func worstFault(r *result.Result) (worst *result.Fault) {
	for i := range r.Faults {
		f := &r.Faults[i]
		if r.Bottleneck == "" && f.Blackout.Count > 0 && (worst == nil || f.Blackout.P99 > worst.Blackout.P99) {
			worst = f
		}
	}
	return worst
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return result.Number(float64(n)) + " " + what + "s"
}

func troubles(r *result.Result) section {
	s := section{ID: "errors", Title: "Errors", Table: &grid{Head: []string{"what the clients met", "count"}, Left: 1}}
	for _, what := range result.ErrorsByCount(r.Whole.Errors) {
		s.Table.Rows = append(s.Table.Rows, gridRow{Cells: []string{result.Line(what), result.Number(float64(r.Whole.Errors[what]))}})
	}
	return s
}

// processes are the target's, and what each has taken; nil if none was watched.
func processes(r *result.Result) *grid {
	rows := r.Processes()
	if len(rows) < 2 {
		return nil
	}
	g := &grid{Head: rows[0], Left: 1, Cards: true}
	for _, row := range rows[1:] {
		g.Rows = append(g.Rows, gridRow{Cells: row})
	}
	return g
}

// verdict is what the checker found, with the stories of what was broken.
func verdict(r *result.Result) section {
	c := r.Checked
	if c == nil {
		return section{}
	}
	s := section{ID: "histories", Title: "Histories", Lead: "What every client sent and was shown, held against what is stored."}
	s.Facts = [][2]string{
		{"sent", result.Number(float64(c.Sent))}, {"stored", result.Number(float64(c.Entries))},
		{"shown", result.Number(float64(c.Shown))}, {"clients", result.Number(float64(c.Clients))},
		{"rooms", result.Number(float64(c.Rooms))}, {"events", result.Number(float64(c.Events))},
		{"openly left out", result.Number(float64(c.Gaps))},
	}
	for _, why := range c.Unsound {
		s.Facts = append(s.Facts, [2]string{"proves nothing", result.Line(why)})
	}
	for i := range c.Violations {
		v := &c.Violations[i]
		one := story{Head: v.Kind.String() + ": " + result.Line(v.What)}
		for _, line := range v.Story {
			one.Lines = append(one.Lines, result.Line(line))
		}
		s.Stories = append(s.Stories, one)
	}
	return s
}

// conditions are what one must know to do the run again.
func conditions(r *result.Result) section {
	sc := &r.Scenario
	s := section{ID: "conditions", Title: "Conditions"}
	add := func(name, value string) {
		if value != "" {
			s.Facts = append(s.Facts, [2]string{result.Line(name), result.Line(value)})
		}
	}
	add("command", r.Command)
	add("build", r.Build)
	add("machine", r.Machine.String())
	add("target", strings.Join(r.Target, ", "))
	add("started", r.Started.UTC().Format(time.RFC3339))
	add("clients", fmt.Sprintf("%s in %s, speaking as %s", result.Number(float64(sc.Clients)), plural(sc.Rooms, "room"), sc.Speak))
	if sc.Zipf > 0 {
		add("sizes of rooms", fmt.Sprintf("Zipf, exponent %g", sc.Zipf))
	}
	if sc.Idle > 0 {
		add("idle", fmt.Sprintf("%s of the clients, in rooms of %d", result.Number(float64(sc.Idle)), sc.IdleRoom))
	}
	add("posts", fmt.Sprintf("%s per second (%s), %d bytes each", result.Number(sc.Rate), sc.Arrivals, sc.Size))
	if sc.Hops+sc.Renames+sc.Returns+sc.Fetches > 0 {
		add("per second", fmt.Sprintf("%s hops, %s renames, %s returns, %s fetches of %d", result.Number(sc.Hops), result.Number(sc.Renames), result.Number(sc.Returns), result.Number(sc.Fetches), sc.FetchLimit))
	}
	if sc.Slow > 0 {
		add("slow readers", fmt.Sprintf("%s, at %s per second", percent(sc.Slow), result.Bytes(float64(sc.SlowBytes))))
	}
	add("times", fmt.Sprintf("warm-up %s, measured %s, at most %s to settle", time.Duration(sc.WarmUp), time.Duration(sc.Duration), time.Duration(sc.Settle)))
	add("seed", fmt.Sprint(sc.Seed))
	for _, c := range r.Clocks {
		add("clock of "+c.Worker, fmt.Sprintf("off by %s, known to ±%s", result.Time(c.Offset), result.Time(c.Error)))
	}
	return s
}
