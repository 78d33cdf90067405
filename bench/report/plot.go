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
	XName, YName    string // on the axes; YName is short, as a unit is
	X               []float64
	XText           func(float64) string // of a row of the table
	Series          []series
	Areas           []area
	Spans           []span
	Key             []key // what the numbers of the faults mean, below the plot
	Silent          []stretch
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

// stretch is a part of x.
type stretch struct{ From, To float64 }

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
	wide   = format{"wide", 840, 286, 62, 12, 22, 44, 10, 6}
	narrow = format{"narrow", 380, 256, 56, 10, 22, 44, 5, 5}
	small  = format{"small", 380, 144, 56, 10, 20, 26, 5, 4}
)

// Shapes of a drawing.
type (
	drawing struct {
		ID, Size, Title, Desc    string
		W, H                     float64
		Left, Right, Top, Bottom float64 // of the field
		XTicks, YTicks           []tick
		Low, High                string // seconds at the ends of the field, if x is time
		Shades                   []shade
		Begins                   string
		Areas, Lines             []path
		Dots                     []dot
		Texts                    []text
		Rules                    []rule
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
	labels, rows := p.labels(&x, p.Small)
	rise := labelHeight * float64(max(rows-1, 0))
	top, bottom := s.top+rise, s.height+rise-s.bottom
	y.from, y.to = bottom, top
	d := drawing{
		ID: p.ID + "-" + s.name, Size: s.name, Title: p.Title, Desc: p.describe(), W: s.width, H: s.height + rise,
		Left: x.from, Right: x.to, Top: top, Bottom: bottom,
		YTicks: y.ticks(s.yTicks), XTicks: x.ticks(s.xTicks), Shades: p.shades(&x, top, bottom), Begins: p.begins(&x, top, bottom),
	}
	if p.clock {
		d.XTicks = x.clockTicks(s.xTicks)
		d.Low, d.High = coordinate(x.low), coordinate(x.high)
	}
	if p.Small && rows == 0 {
		d.Begins = "" // so many that they would hide the rest
	}
	p.write(&d, labels)
	for _, g := range p.Silent {
		d.Rules = append(d.Rules, rule{x.at(g.From), bottom - 2.5, x.at(g.To), bottom - 2.5, "silent"})
	}
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

// write puts labels above the field, and names to the axes.
func (p *plot) write(d *drawing, labels []text) {
	for _, l := range labels {
		l.Y = d.Top - 6 - l.Y
		d.Texts = append(d.Texts, l)
	}
	if p.YName != "" {
		d.Texts = append(d.Texts, text{0, 11, p.YName, "axis", "start"})
	}
	if !p.Small {
		d.Texts = append(d.Texts, text{(d.Left + d.Right) / 2, d.H - 4, p.XName, "axis", "middle"})
	}
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
