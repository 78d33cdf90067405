package result

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tuitalk/bench/measure"
)

// Percentiles are those that are told of a distribution.
var Percentiles = []float64{50, 90, 99, 99.9, 100}

// summary is the text that ends a run. The first error of writing stays.
type summary struct {
	w     io.Writer
	r     *Result
	color bool
	err   error
}

// Summary writes r as text for people, with ANSI colours if color is set.
func (r *Result) Summary(w io.Writer, color bool) error {
	s := &summary{w: w, r: r, color: color}
	s.head()
	s.rates()
	s.latencies()
	s.connections()
	s.steps()
	s.faults()
	s.processes()
	s.troubles()
	s.verdict()
	if s.err != nil {
		return fmt.Errorf("write the summary: %w", s.err)
	}
	return nil
}

// Weights of text, as ANSI knows them.
const (
	bold  = "1"
	good  = "32"
	bad   = "1;31"
	faint = "2"
)

func (s *summary) paint(weight, text string) string {
	if !s.color {
		return text
	}
	return "\x1b[" + weight + "m" + text + "\x1b[0m"
}

func (s *summary) printf(format string, args ...any) {
	_, err := fmt.Fprintf(s.w, format, args...)
	s.err = errors.Join(s.err, err)
}

func (s *summary) title(text string) { s.printf("\n%s\n", s.paint(bold, text)) }

// table writes rows in columns, to the right, but the first one and those without
// a head, which hold words, to the left. The first row is the head.
func (s *summary) table(rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 || rows[0][i] == "" {
				b.WriteString("  " + cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		line := strings.TrimRight(b.String(), " ")
		if n == 0 {
			line = s.paint(faint, line)
		}
		s.printf("%s\n", line)
	}
}

func (s *summary) head() {
	r := s.r
	name := Line(r.Kind)
	if r.Scenario.Name != "" && r.Scenario.Name != r.Kind {
		name += " " + Line(r.Scenario.Name)
	}
	s.printf("%s, %s measured, begun %s\n", s.paint(bold, name), Time(r.Length()), r.Started.UTC().Format(time.DateTime+" MST"))
	s.printf("against %s\n", Line(strings.Join(r.Target, " ")))
}

func (s *summary) rates() {
	r, c := s.r, &s.r.Whole.Counts
	s.title("Rates")
	rows := [][]string{{"", "per second", "in all"}}
	add := func(what string, perSecond float64, all int64) {
		rows = append(rows, []string{what, Number(perSecond), Number(float64(all))})
	}
	if r.Scenario.Rate > 0 && len(r.Steps) == 0 {
		rows = append(rows, []string{"asked for", Number(r.Scenario.Rate), ""})
	}
	add("posts that fell due", r.Rate(c.Intended), c.Intended)
	add("posted", r.Rate(c.Posted), c.Posted)
	add("stored", r.Rate(c.Stored), c.Stored)
	if c.Refused > 0 {
		add("refused", r.Rate(c.Refused), c.Refused)
	}
	add("delivered", r.Rate(c.Delivered), c.Delivered)
	if c.Fetched > 0 {
		add("pages fetched", r.Rate(c.Fetched), c.Fetched)
	}
	s.table(rows)
	s.printf("  %s in, %s out per second\n", Bytes(r.Rate(c.BytesIn)), Bytes(r.Rate(c.BytesOut)))
}

func (s *summary) latencies() {
	s.title("Latency")
	if s.r.Bottleneck != "" {
		s.printf("  %s\n", s.paint(bad, s.r.bottleneck()))
		return
	}
	w := &s.r.Whole
	rows := [][]string{{"", "p50", "p90", "p99", "p99.9", "max", "count"}}
	for _, line := range []struct {
		what string
		hist *measure.Hist
	}{
		{"latency", &w.Latency}, {"stored", &w.Stored}, {"service", &w.Service}, {"joined", &w.Joined},
	} {
		row := []string{line.what}
		for _, p := range Percentiles {
			if line.hist.Count() == 0 {
				row = append(row, "–")
			} else {
				row = append(row, Took(line.hist.At(p)))
			}
		}
		rows = append(rows, append(row, Number(float64(line.hist.Count()))))
	}
	s.table(rows)
	s.printf("  %s\n", s.paint(faint, "latency and stored count from when a post was due, service from when sent"))
	if why := s.r.Blurred(); why != "" {
		s.printf("  %s\n", s.paint(bad, why))
	}
}

// bottleneck is the sentence in place of latencies.
func (r *Result) bottleneck() string {
	return "the generator was the bottleneck: " + Line(r.Bottleneck)
}

func (s *summary) connections() {
	w := &s.r.Whole
	if why := s.r.Undelivered(); why != "" {
		s.printf("  %s\n", s.paint(bad, why))
	}
	s.title("Connections")
	s.printf("  %s open, %s in their room, %s wanted; %s dialled, %s lost\n", Number(float64(w.Open)),
		Number(float64(w.Inside)), Number(float64(s.r.Scenario.Clients)), Number(float64(w.Dialled)), Number(float64(w.Counts.Lost)))
	names, connections := s.r.Nodes()
	if len(names) == 0 {
		return
	}
	rows := [][]string{{"gateway", "connections"}}
	for i, name := range names {
		rows = append(rows, []string{Line(name), Number(float64(connections[i]))})
	}
	s.table(rows)
}

func (s *summary) steps() {
	if len(s.r.Steps) == 0 {
		return
	}
	s.title("Steps")
	rows := [][]string{{"posts/s", "p50", "p99", "max", "", ""}}
	for i := range s.r.Steps {
		step := &s.r.Steps[i]
		l, verdict := &step.Sample.Latency, "held"
		if !step.Good {
			verdict = "NOT HELD"
		}
		rows = append(rows, []string{Number(step.Rate), Took(l.At(50)), Took(l.At(99)), Took(l.Max()), verdict, Line(step.Why)})
	}
	s.table(rows)
	s.printf("  %s\n", s.paint(bold, s.r.KneeSaid()))
}

func (s *summary) troubles() {
	errs := s.r.Whole.Errors
	if len(errs) == 0 {
		return
	}
	s.title("Errors")
	rows := [][]string{{"", "count"}}
	for _, what := range ErrorsByCount(errs) {
		rows = append(rows, []string{Line(what), Number(float64(errs[what]))})
	}
	s.table(rows)
}

// ErrorsByCount are the errors, the most frequent first.
func ErrorsByCount(errs map[string]int64) []string {
	var all []string
	for what := range errs {
		all = append(all, what)
	}
	slices.SortFunc(all, func(a, b string) int {
		if errs[a] != errs[b] {
			return int(min(max(errs[b]-errs[a], -1), 1))
		}
		return strings.Compare(a, b)
	})
	return all
}

func (s *summary) verdict() {
	s.title("Histories")
	switch c := s.r.Checked; {
	case c == nil:
		s.printf("  not recorded, so whether messages were lost, doubled or out of order is not known\n")
	case c.Err() == nil:
		s.printf("  %s: %s entries, shown %s times to %s clients\n", s.paint(good, "every promise was kept"),
			Number(float64(c.Entries)), Number(float64(c.Shown)), Number(float64(c.Clients)))
	default:
		s.printf("  %s\n", s.paint(bad, "NOT KEPT"))
		for _, line := range strings.Split(strings.TrimSpace(c.String()), "\n") {
			s.printf("  %s\n", Line(line))
		}
	}
}
