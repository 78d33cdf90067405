package result

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAnIncompleteComparisonSaysSo(t *testing.T) {
	c := demoComparison()
	const why = "interrupted in visit 3 of 40"
	for name, write := range map[string]func(*bytes.Buffer) error{
		"summary":  func(b *bytes.Buffer) error { return c.Summary(b, false) },
		"markdown": func(b *bytes.Buffer) error { return c.Markdown(b) },
	} {
		if c.Incomplete = ""; strings.Contains(text(t, write), "ot everything was measured") {
			t.Errorf("%s: all was measured, and it says otherwise", name)
		}
		if c.Incomplete = why; !strings.Contains(text(t, write), why) {
			t.Errorf("%s does not say that it was interrupted", name)
		}
	}
}

// A note that several cells have stands below once; a short one in place of a value.
func TestNotesOfCells(t *testing.T) {
	c := demoComparison()
	c.Tables[0].Rows[1].Cells[1] = Cell{Note: "two runs only"}
	c.Tables[0].Rows[0].Cells[1].Note = "two runs only"
	got := text(t, func(b *bytes.Buffer) error { return c.Summary(b, false) })
	if strings.Count(got, "[1] two runs only") != 1 || strings.Count(got, "[1]") != 3 || strings.Contains(got, "[2]") || !strings.Contains(strings.Join(strings.Fields(got), " "), "peer|a two runs only missing") {
		t.Errorf("%s", got)
	}
}

// However many loads and faults there are, the tables fit on a terminal.
func TestTablesFitOnATerminal(t *testing.T) {
	c, r := demoComparison(), demo()
	for len(c.Tables[0].Columns) < 9 {
		c.Tables[0].Columns = append(c.Tables[0].Columns, "100,000/s")
		c.Tables[0].Rows[0].Cells = append(c.Tables[0].Rows[0].Cells, c.Tables[0].Rows[1].Cells[1])
	}
	for _, what := range []string{"postgres-and-gateway", "cut-from-postgres"} {
		f := r.Faults[0]
		f.What, f.Detect, f.Recovery = what, Dist{Count: 3, P50: 0.0301, P99: 1.234, Max: 123.4}, Unknown
		f.Blackout, f.Reconnect, f.Resume, f.CaughtUp = f.Detect, f.Detect, f.Detect, f.Detect
		r.Faults = append(r.Faults, f)
	}
	all := summaryOf(t, r, false) + text(t, func(b *bytes.Buffer) error { return c.Summary(b, false) })
	for line := range strings.Lines(all) {
		if n := utf8.RuneCountInString(line) - 1; n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
