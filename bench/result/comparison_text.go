package result

import (
	"fmt"
	"io"
	"slices"
)

// Markdown writes a table for each question, and one of latencies if there are
// any. A cell is the median and, in parentheses, the least and the greatest of
// the repetitions.
func (c *Comparison) Markdown(w io.Writer) error {
	m := &markdown{w: w}
	m.origin(c.Command, c.Build, c.Machine)
	if c.Incomplete != "" {
		m.printf("**Not everything was measured**: %s.\n\n", Line(c.Incomplete))
	}
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
	if c.Incomplete != "" {
		s.printf("%s: %s\n", s.paint(bad, "not everything was measured"), Line(c.Incomplete))
	}
	for i := range c.Tables {
		s.comparison(&c.Tables[i])
	}
	if s.err != nil {
		return fmt.Errorf("write the summary: %w", s.err)
	}
	return nil
}

// comparison writes a table with a line for each target under each load, so that it
// fits on a terminal however many loads there are. Notes stand below.
func (s *summary) comparison(t *Table) {
	s.title(Line(t.Title) + ", " + Line(t.Unit))
	head, columns := []string{"", "median", "least", "greatest"}, 4
	if t.Timed() {
		head, columns = append(head, "p50", "p99"), 6
	}
	rows, notes := [][]string{head}, []string(nil)
	for j := range t.Columns {
		rows = append(rows, []string{Line(t.Columns[j])})
		for i := range t.Rows {
			cell := t.Cell(i, j)
			row := append([]string{"  " + Line(t.Rows[i].Target)}, cell.figures()...)
			if note := Line(cell.Note); note != "" && note != row[1] {
				if !slices.Contains(notes, note) {
					notes = append(notes, note)
				}
				row[0] += fmt.Sprintf(" [%d]", slices.Index(notes, note)+1)
			}
			rows = append(rows, row[:columns])
		}
	}
	s.table(rows)
	for i, note := range notes {
		s.printf("  %s\n", s.paint(faint, fmt.Sprintf("[%d] %s", i+1, note)))
	}
}

// shortNote is what fits in the place of a value.
const shortNote = 15

// figures are the median of the values, the least and the greatest, p50 and p99.
func (c Cell) figures() []string {
	all := []string{"–", "", "", "", ""}
	switch {
	case c.Saturated == 0 && len(c.Values) == 0 && c.Note != "" && len(c.Note) <= shortNote:
		all[0] = Line(c.Note)
	case c.Saturated > 0:
		all[0] = "saturated at " + Number(c.Saturated)
	case len(c.Values) > 0:
		all[0] = Number(Median(c.Values))
		if len(c.Values) > 1 {
			all[1], all[2] = Number(slices.Min(c.Values)), Number(slices.Max(c.Values))
		}
		if len(c.P50) > 0 && len(c.P99) > 0 {
			all[3], all[4] = Time(Median(c.P50)), Time(Median(c.P99))
		}
	}
	return all
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
