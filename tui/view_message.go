package tui

import (
	"strconv"
	"strings"

	"tuitalk/client"
	"tuitalk/client/view"
)

// drawMessage draws a line of a message: time or mark, name, bar, text.
func (m *Model) drawMessage(g *Grid, p place, row view.Row, y int) {
	c := m.columns()
	lay := m.rowLayout(row)
	m.drawBar(g, c, row, lay, y)
	x, w := c.textX, c.textW
	if p.line == 0 {
		if c.inline {
			x, w = m.drawInlineName(g, c, row, y)
		} else {
			m.drawTime(g, c, p.row, row, y)
			m.drawName(g, c, row, y)
		}
	}
	if p.line >= len(lay.starts) {
		m.drawFailure(g, c, p.line-len(lay.starts), row, y)
		return
	}
	s := line(lay.text, lay.starts, p.line)
	m.drawStyled(g, x, y, w, s, int(lay.starts[p.line]), m.textStyles(row, lay))
}

// drawBar draws the line between name and text: it tells own messages and those
// that name the user.
func (m *Model) drawBar(g *Grid, c columns, row view.Row, lay *rowLayout, y int) {
	t := &m.theme
	bar, style := "│", t.Rule
	switch {
	case row.Own:
		bar, style = "┃", t.Own
	case lay.mention:
		bar, style = "┃", t.Mention
	}
	g.Text(c.barX, y, 1, bar, style)
}

// textStyles is the style of each byte of a message, asked in ascending order.
func (m *Model) textStyles(row view.Row, lay *rowLayout) func(at int) Style {
	t := &m.theme
	text := t.Text
	if row.Kind == view.RowPending || row.Kind == view.RowUnsent && row.Outgoing.Delivery != client.Fresh {
		text = t.Dim
	}
	links := lay.links
	find := finder{text: lay.text, search: &m.view.Search}
	return func(at int) Style {
		for len(links) > 0 && links[0].End <= at {
			links = links[1:]
		}
		style := text
		if len(links) > 0 && links[0].Start <= at {
			style = t.Link
			style.Link = lay.text[links[0].Start:links[0].End]
		}
		if find.covers(at) {
			style.FG, style.BG, style.Attr = t.Found.FG, t.Found.BG, style.Attr|t.Found.Attr
		}
		return style
	}
}

// finder tells which bytes of a text a search found, asked in ascending order.
type finder struct {
	text     string
	search   *view.Search
	from, to int
	done     bool
}

func (f *finder) covers(at int) bool {
	for !f.done && at >= f.to {
		var ok bool
		f.from, f.to, ok = f.search.Match(f.text, f.to)
		f.done = !ok
	}
	return !f.done && at >= f.from
}

// mark is what stands in the time's place for a message that is not stored.
func (m *Model) mark(row view.Row) (mark string, style Style) {
	t := &m.theme
	if row.Kind == view.RowPending {
		return "held…", t.Warn
	}
	if row.Kind != view.RowUnsent {
		return "", Style{}
	}
	switch row.Outgoing.Delivery {
	case client.Waiting:
		return "wait…", t.Warn
	case client.Accepted:
		return "held…", t.Warn
	case client.Failed:
		return "✗ " + strconv.Itoa(row.Number), t.Bad.with(Bold)
	}
	return "", Style{}
}

func (m *Model) drawTime(g *Grid, c columns, i int, row view.Row, y int) {
	if mark, style := m.mark(row); mark != "" {
		g.Text(c.timeX, y, 5, mark, style)
		return
	}
	var now string
	if row.Kind == view.RowUnsent {
		now = row.Outgoing.At.In(m.zone).Format("15:04")
	} else {
		now = m.clock(row.Entry)
	}
	if row.Follows {
		if prev := m.view.Rows.At(i - 1); prev.Entry != nil && m.clock(prev.Entry) == now {
			return
		}
	}
	g.Text(c.timeX, y, 5, now, m.theme.Dim)
}

// drawName draws the name at the right of its column, cut when it is long; a
// tag that tells it from another is never cut.
func (m *Model) drawName(g *Grid, c columns, row view.Row, y int) {
	if row.Follows {
		return
	}
	name, tag := m.author(row)
	who := m.rowAuthor(row)
	style := m.theme.Name(who.UUID)
	if row.Own {
		style = style.with(Bold)
	}
	name = clip(name, c.nameW-len(tag))
	x := c.nameX + max(c.nameW-textWidth(name)-len(tag), 0)
	x += g.Text(x, y, c.nameW, name, style)
	g.Text(x, y, c.nameX+c.nameW-x, tag, m.theme.Dim)
}

// drawInlineName draws mark and name before the text and is what is left.
func (m *Model) drawInlineName(g *Grid, c columns, row view.Row, y int) (x, w int) {
	if mark, style := m.mark(row); mark != "" {
		first, _, _ := firstCluster(mark)
		if first != "✗" {
			first = "…"
		}
		g.Text(0, y, 1, first, style)
	}
	if row.Follows {
		return c.textX, c.textW
	}
	w = m.inlineName(row)
	name, tag := m.author(row)
	name = clip(name, w-2-len(tag))
	used := g.Text(c.textX, y, w-2, name, m.theme.Name(m.rowAuthor(row).UUID).with(Bold))
	used += g.Text(c.textX+used, y, w-2-used, tag, m.theme.Dim)
	g.Text(c.textX+used, y, 1, ":", m.theme.Dim)
	return c.textX + w, c.textW - w
}

// clip cuts s to w cells and says so.
func clip(s string, w int) string {
	if textWidth(s) <= w {
		return s
	}
	var b strings.Builder
	for used := 0; s != ""; {
		cluster, rest, cells := firstCluster(s)
		if used += cells; used > w-1 {
			break
		}
		b.WriteString(cluster)
		s = rest
	}
	return b.String() + "…"
}

// drawFailure draws a line of what stands below an own message that was not
// taken: why, and last what to do.
func (m *Model) drawFailure(g *Grid, c columns, i int, row view.Row, y int) {
	text := failure(row)
	starts := wrap(text, c.textW, c.textW)
	if i < len(starts) {
		g.Text(c.textX, y, c.textW, line(text, starts, i), m.theme.Bad)
		return
	}
	id, used := row.Key.ID, 0
	for _, b := range [...]struct {
		text string
		ev   client.Event
	}{{"/retry", client.Retry{ID: id}}, {"/discard", client.Discard{ID: id}}} {
		label := b.text + " " + strconv.Itoa(row.Number)
		n := g.Text(c.textX+used, y, c.textW-used, label, m.theme.Link)
		g.hits = append(g.hits, hit{c.textX + used, y, n, func(*Model) []Effect { return []Effect{Do{b.ev}} }})
		used += n + 2
	}
}
