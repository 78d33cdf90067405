package report

import (
	"fmt"
	"io"
	"math"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
)

// AttackHTML writes a and how it was judged as one page that needs nothing else.
func AttackHTML(w io.Writer, a *result.Attacks, checks []result.Check) error {
	return write(w, attackPage(a, checks))
}

func attackPage(a *result.Attacks, checks []result.Check) *page {
	quiet := a.Quiet()
	p := &page{
		Title: "Attacks", Kicker: "tuitalk-bench",
		Lead:    []string{a.Started.UTC().Format("2 January 2006, 15:04 UTC"), plural(len(a.Attacks), "attack"), result.Line(a.Target)},
		Banners: attackBanners(a, checks), Tiles: attackTiles(a, &quiet),
	}
	for _, s := range []section{feltByAttack(a, &quiet), costOfAttacks(a), gotByAttack(a), attackList(a, &quiet), checked(checks), attackConditions(a)} {
		if !s.empty() {
			p.Sections = append(p.Sections, s)
		}
	}
	return p
}

func attackBanners(a *result.Attacks, checks []result.Check) (all []banner) {
	if a.Incomplete != "" {
		all = append(all, banner{"bad", "Not all attacks were made", capital(result.Line(a.Incomplete)) + "."})
	}
	failed := 0
	for _, c := range checks {
		if !c.Passed {
			failed++
		}
	}
	if failed > 0 {
		return append(all, banner{"bad", "Not everything held", fmt.Sprintf("%d of %d checks did not pass; they are listed below.", failed, len(checks))})
	}
	return append(all, banner{"good", "Everything held", fmt.Sprintf("%d checks passed.", len(checks))})
}

// attackTiles are the worst of all attacks.
func attackTiles(a *result.Attacks, quiet *result.Felt) []tile {
	post := worstTime("Posts, worst p99", a, &quiet.Post, func(f *result.Felt) *measure.Hist { return &f.Post })
	join := worstTime("Joins, worst p99", a, &quiet.Join, func(f *result.Felt) *measure.Hist { return &f.Join })
	failed, breaches, memory, most := 0, 0, int64(-1), ""
	for i := range a.Attacks {
		one := &a.Attacks[i]
		failed += one.During.Failures() + one.After.Failures()
		breaches += len(one.Breaches)
		if one.Cost.Known && one.Cost.Growth() > memory {
			memory, most = one.Cost.Growth(), one.Name
		}
	}
	all := []tile{post, join,
		{Name: "Not answered", Value: result.Number(float64(failed)), Note: "honest posts and joins", Class: class(failed == 0)},
		{Name: "Breaches", Value: result.Number(float64(breaches)), Note: "what nobody must be given", Class: class(breaches == 0)}}
	if memory >= 0 {
		all = append(all, tile{Name: "Memory, most", Value: "+" + result.Bytes(float64(memory)), Note: result.Line(most)})
	}
	return all
}

func class(ok bool) string {
	if ok {
		return "good"
	}
	return "bad"
}

func worstTime(name string, a *result.Attacks, quiet *measure.Hist, of func(*result.Felt) *measure.Hist) tile {
	t := tile{Name: name, Value: "–", Note: "nothing was measured"}
	worst := 0.0
	for i := range a.Attacks {
		if h := of(&a.Attacks[i].During); h.Count() > 0 && h.At(99).Seconds() > worst {
			worst = h.At(99).Seconds()
			t.Value, t.Note = result.Time(worst), fmt.Sprintf("%s; quiet %s", result.Line(a.Attacks[i].Name), result.Took(quiet.At(99)))
		}
	}
	return t
}

// feltByAttack is what honest people felt: a row of dots for each attack.
func feltByAttack(a *result.Attacks, quiet *result.Felt) section {
	s := section{ID: "felt", Title: "What honest people felt", Lead: "During each attack. What was not answered counts with the time for which it was waited. The dashed line is the p99 of this run while it was quiet. Marked are attacks that did not hold; " + result.UsualBounds + "."}
	s.Strips = []strip{
		feltStrip("posts", "Posts, from when they were due until another was shown them", a, &quiet.Post, func(f *result.Felt) (*measure.Hist, int) { return &f.Post, f.PostsFailed }),
		feltStrip("joins", "Joins of newcomers, from when they were due until they were in the room", a, &quiet.Join, func(f *result.Felt) (*measure.Hist, int) { return &f.Join, f.JoinsFailed }),
	}
	s.Table = &grid{Head: []string{"attack", "posts before", "during", "after", "joins before", "during", "after", "not answered", "/readyz not ready", "own CPU"}, Left: 1, Cards: true}
	for i := range a.Attacks {
		one := &a.Attacks[i]
		row := gridRow{Cells: []string{result.Line(one.Name)}}
		if one.Verdict(quiet) != "held" {
			row.Class = "bad"
		}
		for _, of := range []func(*result.Felt) *measure.Hist{
			func(f *result.Felt) *measure.Hist { return &f.Post }, func(f *result.Felt) *measure.Hist { return &f.Join },
		} {
			for _, f := range []*result.Felt{&one.Before, &one.During, &one.After} {
				row.Cells = append(row.Cells, timesOf(of(f)))
			}
		}
		row.Cells = append(row.Cells, result.Number(float64(one.During.Failures()+one.After.Failures())),
			result.Number(float64(one.During.NotReady)), result.Time(one.During.OwnCPU))
		s.Table.Rows = append(s.Table.Rows, row)
	}
	return s
}

func timesOf(h *measure.Hist) string {
	if h.Count() == 0 {
		return "–"
	}
	return result.Times(h.At(50).Seconds(), h.At(99).Seconds())
}

func feltStrip(id, title string, a *result.Attacks, quiet *measure.Hist, of func(*result.Felt) (*measure.Hist, int)) strip {
	s := strip{ID: "felt-" + id, Title: title, XName: "time", Columns: []string{"p50", "p99", "failed"},
		Lead: "The line is p50, the thick line p99; dots are p90 and the longest. Logarithmic.", alt: "The same values are in the table below."}
	var all []float64
	for i := range a.Attacks {
		one := &a.Attacks[i]
		h, failed := of(&one.During)
		row := stripRow{Label: result.Line(one.Name), Class: "c1", Level: quiet.At(99).Seconds()}
		if h.Count() == 0 {
			row.Note, row.Bad = "nothing was measured", one.Failed != ""
			s.Rows = append(s.Rows, row)
			continue
		}
		if failed > 0 {
			row.Class = "c2"
		}
		p50, p99 := h.At(50).Seconds(), h.At(99).Seconds()
		row.Dots = []float64{p50, h.At(90).Seconds(), p99, h.Max().Seconds()}
		row.Marks = []mark{{p50, "median"}, {p99, "tail"}}
		row.Values = []string{result.Time(p50), result.Time(p99), result.Number(float64(failed))}
		all = append(all, row.Dots...)
		s.Rows = append(s.Rows, row)
	}
	s.axis = times(append(all, quiet.At(99).Seconds()))
	return s
}

// costOfAttacks is what they cost the gateway.
func costOfAttacks(a *result.Attacks) section {
	s := section{ID: "cost", Title: "What it cost the gateway", Lead: "Memory is by how much the process grew at most; kernel is what is queued there for its connections besides."}
	memory := strip{ID: "cost-memory", Title: "Growth of memory", XName: "bytes", Bars: true, Columns: []string{"process", "kernel"}, alt: "The same values are in the table below."}
	s.Table = &grid{Head: []string{"attack", "memory", "left afterwards", "kernel", "CPU", "disk", "open files", "ended"}, Left: 1, Cards: true}
	var all []float64
	for i := range a.Attacks {
		one, c := &a.Attacks[i], &a.Attacks[i].Cost
		if !c.Known {
			continue
		}
		growth := float64(c.Growth())
		all = append(all, growth, float64(c.Kernel))
		memory.Rows = append(memory.Rows, stripRow{Label: result.Line(one.Name), Class: "c1", Faint: []float64{float64(c.Kernel)},
			Marks: []mark{{growth, "median"}}, Values: []string{result.Bytes(growth), result.Bytes(float64(c.Kernel))}})
		row := gridRow{Cells: []string{result.Line(one.Name), "+" + result.Bytes(growth), "+" + result.Bytes(math.Max(0, float64(c.RSSLeft-c.RSS))),
			"+" + result.Bytes(float64(c.Kernel)), result.Time(c.CPU), result.Bytes(float64(c.Disk)), result.Number(float64(c.Files)), result.Line(one.Ended)}}
		if one.Stuck {
			row.Class = "bad"
		}
		s.Table.Rows = append(s.Table.Rows, row)
	}
	if len(memory.Rows) > 0 {
		memory.axis = ofBytes(all)
		s.Strips = []strip{memory}
	}
	return s
}

// gotByAttack is what attackers got.
func gotByAttack(a *result.Attacks) section {
	s := section{ID: "got", Title: "What the attackers got", Table: &grid{
		Head: []string{"attack", "connections", "held", "refused", "closed by the gateway", "read / sent", "answers", "alive p50 / most"}, Left: 1, Cards: true}}
	for i := range a.Attacks {
		one, g := &a.Attacks[i], &a.Attacks[i].Got
		row := gridRow{Cells: []string{result.Line(one.Name), fmt.Sprintf("%s of %s", result.Number(float64(g.Opened)), result.Number(float64(g.Tried))),
			result.Number(float64(g.Held)), g.RefusedBy(), g.ClosedBy(), result.Bytes(float64(g.BytesIn)) + " / " + result.Bytes(float64(g.BytesOut)),
			g.Heard(), result.Times(g.AliveP50, g.AliveMost)}}
		if one.Failed != "" {
			row.Class, row.Cells = "bad", []string{result.Line(one.Name), "–", "–", "–", "–", "–", "–", "–"}
		}
		if len(one.Breaches) > 0 {
			row.Class = "bad"
		}
		s.Table.Rows = append(s.Table.Rows, row)
	}
	return s
}

// attackList is what was done, and what is to be said of it.
func attackList(a *result.Attacks, quiet *result.Felt) section {
	s := section{ID: "attacks", Title: "The attacks", Table: &grid{Head: []string{"attack", "what it does", "what it looks for", "connections", "verdict"}, Left: 5, Cards: true}}
	for i := range a.Attacks {
		one := &a.Attacks[i]
		row := gridRow{Cells: []string{result.Line(one.Name), result.Line(one.What), result.Line(one.Weakness), result.Line(one.Size), one.Verdict(quiet)}}
		if row.Cells[4] != "held" {
			row.Class = "bad"
		}
		for _, why := range append([]string{one.Failed, one.Stopped}, one.Breaches...) {
			if why != "" {
				row.Cells[4] += "\n" + result.Line(why)
			}
		}
		s.Table.Rows = append(s.Table.Rows, row)
	}
	return s
}

// checked lists what did not hold.
func checked(checks []result.Check) section {
	s := section{ID: "checks", Title: "What did not hold", Table: &grid{Head: []string{"check", ""}, Left: 2}}
	for _, c := range checks {
		if !c.Passed {
			s.Table.Rows = append(s.Table.Rows, gridRow{Class: "bad", Cells: []string{result.Line(c.Name), result.Line(c.Why)}})
		}
	}
	return s
}

func attackConditions(a *result.Attacks) section {
	s := section{ID: "conditions", Title: "Conditions"}
	for _, f := range [][2]string{{"people", a.Setting}, {"target", a.Target}, {"command", a.Command}, {"build", a.Build}, {"machine", a.Machine.String()}} {
		if f[1] != "" {
			s.Facts = append(s.Facts, [2]string{f[0], result.Line(f[1])})
		}
	}
	for _, one := range a.LeftOut {
		s.Facts = append(s.Facts, [2]string{"left out", result.Line(one)})
	}
	return s
}
