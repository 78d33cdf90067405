package result

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// markdown writes tables; the first error of writing stays.
type markdown struct {
	w   io.Writer
	err error
}

func (m *markdown) printf(format string, args ...any) {
	_, err := fmt.Fprintf(m.w, format, args...)
	m.err = errors.Join(m.err, err)
}

// table writes rows, the first of which is the head, and an empty line.
func (m *markdown) table(rows [][]string) {
	for i, row := range rows {
		for j := range row {
			row[j] = strings.ReplaceAll(Line(row[j]), "|", `\|`)
		}
		m.printf("| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			m.printf("|%s\n", strings.Repeat("---|", len(row)))
		}
	}
	m.printf("\n")
}

func (m *markdown) done() error {
	if m.err != nil {
		return fmt.Errorf("write Markdown: %w", m.err)
	}
	return nil
}

func (m *markdown) origin(command, build string, machine Machine) {
	m.printf("`%s`, %s. %s\n\n", Line(command), Line(build), machine)
}

// String tells a machine in a sentence.
func (m Machine) String() string {
	return fmt.Sprintf("%d CPUs (%s), %s of memory, Linux %s, %s.", m.CPUs, Line(m.Model), Bytes(float64(m.Memory)), Line(m.Kernel), Line(m.Go))
}

// FaultsMarkdown writes the table of r's faults, as in BENCHMARKS.md. A time
// is p50 / p99 / max over clients.
func (r *Result) FaultsMarkdown(w io.Writer) error {
	m := &markdown{w: w}
	m.origin(r.Command, r.Build, r.Machine)
	if r.Bottleneck != "" {
		m.printf("No times: %s.\n", r.bottleneck())
		return m.done()
	}
	rows := [][]string{{"fault", "clients", "blackout", "detect", "reconnect", "resume", "caught up", "not back", "herd per s", "p99 back in"}}
	for i := range r.Faults {
		f := &r.Faults[i]
		what := f.What
		if !f.Held {
			what += " (did not take hold)"
		}
		rows = append(rows, []string{what, Number(float64(f.Blackout.Count)), f.Blackout.short(), f.Detect.short(),
			f.Reconnect.short(), f.Resume.short(), f.CaughtUp.short(), Number(float64(f.NotBack)), Number(float64(f.Herd)), f.Recovered()})
	}
	m.table(rows)
	m.verdict(r)
	return m.done()
}

func (m *markdown) verdict(r *Result) {
	switch c := r.Checked; {
	case c == nil:
		m.printf("Histories were not recorded.\n")
	case c.Err() != nil:
		m.printf("**Not kept**: %s.\n", Line(c.Err().Error()))
	default:
		m.printf("Every promise was kept: %s entries, shown %s times to %s clients.\n",
			Number(float64(c.Entries)), Number(float64(c.Shown)), Number(float64(c.Clients)))
	}
}

// LoadMarkdown writes one table with a row for each run, as in BENCHMARKS.md.
func LoadMarkdown(w io.Writer, runs ...*Result) error {
	m := &markdown{w: w}
	rows := [][]string{{"run", "clients", "posts/s asked", "posts/s", "deliveries/s", "p50", "p90", "p99", "p99.9", "max"}}
	for _, r := range runs {
		c, l := &r.Whole.Counts, &r.Whole.Latency
		row := []string{strings.TrimSpace(r.Kind + " " + r.Scenario.Name), Number(float64(r.Scenario.Clients)), Number(r.Scenario.Rate),
			Number(r.Rate(c.Posted)), Number(r.Rate(c.Delivered))}
		for _, p := range Percentiles {
			switch {
			case r.Bottleneck != "":
				row = append(row, "*generator*")
			case l.Count() == 0:
				row = append(row, "–")
			default:
				row = append(row, Took(l.At(p)))
			}
		}
		rows = append(rows, row)
	}
	if len(runs) > 0 {
		m.origin(runs[0].Command, runs[0].Build, runs[0].Machine)
	}
	m.table(rows)
	for _, r := range runs {
		if r.Bottleneck != "" {
			m.printf("*generator*: %s.\n", r.bottleneck())
		}
	}
	return m.done()
}

// Markdown writes a table for each question, and one of latencies if there are
// any. A cell is the median and, in parentheses, the least and the greatest of
// the repetitions.
func (c *Comparison) Markdown(w io.Writer) error {
	m := &markdown{w: w}
	m.origin(c.Command, c.Build, c.Machine)
	if c.Setting != "" {
		m.printf("%s\n\n", Line(c.Setting))
	}
	for i := range c.Tables {
		t := &c.Tables[i]
		m.printf("### %s\n\n", Line(t.Title))
		if t.What != "" {
			m.printf("%s\n\n", Line(t.What))
		}
		m.table(t.text(t.Unit, Cell.Text))
		if t.Timed() {
			m.table(t.text("latency p50 / p99", Cell.Times))
		}
	}
	return m.done()
}

// Summary writes the tables as text for people, with ANSI colours if color is set.
func (c *Comparison) Summary(w io.Writer, color bool) error {
	s := &summary{w: w, color: color}
	for i := range c.Tables {
		t := &c.Tables[i]
		s.title(Line(t.Title))
		s.table(t.text(t.Unit, Cell.Text))
		if t.Timed() {
			s.printf("\n")
			s.table(t.text("latency p50 / p99", Cell.Times))
		}
	}
	if s.err != nil {
		return fmt.Errorf("write the summary: %w", s.err)
	}
	return nil
}

func (t *Table) text(corner string, tell func(Cell) string) [][]string {
	rows := [][]string{{Line(corner)}}
	for _, load := range t.Columns {
		rows[0] = append(rows[0], Line(load))
	}
	for i := range t.Rows {
		row := []string{Line(t.Rows[i].Target)}
		for j := range t.Columns {
			row = append(row, tell(t.Cell(i, j)))
		}
		rows = append(rows, row)
	}
	return rows
}

// Text tells the values of a cell.
func (c Cell) Text() string {
	switch {
	case c.Saturated > 0:
		return c.noted("saturated at " + Number(c.Saturated))
	case len(c.Values) == 0:
		return c.noted("")
	case len(c.Values) == 1:
		return c.noted(Number(c.Values[0]))
	}
	least, greatest := slices.Min(c.Values), slices.Max(c.Values)
	return c.noted(fmt.Sprintf("%s (%s–%s)", Number(Median(c.Values)), Number(least), Number(greatest)))
}

// Times tells the latencies of a cell.
func (c Cell) Times() string {
	switch {
	case c.Saturated > 0:
		return "saturated at " + Number(c.Saturated)
	case len(c.P50) == 0 && len(c.P99) == 0:
		return c.noted("")
	}
	return Times(Median(c.P50), Median(c.P99))
}

func (c Cell) noted(text string) string {
	switch {
	case c.Note == "" && text == "":
		return "–"
	case c.Note == "" || text == "":
		return text + Line(c.Note)
	}
	return text + ", " + Line(c.Note)
}
