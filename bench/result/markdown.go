package result

import (
	"errors"
	"fmt"
	"io"
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
		row := []string{r.name(), Number(float64(r.Scenario.Clients)), Number(r.Scenario.Rate),
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
		switch why := r.Blurred(); {
		case r.Bottleneck != "":
			m.printf("*generator*: %s.\n", r.bottleneck())
		case why != "":
			m.printf("%s: %s.\n", r.name(), why)
		}
	}
	return m.done()
}

// name is what the run is called in a table.
func (r *Result) name() string { return Line(strings.TrimSpace(r.Kind + " " + r.Scenario.Name)) }
