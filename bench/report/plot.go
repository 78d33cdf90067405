package report

import (
	"math"
	"strconv"
	"strings"
)

// plot is a figure over a common x, such as the time: what it shows, not yet how
// large. It is drawn twice, for wide and for narrow windows, and stands once more
// as a table.
type plot struct {
	ID, Title, Lead string
	XName           string
	X               []float64
	XText           func(float64) string // of a row of the table
	Series          []series
	Areas           []area
	Spans           []span
	Stacked         bool // the series stand on each other
	Small           bool // one of several side by side: drawn once, in a small form
	Dots            bool // each point is marked
	xAxis, yAxis    axis
	clock           bool // x is time since the measured time began, in seconds
	alt             string
}

// series is one line of a plot.
type series struct {
	Name  string
	Class string // its colour: c1 to c8, or mute; and broad, for what others lie upon
	Y     []float64
	Thin  bool
	Text  func(float64) string // of a cell of the table
}

// area fills what is between two series.
type area struct {
	Low, High int
	Class     string
}

// span is a stretch of x that is marked.
type span struct {
	From, To    float64
	Label       string // as long as there is room for it
	Short       string // else
	Class       string
	Description string
}

// A size of a drawing, in the units of its viewBox, which are about pixels.
type format struct {
	name          string
	width, height float64
	left, right   float64 // margins
	top, bottom   float64
	xTicks        int
	yTicks        int
}

var (
	wide   = format{"wide", 840, 270, 62, 12, 22, 28, 10, 6}
	narrow = format{"narrow", 380, 240, 56, 10, 22, 28, 5, 5}
	small  = format{"small", 380, 170, 56, 10, 12, 26, 5, 4}
)

// Shapes of a drawing.
type (
	drawing struct {
		ID, Size, Title, Desc    string
		W, H                     float64
		Left, Right, Top, Bottom float64 // of the field
		XTicks, YTicks           []tick
		Spans                    []box
		Areas, Lines             []path
		Dots                     []dot
		Texts                    []text
		Rules                    []rule
	}
	box struct {
		X, Y, W, H         float64
		Class, Label, Desc string
		LabelX             float64
		Anchor             string
	}
	path struct {
		D, Class string
		Series   int
	}
	dot struct {
		X, Y, R float64
		Class   string
		Series  int
	}
	text struct {
		X, Y                float64
		Text, Class, Anchor string
	}
	rule struct {
		X1, Y1, X2, Y2 float64
		Class          string
	}
)

// Drawings are the plot in every size in which it is shown.
func (p *plot) Drawings() []drawing {
	if p.Small {
		return []drawing{p.draw(small)}
	}
	return []drawing{p.draw(wide), p.draw(narrow)}
}

func (p *plot) draw(s format) drawing {
	x, y := p.xAxis, p.yAxis
	x.from, x.to = s.left, s.width-s.right
	y.from, y.to = s.height-s.bottom, s.top
	d := drawing{
		ID: p.ID + "-" + s.name, Size: s.name, Title: p.Title, Desc: p.describe(), W: s.width, H: s.height,
		Left: s.left, Right: s.width - s.right, Top: s.top, Bottom: s.height - s.bottom,
		YTicks: y.ticks(s.yTicks),
	}
	if p.clock {
		d.XTicks = x.clockTicks(s.xTicks)
	} else {
		d.XTicks = x.ticks(s.xTicks)
	}
	d.Spans = p.boxes(&x, s)
	base := make([]float64, len(p.X))
	for i := range p.Series {
		top := p.Series[i].Y
		if p.Stacked {
			top = plus(base, top)
			d.Areas = append(d.Areas, path{outline(&x, &y, p.X, base, top), "area " + p.Series[i].Class, i})
			base = top
		}
		class := "line " + p.Series[i].Class
		if p.Series[i].Thin {
			class += " thin"
		}
		d.Lines = append(d.Lines, path{trace(&x, &y, p.X, top), class, i})
		d.Dots = append(d.Dots, p.dots(&x, &y, i, top)...)
	}
	for _, a := range p.Areas {
		d.Areas = append(d.Areas, path{outline(&x, &y, p.X, p.Series[a.Low].Y, p.Series[a.High].Y), "area " + a.Class, -1})
	}
	return d
}

// dots marks each point, or only those that no line reaches.
func (p *plot) dots(x, y *axis, n int, values []float64) (dots []dot) {
	radius := 2.2
	if p.Dots {
		radius = 3.5
	}
	gap := func(i int) bool { return i < 0 || i >= len(values) || math.IsNaN(values[i]) }
	for i, v := range values {
		if !gap(i) && (p.Dots || gap(i-1) && gap(i+1)) {
			dots = append(dots, dot{x.at(p.X[i]), y.at(v), radius, p.Series[n].Class, n})
		}
	}
	return dots
}

// boxes are the spans, at least two units wide. Where there is no room up to the
// next span, the short label stands, or none.
func (p *plot) boxes(x *axis, s format) []box {
	var all []box
	for i, sp := range p.Spans {
		from, to := x.at(sp.From), x.at(sp.To)
		b := box{X: from, Y: s.top, W: max(to-from, 2), H: s.height - s.top - s.bottom, Class: sp.Class, Desc: sp.Description, LabelX: from + 3, Anchor: "start"}
		end := s.width - s.right
		for _, next := range p.Spans[i+1:] {
			if at := x.at(next.From); at > from {
				end = min(end, at)
			}
		}
		if room := end - from - 6; room >= textWidth(sp.Label) {
			b.Label = sp.Label
		} else if room >= textWidth(sp.Short) {
			b.Label = sp.Short
		}
		all = append(all, b)
	}
	return all
}

// textWidth is about how wide a label is drawn.
func textWidth(text string) float64 { return 6.2 * float64(len([]rune(text))) }

func (p *plot) describe() string {
	if p.alt != "" {
		return p.alt
	}
	names := make([]string, len(p.Series))
	for i := range p.Series {
		low, high := bounds(p.Series[i].Y)
		names[i] = p.Series[i].Name + " from " + p.Series[i].Text(low) + " to " + p.Series[i].Text(high)
	}
	return strings.Join(names, "; ") + ". The table below has all values."
}

func plus(a, b []float64) []float64 {
	sum := make([]float64, len(a))
	for i := range a {
		sum[i] = a[i]
		if !math.IsNaN(b[i]) {
			sum[i] += b[i]
		}
	}
	return sum
}

// trace is the line through values, broken where there is none.
func trace(x, y *axis, at, values []float64) string {
	var b strings.Builder
	pen := "M"
	for i, v := range values {
		if !drawable(v) {
			pen = "M"
			continue
		}
		b.WriteString(pen + coordinate(x.at(at[i])) + " " + coordinate(y.at(v)))
		pen = "L"
	}
	return b.String()
}

// outline goes along one series and back along the other, for each stretch in
// which there are both.
func outline(x, y *axis, at, low, high []float64) string {
	var b strings.Builder
	for i := 0; i < len(at); i++ {
		first := i
		for i < len(at) && !math.IsNaN(low[i]) && !math.IsNaN(high[i]) {
			i++
		}
		if i-first < 2 {
			continue
		}
		pen := "M"
		for j := first; j < i; j++ {
			b.WriteString(pen + coordinate(x.at(at[j])) + " " + coordinate(y.at(high[j])))
			pen = "L"
		}
		for j := i - 1; j >= first; j-- {
			b.WriteString("L" + coordinate(x.at(at[j])) + " " + coordinate(y.at(low[j])))
		}
		b.WriteString("Z")
	}
	return b.String()
}

func coordinate(v float64) string {
	text := strconv.FormatFloat(v, 'f', 1, 64)
	return strings.TrimSuffix(text, ".0")
}

// tableRow is a row of the table under a plot. At is where on the field the
// cross-hair stands for it, from 0 to 1.
type tableRow struct {
	At    float64
	Cells []string
}

// Head is the head of the table.
func (p *plot) Head() []string {
	head := []string{p.XName}
	for i := range p.Series {
		head = append(head, p.Series[i].Name)
	}
	return head
}

// Rows are the values as a table.
func (p *plot) Rows() []tableRow {
	field := p.xAxis
	field.from, field.to = 0, 1
	rows := make([]tableRow, len(p.X))
	for i, x := range p.X {
		rows[i] = tableRow{math.Round(field.at(x)*1e4) / 1e4, []string{p.XText(x)}}
		for j := range p.Series {
			cell := "–"
			if v := p.Series[j].Y[i]; !math.IsNaN(v) {
				cell = p.Series[j].Text(v)
			}
			rows[i].Cells = append(rows[i].Cells, cell)
		}
	}
	return rows
}
