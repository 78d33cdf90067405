package tui

import (
	"strconv"
	"strings"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/talk"
)

// oneLine cleans what others said, for a place that has one line.
func oneLine(s string) string { return strings.ReplaceAll(talk.CleanText(s), "\n", " ") }

func (m *Model) drawLog(g *Grid, a layout) {
	p := m.top()
	// A short log stands at the bottom, beside the input.
	y := a.logY + a.logH - m.linesFrom(p, a.logH)
	for y < a.logY+a.logH && p.row < m.view.Rows.Len() {
		row := m.view.Rows.At(p.row)
		for h := m.height(p.row); p.line < h && y < a.logY+a.logH; p.line++ {
			m.drawRow(g, a, p, row, y)
			y++
		}
		p = place{row: p.row + 1}
	}
	if text, style := m.counter(); a.hintY < 0 && !m.scroll.follow && text != "" {
		x := max(a.logW-textWidth(text), 0)
		g.Text(x, a.logY+a.logH-1, a.logW-x, text, style)
	}
}

// linesFrom counts the lines from p to the log's end, at most most.
func (m *Model) linesFrom(p place, most int) int {
	n := m.height(p.row) - p.line
	for i := p.row + 1; i < m.view.Rows.Len() && n < most; i++ {
		n += m.height(i)
	}
	return min(n, most)
}

// drawRow draws one line of a row.
func (m *Model) drawRow(g *Grid, a layout, p place, row view.Row, y int) {
	t := &m.theme
	switch row.Kind {
	case view.RowHead:
		m.drawDivider(g, a, y, m.headText(), " ", t.Dim, t.Dim)
	case view.RowDay:
		m.drawDivider(g, a, y, view.DayLabel(row.Day), "─", t.Rule, t.Dim)
	case view.RowGap:
		m.drawDivider(g, a, y, view.Plural(row.Count, "entry is", "entries are")+" not loaded here", "·", t.Rule, t.Dim)
	case view.RowUnread:
		m.drawDivider(g, a, y, "unread", "─", t.Unread, t.Unread.with(Bold))
	case view.RowFold:
		m.drawFold(g, p, row, y)
	default:
		m.drawMessage(g, p, row, y)
	}
}

// headText says what is above the first entry.
func (m *Model) headText() string {
	switch m.view.Top() {
	case view.TopLoading:
		return "loading older messages …"
	case view.TopBegins:
		return "this is where room " + strconv.Itoa(int(m.view.Room())) + " begins"
	case view.TopEmpty:
		return "nobody has said anything here yet"
	case view.TopCleared:
		return "the log was cleared; /fetch <integer> brings it back"
	case view.TopMore:
		return "↑ older messages"
	}
	if m.session.Status().Phase == client.Connecting {
		return ""
	}
	return "older messages come when the connection is back"
}

func (m *Model) drawDivider(g *Grid, a layout, y int, text, rule string, ruleStyle, style Style) {
	text = " " + text + " "
	w := min(textWidth(text), a.logW)
	x := (a.logW - w) / 2
	g.Fill(1, y, max(a.logW-2, 0), 1, rule, ruleStyle)
	g.Text(x, y, w, text, style)
}

func (m *Model) drawFold(g *Grid, p place, row view.Row, y int) {
	c, t := m.columns(), &m.theme
	lay := m.rowLayout(row)
	if !c.inline {
		if p.line == 0 {
			g.Text(c.timeX, y, 5, m.clock(row.Entry), t.Dim)
		}
		g.Text(c.barX, y, 1, "·", t.Rule)
	} else if p.line == 0 {
		g.Text(0, y, 1, "·", t.Rule)
	}
	from := int(lay.starts[p.line])
	s := line(lay.text, lay.starts, p.line)
	m.drawStyled(g, c.textX, y, c.textW, s, from, func(at int) Style {
		for _, span := range lay.spans {
			if at < len(span.Text) {
				if !span.User.IsZero() {
					return t.Name(span.User)
				}
				break
			}
			at -= len(span.Text)
		}
		return t.Dim.with(Italic)
	})
}

func (m *Model) clock(e *talk.Entry) string { return view.SaidAt(e, m.zone).Format("15:04") }

// drawStyled draws s, whose first byte is byte from of its text, asking for the
// style of each cluster.
func (m *Model) drawStyled(g *Grid, x, y, w int, s string, from int, style func(at int) Style) {
	used := 0
	for at := from; s != "" && used < w; {
		cluster, rest, _ := firstCluster(s)
		used += g.Text(x+used, y, w-used, cluster, style(at))
		at += len(cluster)
		s = rest
	}
}
