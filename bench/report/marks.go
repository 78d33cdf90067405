package report

import "strings"

// span is a stretch of x that is marked.
type span struct {
	From, To float64
	Label    string // if there is space for those of all
	Short    string // else
	Class    string // fault, fault missed, outside
}

// outside marks what is no fault, and is less important.
const outsideClass = "outside"

// shade is all spans of one class in a drawing.
type shade struct{ Class, D string }

// shades fill the spans, each at least two units wide.
func (p *plot) shades(x *axis, top, bottom float64) (all []shade) {
	for _, sp := range p.Spans {
		from := x.at(sp.From)
		width := max(x.at(sp.To)-from, 2)
		from = min(from, x.to-2)
		d := "M" + coordinate(from) + " " + coordinate(top) + "h" + coordinate(min(width, x.to-from)) + "V" + coordinate(bottom) + "H" + coordinate(from) + "z"
		if n := len(all) - 1; n >= 0 && all[n].Class == sp.Class {
			all[n].D += d
			continue
		}
		all = append(all, shade{sp.Class, d})
	}
	return all
}

// begins are lines at which faults begin, for what lies above the shades.
func (p *plot) begins(x *axis, top, bottom float64) string {
	var b strings.Builder
	for _, sp := range p.Spans {
		if sp.Class != outsideClass {
			b.WriteString("M" + coordinate(x.at(sp.From)) + " " + coordinate(top) + "V" + coordinate(bottom))
		}
	}
	return b.String()
}

// Rows of labels above the field, the lowest first.
const (
	mostLabelRows = 2
	labelHeight   = 13
)

// labels are put above the field where there is space, the long ones if all of
// them find it. A small drawing has those of all faults or none. Their Y counts
// upwards from the field.
func (p *plot) labels(x *axis, isSmall bool) (all []text, rows int) {
	if !isSmall {
		if all, rows, whole := p.place(x, mostLabelRows, func(s *span) string { return s.Label }); whole {
			return all, rows
		}
	}
	most := mostLabelRows
	if isSmall {
		most = 1
	}
	all, rows, whole := p.place(x, most, func(s *span) string { return s.Short })
	if isSmall && !whole {
		return nil, 0
	}
	return all, rows
}

// place puts each label into the lowest row in which it hits no other. Whole says
// that each fault has its own.
func (p *plot) place(x *axis, most int, of func(*span) string) (all []text, rows int, whole bool) {
	whole = true
	for _, faults := range []bool{true, false} {
		for i := range p.Spans {
			sp := &p.Spans[i]
			label := of(sp)
			if label == "" || (sp.Class != outsideClass) != faults {
				continue
			}
			at := max(min(x.at(sp.From)+1, x.to-textWidth(label)), 0)
			row := freeRow(all, at, at+textWidth(label), most)
			if row < 0 {
				whole = whole && !faults
				continue
			}
			all = append(all, text{X: at, Y: float64(row) * labelHeight, Text: label, Class: "mark " + sp.Class, Anchor: "start"})
			rows = max(rows, row+1)
		}
	}
	return all, rows, whole
}

// freeRow is the lowest row in which nothing stands between from and to; -1: none.
func freeRow(all []text, from, to float64, most int) int {
	const gap = 4
	for row := range most {
		free := true
		for _, t := range all {
			hits := t.Y == float64(row)*labelHeight && t.X < to+gap && t.X+textWidth(t.Text)+gap > from
			free = free && !hits
		}
		if free {
			return row
		}
	}
	return -1
}

// key tells which fault a number is, and when it was.
type key struct {
	Number, What, When string
	From, To           float64 // seconds since the measured time began
}

// keys are those of all faults among spans.
func keys(spans []span) (all []key) {
	for _, sp := range spans {
		if sp.Class == outsideClass {
			continue
		}
		what := strings.TrimPrefix(sp.Label, sp.Short+" ")
		all = append(all, key{sp.Short, what, since(sp.From) + "–" + since(sp.To), sp.From, sp.To})
	}
	return all
}
