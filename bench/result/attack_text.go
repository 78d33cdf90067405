package result

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// attackRows are the table of a run: a line for each attack. Times are p50 / p99.
func (a *Attacks) attackRows() [][]string {
	rows := [][]string{{"attack", "posts", "joins", "failed", "after", "held", "closed", "memory", "CPU", "verdict"}}
	quiet := a.Quiet()
	rows = append(rows, []string{"quiet, all", felt(&quiet, true), felt(&quiet, false), Number(float64(quiet.Failures())), "", "", "", "", "", ""})
	for i := range a.Attacks {
		one := &a.Attacks[i]
		if one.Failed != "" {
			rows = append(rows, []string{one.Name, "–", "–", "–", "–", "–", "–", "–", "–", one.Verdict(&quiet)})
			continue
		}
		rows = append(rows, []string{
			one.Name, felt(&one.During, true), felt(&one.During, false),
			Number(float64(one.During.Failures())), Number(float64(one.After.Failures())),
			Number(float64(one.Got.Held)), Number(float64(Total(one.Got.Closed))),
			one.Cost.memory(), one.Cost.cpu(), one.Verdict(&quiet),
		})
	}
	return rows
}

func felt(f *Felt, posts bool) string {
	h := &f.Join
	if posts {
		h = &f.Post
	}
	if h.Count() == 0 {
		return "none"
	}
	return Times(h.At(50).Seconds(), h.At(99).Seconds())
}

func (c *Cost) memory() string {
	if !c.Known {
		return "–"
	}
	return "+" + Bytes(float64(c.Growth()))
}

func (c *Cost) cpu() string {
	if !c.Known {
		return "–"
	}
	return Time(c.CPU)
}

// Summary writes a as text for people, with ANSI colours if color is set.
func (a *Attacks) Summary(w io.Writer, color bool) error {
	s := &summary{w: w, color: color}
	s.printf("%s, begun %s\nagainst %s\n", s.paint(bold, fmt.Sprintf("%d attacks", len(a.Attacks))),
		a.Started.UTC().Format(time.DateTime+" MST"), Line(a.Target))
	if a.Incomplete != "" {
		s.printf("%s: %s\n", s.paint(bad, "not all attacks were made"), Line(a.Incomplete))
	}
	s.title("What honest people felt under each attack, p50 / p99; what it took")
	s.attackTable(a.attackRows())
	for i := range a.Attacks {
		one := &a.Attacks[i]
		for _, why := range one.Breaches {
			s.printf("  %s %s\n", s.paint(bad, one.Name+":"), Line(why))
		}
		for _, why := range []string{one.Failed, one.Stopped} {
			if why != "" {
				s.printf("  %s %s\n", one.Name+":", Line(why))
			}
		}
		if one.Stuck {
			s.printf("  %s %s\n", s.paint(bad, one.Name+":"), Line(one.Ended))
		}
		if n := one.During.ReadyLies; n > 0 {
			s.printf("  %s /readyz said ready while %d joins were not answered\n", s.paint(bad, one.Name+":"), n)
		}
	}
	s.printf("  %s\n", s.paint(faint, UsualBounds))
	for _, why := range a.LeftOut {
		s.printf("  %s\n", s.paint(faint, Line(why)))
	}
	if s.err != nil {
		return fmt.Errorf("write the summary: %w", s.err)
	}
	return nil
}

// attackTable is table, with the verdicts, which are the last column, in colours.
func (s *summary) attackTable(rows [][]string) {
	last := len(rows[0]) - 1
	for _, row := range rows[1:] {
		switch row[last] {
		case "held":
			row[last] = s.paint(good, row[last])
		case "":
		default:
			row[last] = s.paint(bad, row[last])
		}
	}
	rows[0][last] = "" // words, to the left
	s.table(rows)
}

// Markdown writes what was felt and what was got and paid, as two tables.
func (a *Attacks) Markdown(w io.Writer) error {
	m := &markdown{w: w}
	m.origin(a.Command, a.Build, a.Machine)
	if a.Setting != "" {
		m.printf("%s\n\n", Line(a.Setting))
	}
	if a.Incomplete != "" {
		m.printf("**Not all attacks were made**: %s.\n\n", Line(a.Incomplete))
	}
	m.printf("What honest people felt during each attack (p50 / p99), and what did not hold:\n\n")
	m.table(a.attackRows())
	m.printf("%s.\n\n", capital(UsualBounds))
	m.printf("What attackers got, and what it cost the gateway:\n\n")
	rows := [][]string{{"attack", "size", "opened of tried", "held", "refused", "closed by", "in / out", "answers", "alive p50 / most", "files", "disk", "kernel"}}
	for i := range a.Attacks {
		rows = append(rows, a.Attacks[i].gotRow())
	}
	m.table(rows)
	for i := range a.Attacks {
		one := &a.Attacks[i]
		for _, why := range one.Breaches {
			m.printf("- **%s**: %s\n", Line(one.Name), Line(why))
		}
		if one.Stuck {
			m.printf("- **%s**: %s\n", Line(one.Name), Line(one.Ended))
		}
		if n := one.During.ReadyLies; n > 0 {
			m.printf("- **%s**: /readyz said ready while %d joins were not answered\n", Line(one.Name), n)
		}
	}
	return m.done()
}

func (a *Attack) gotRow() []string {
	g, c := &a.Got, &a.Cost
	row := []string{
		a.Name, a.Size, Number(float64(g.Opened)) + " of " + Number(float64(g.Tried)), Number(float64(g.Held)),
		g.RefusedBy(), g.ClosedBy(), Bytes(float64(g.BytesIn)) + " / " + Bytes(float64(g.BytesOut)), g.Heard(),
		Times(g.AliveP50, g.AliveMost), "–", "–", "–",
	}
	if c.Known {
		row[9], row[10], row[11] = Number(float64(c.Files)), Bytes(float64(c.Disk)), Bytes(float64(c.Kernel))
	}
	return row
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
