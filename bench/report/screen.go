package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tuitalk/bench/result"
)

// What the screen shows at most.
const (
	mostNodes    = 12
	mostMarks    = 4
	mostWarnings = 3
	labelWidth   = 12
	leastRange   = 4   // of a sparkline, greatest to least: noise must not look like mountains
	busyLimit    = 0.8 // of a second: beyond it the generator measures itself
)

// Weights of text, as ANSI knows them.
const (
	bold   = "1"
	faint  = "2"
	red    = "1;31"
	yellow = "33"
	blue   = "34"
)

// screen writes the lines of a View.
type screen struct {
	width int // cells
	color bool
	lines []string
}

// Lines are v on a terminal of so many columns, none wider than that. Where there
// are too few rows, gateways are left out first. Without color they have no escape
// sequences.
func (v View) Lines(width, rows int, color bool) []string {
	shown := min(len(v.Nodes), mostNodes)
	lines := v.lines(width, color, shown)
	if more := len(lines) - rows; more > 0 {
		const rest = 1 // the line that says how many are left out
		lines = v.lines(width, color, max(shown-more-rest, 0))
	}
	return lines[:min(len(lines), max(rows, 1))]
}

func (v *View) lines(width int, color bool, nodes int) []string {
	s := &screen{width: max(width, 1), color: color}
	s.head(v)
	s.progress(v.Elapsed, v.Total)
	s.flow("clients", count(v.Open)+" open", count(v.Inside)+" inside", count(v.Wanted)+" wanted")
	s.flow("posts/s", v.rates()...)
	s.row("delivered/s", result.Number(math.Round(v.Delivered)))
	s.flow("last second", v.Last.parts()...)
	if v.Whole != (Times{}) {
		s.flow("so far", v.Whole.parts()...)
	}
	if bar := sparkline(v.P99s, s.space()); bar != "" {
		s.row("p99", s.paint(blue, bar))
	}
	s.nodes(v.Nodes, nodes)
	s.marks(v)
	s.flow("generator", s.health(&v.Self)...)
	for _, w := range v.Warnings[max(0, len(v.Warnings)-mostWarnings):] {
		s.row(s.paint(yellow, "warning"), outside(w))
	}
	return s.lines
}

func (s *screen) paint(weight, text string) string {
	if !s.color || text == "" {
		return text
	}
	return "\x1b[" + weight + "m" + text + "\x1b[0m"
}

// space is how much of a line is left behind its label.
func (s *screen) space() int { return max(s.width-labelWidth-1, 0) }

// row adds a line with a label in front of it.
func (s *screen) row(label, text string) {
	label += strings.Repeat(" ", max(labelWidth-cells(label), 0))
	if !strings.HasPrefix(label, "\x1b") {
		label = s.paint(faint, label)
	}
	s.add(label + " " + text)
}

// flow adds parts, on as many lines as they need.
func (s *screen) flow(label string, parts ...string) {
	line := ""
	for _, part := range parts {
		if line != "" && cells(line)+2+cells(part) > s.space() {
			s.row(label, line)
			label, line = "", ""
		}
		if line != "" {
			line += "  "
		}
		line += part
	}
	s.row(label, line)
}

func (s *screen) add(line string) { s.lines = append(s.lines, cut(line, s.width)) }

func (s *screen) head(v *View) {
	name := strings.TrimSpace(outside(v.Kind) + " " + outside(v.Name))
	s.add(s.paint(bold, name) + "  " + outside(v.Phase))
}

// progress is a bar with the time that is left; the total is 0 if nobody knows it.
func (s *screen) progress(so, total time.Duration) {
	elapsed := clock(so)
	if total <= 0 {
		s.row("elapsed", elapsed)
		return
	}
	text := elapsed + " of " + clock(total)
	if left := total - so; left > 0 {
		text += ", " + clock(left) + " left"
	}
	share := min(max(so.Seconds()/total.Seconds(), 0), 1)
	if length := min(s.space()-len(text)-2, 40); length >= 8 {
		text = s.paint(blue, bar(share, length)) + "  " + text
	}
	s.row(fmt.Sprintf("%d%%", int(share*100)), text)
}

func (v *View) rates() []string {
	parts := []string{result.Number(math.Round(v.Intended)) + " intended", result.Number(math.Round(v.Posted)) + " posted"}
	if v.Asked > 0 {
		parts = append(parts, result.Number(math.Round(v.Asked))+" asked for")
	}
	return parts
}

func (t Times) parts() []string {
	if t == (Times{}) {
		return []string{"nothing delivered"}
	}
	return []string{"p50 " + result.Took(t.P50), "p99 " + result.Took(t.P99), "max " + result.Took(t.Max)}
}

// nodes draws the connections of so many gateways; the bars have one scale.
func (s *screen) nodes(nodes map[string]int, shown int) {
	names := slices.Sorted(maps.Keys(nodes))
	most := 1
	for _, n := range nodes {
		most = max(most, n)
	}
	for i, name := range names {
		if i == shown {
			s.row("", fmt.Sprintf("and %d more gateways", len(names)-i))
			return
		}
		number := fmt.Sprintf("%8s", count(nodes[name]))
		length := min(s.space()-len(number)-1, 40)
		if length >= 4 {
			number += " " + s.paint(blue, bar(float64(nodes[name])/float64(most), length))
		}
		s.row(cut(outside(name), labelWidth), number)
	}
}

func (s *screen) marks(v *View) {
	for _, m := range v.Faults[max(0, len(v.Faults)-mostMarks):] {
		text := fmt.Sprintf("%s at %s", outside(m.What), clock(m.At))
		if m.Over == 0 {
			s.row(s.paint(red, "fault"), s.paint(red, text+", going on"))
		} else {
			s.row("fault", fmt.Sprintf("%s, for %s", text, result.Took(m.Over-m.At)))
		}
	}
}

// health marks what says that the generator may not keep up.
func (s *screen) health(h *Health) []string {
	busy := fmt.Sprintf("busy %d%%", int(math.Round(h.Busy*100)))
	if h.Busy > busyLimit {
		busy = s.paint(red, busy)
	}
	parts := []string{"late p99 " + result.Took(h.Late), busy, fmt.Sprintf("%.1f cores", h.CPU), result.Bytes(float64(h.RSS))}
	if h.MaxOpen == 0 {
		return parts
	}
	files := fmt.Sprintf("files %s of %s", count(h.Files), count(h.MaxOpen))
	if float64(h.Files) > 0.95*float64(h.MaxOpen) {
		files = s.paint(red, files)
	}
	return append(parts, files)
}

func count(n int) string { return result.Number(float64(n)) }

// clock writes a time as 1:02:03 or 2:03.
func clock(d time.Duration) string {
	n := int(max(d, 0).Round(time.Second).Seconds())
	if n >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
	}
	return fmt.Sprintf("%d:%02d", n/60, n%60)
}

// bar fills share of length cells, to an eighth of a cell.
func bar(share float64, length int) string {
	if math.IsNaN(share) {
		share = 0
	}
	eighths := int(math.Round(min(max(share, 0), 1) * float64(length) * 8))
	full, rest := eighths/8, eighths%8
	text := strings.Repeat("█", full)
	if rest > 0 {
		text += string([]rune(" ▏▎▍▌▋▊▉")[rest])
		full++
	}
	return text + strings.Repeat("░", length-full)
}

// sparkline draws times on a logarithmic scale, the latest to the right, with
// what its foot and its top mean. A second without deliveries is a gap.
func sparkline(times []time.Duration, space int) string {
	legend := 22 // cells
	if space < 2*legend {
		legend = 0
	}
	times = times[max(0, len(times)-max(space-legend, 0)):]
	var least, most time.Duration
	for _, t := range times {
		if t > 0 && (least == 0 || t < least) {
			least = t
		}
		most = max(most, t)
	}
	if most == 0 {
		return ""
	}
	var b strings.Builder
	steps := []rune("▁▂▃▄▅▆▇█")
	for _, t := range times {
		if t <= 0 {
			b.WriteByte(' ')
			continue
		}
		height := math.Log(float64(t)/float64(least)) / math.Log(max(float64(most)/float64(least), leastRange))
		b.WriteRune(steps[int(math.Round(height*float64(len(steps)-1)))])
	}
	if legend > 0 {
		fmt.Fprintf(&b, "  %s–%s", result.Took(least), result.Took(most))
	}
	return b.String()
}

// outside makes text from outside fit for the screen, where every rune must be
// one cell wide: what may be wider, or may be nothing, becomes a question mark.
func outside(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x250 && (r < 0x2010 || r > 0x2026) {
			return '?'
		}
		return r
	}, result.Line(text))
}

// cells is the width of text on a terminal, escape sequences left out.
func cells(text string) int {
	return utf8.RuneCountInString(escapes.ReplaceAllString(text, ""))
}

// cut shortens a line to width cells. Escape sequences take no space and are all
// kept, so that a colour that was begun is ended.
func cut(line string, width int) string {
	if cells(line) <= width {
		return line
	}
	var b strings.Builder
	for used := 0; len(line) > 0; {
		if at := escapes.FindStringIndex(line); at != nil && at[0] == 0 {
			b.WriteString(line[:at[1]])
			line = line[at[1]:]
			continue
		}
		r, n := utf8.DecodeRuneInString(line)
		if used++; used <= width {
			b.WriteRune(r)
		}
		line = line[n:]
	}
	return b.String()
}
