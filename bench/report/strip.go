package report

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// strip is a figure of one row per thing, such as a fault or a target: its single
// values as dots on a common axis, with marks for what sums them up.
type strip struct {
	ID, Title, Lead string
	XName           string   // on the axis
	Bars            bool     // from 0 to the first mark; only on an axis that begins there
	Columns         []string // heads of stripRow.Values
	Rows            []stripRow
	Table           *grid
	axis            axis
	alt             string
}

// stripRow is one row.
type stripRow struct {
	Group  string // a heading above it, if it is the first of a group
	Label  string
	Class  string
	Dots   []float64 // single values, faint
	Box    stretch   // where the middle half of them is; of no length: not known
	Faint  []float64 // others of a second kind, hollow
	Marks  []mark
	Values []string // in columns at the right
	Note   string   // in place of the dots
	Bad    bool     // what the note says is a failure
	Level  float64  // a reference of the group, drawn as a line; 0: none
}

// mark is what sums a row up.
type mark struct {
	At    float64
	Class string // median, tail
}

// Sizes within a strip.
const (
	columnWidth  = 88
	rowHeight    = 24
	groupHeight  = 26
	narrowHeight = 38 // with the label above the dots
)

// Drawings are the strip in every size in which it is shown.
func (s *strip) Drawings() []drawing { return []drawing{s.draw(wide), s.draw(narrow)} }

func (s *strip) draw(f format) drawing {
	isWide := f.name == wide.name
	left, right, each := 12.0, f.width-14, float64(narrowHeight)
	if isWide {
		left, right, each = 190, f.width-14-columnWidth*float64(len(s.Columns)), rowHeight
	}
	top := 12.0
	if len(s.Columns) > 0 {
		top = 22
	}
	height := top + 50
	for _, row := range s.Rows {
		height += each
		if row.Group != "" {
			height += groupHeight
		}
	}
	x := s.axis
	x.from, x.to = left, right
	d := drawing{
		ID: s.ID + "-" + f.name, Size: f.name, Title: s.Title, Desc: s.alt, W: f.width, H: height,
		Left: left, Right: right, Top: top, Bottom: height - 44,
	}
	d.XTicks = x.ticks(f.xTicks * 2 / 3)
	d.Texts = append(d.Texts, text{(left + right) / 2, height - 4, s.XName, "axis", "middle"})
	if isWide {
		for i, c := range s.Columns {
			d.Texts = append(d.Texts, text{right + columnWidth*float64(i+1), 12, c, "head", "end"})
		}
	} else {
		d.Texts = append(d.Texts, text{f.width - 2, 12, strings.Join(s.Columns, " · "), "head", "end"})
	}
	at := top
	for i := range s.Rows {
		row := &s.Rows[i]
		if row.Group != "" {
			at += groupHeight
			d.Texts = append(d.Texts, text{2, at - 7, clip(row.Group, f.width), "group", "start"})
		}
		s.row(&d, row, &x, at, each, isWide)
		at += each
	}
	return d
}

// row draws one row into the stretch that begins at top.
func (s *strip) row(d *drawing, row *stripRow, x *axis, top, height float64, isWide bool) {
	middle := top + height/2
	if !isWide {
		middle = top + 27
	}
	d.Texts = append(d.Texts, row.texts(x, top, d.W, isWide)...)
	d.Rules = append(d.Rules, rule{x.from, middle, x.to, middle, "guide"})
	if row.Level > 0 && drawable(row.Level) {
		d.Rules = append(d.Rules, rule{x.at(row.Level), top, x.at(row.Level), top + height, "level"})
	}
	if row.Note != "" {
		row.explain(d, x, middle, isWide)
		return
	}
	if s.Bars && len(row.Marks) > 0 && drawable(row.Marks[0].At) {
		d.Rules = append(d.Rules, rule{x.from, middle, x.at(row.Marks[0].At), middle, "bar " + row.Class})
	}
	if low, high := bounds(slices.Concat(row.Dots, row.Faint)); high > low {
		d.Rules = append(d.Rules, rule{x.at(low), middle, x.at(high), middle, "extent " + row.Class})
	}
	if b := row.Box; b.To > b.From && drawable(b.From) && drawable(b.To) {
		d.Rules = append(d.Rules, rule{x.at(b.From), middle, x.at(b.To), middle, "box " + row.Class})
	}
	if points := finite(row.Dots); len(points) > 0 {
		d.Lines = append(d.Lines, path{beads(x, middle, points), "beads " + row.Class, -1})
	}
	for _, v := range finite(row.Faint) {
		d.Dots = append(d.Dots, dot{x.at(v), middle, 2.6, "hollow " + row.Class, -1})
	}
	for _, m := range row.Marks {
		if !drawable(m.At) {
			continue
		}
		d.Rules = append(d.Rules, rule{x.at(m.At), middle - 8, x.at(m.At), middle + 8, m.Class + " " + row.Class})
	}
}

// explain writes the note where the dots would be.
func (row *stripRow) explain(d *drawing, x *axis, middle float64, isWide bool) {
	class, end := "note", x.to
	if row.Bad {
		class = "note bad"
		d.Rules = append(d.Rules, rule{x.from + 2, middle - 8, x.from + 2, middle + 8, "stop"})
	}
	if isWide && len(row.Values) == 0 {
		end = d.W
	}
	d.Texts = append(d.Texts, text{x.from + 9, middle + 4, clip(row.Note, end-x.from-12), class, "start"})
}

// beads are dots as one path, each a line of no length with a round end.
func beads(x *axis, y float64, values []float64) string {
	var b strings.Builder
	for _, v := range values {
		b.WriteString("M" + coordinate(x.at(v)) + " " + coordinate(y) + "h0")
	}
	return b.String()
}

// texts are the label and the values of a row: beside its dots, or above them.
func (row *stripRow) texts(x *axis, top, width float64, isWide bool) []text {
	if !isWide {
		all := strings.Join(row.Values, " · ")
		return []text{{2, top + 14, clip(row.Label, width-10-textWidth(all)), "label", "start"},
			{width - 2, top + 14, all, "value", "end"}}
	}
	texts := []text{{x.from - 12, top + rowHeight/2 + 4, clip(row.Label, x.from-14), "label", "end"}}
	for i, v := range row.Values {
		texts = append(texts, text{x.to + columnWidth*float64(i+1), top + rowHeight/2 + 4, v, "value", "end"})
	}
	return texts
}

// finite are the values that can be drawn.
func finite(values []float64) (all []float64) {
	for _, v := range values {
		if drawable(v) {
			all = append(all, v)
		}
	}
	return all
}

func drawable(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// clip shortens a label to the space that there is.
func clip(label string, space float64) string {
	runes := []rune(label)
	most := max(int(space/6.4), 1)
	if len(runes) <= most {
		return label
	}
	return string(runes[:most-1]) + "…"
}

// grid is a table.
type grid struct {
	Caption string
	Head    []string
	Rows    []gridRow
	Left    int  // so many columns stand to the left, the others to the right
	Cards   bool // on narrow screens each row is a card
}

// Label is the head of a column; "" if it has none.
func (g *grid) Label(column int) string {
	if column < len(g.Head) {
		return g.Head[column]
	}
	return ""
}

// gridRow is a row of it; Class marks it, as with "bad".
type gridRow struct {
	Class string
	Cells []string
}

func ordinal(i int) string { return strconv.Itoa(i + 1) }
