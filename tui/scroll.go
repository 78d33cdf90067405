package tui

import "tuitalk/client/view"

// scroll is what part of the log is on the screen: its end, or the place of one
// row. Rows in front of that one, and behind it, may come and go.
type scroll struct {
	follow bool
	key    view.RowKey // of a row that is on the screen
	line   int         // of that row
	y      int         // of that line on the screen
}

// place is a line of a row.
type place struct{ row, line int }

func (p place) after(q place) bool { return p.row > q.row || p.row == q.row && p.line > q.line }

// up and down move by lines and stop at the ends; moved is how far it went.
func (m *Model) up(p place, by int) (to place, moved int) {
	for moved < by {
		if p.line >= by-moved {
			p.line -= by - moved
			return p, by
		}
		if p.row == 0 {
			return place{}, moved + p.line
		}
		moved += p.line + 1
		p.row--
		p.line = m.height(p.row) - 1
	}
	return p, moved
}

func (m *Model) down(p place, by int) place {
	for by > 0 {
		rest := m.height(p.row) - 1 - p.line
		if by <= rest {
			p.line += by
			return p
		}
		if p.row == m.view.Rows.Len()-1 {
			p.line += rest
			return p
		}
		by -= rest + 1
		p.row, p.line = p.row+1, 0
	}
	return p
}

// end is the line at the top of the screen when the log's end is shown.
func (m *Model) end() place {
	last := m.view.Rows.Len() - 1
	p, _ := m.up(place{last, m.height(last) - 1}, m.layout().logH-1)
	return p
}

// top is the line at the top of the screen.
func (m *Model) top() place {
	end := m.end()
	if m.scroll.follow {
		return end
	}
	row := max(m.view.Rows.Index(m.scroll.key), 0)
	p, _ := m.up(place{row, min(m.scroll.line, m.height(row)-1)}, m.scroll.y)
	if p.after(end) {
		return end
	}
	return p
}

// show puts a line at the top of the screen.
func (m *Model) show(p place) {
	end := m.end()
	if m.scroll.follow = !end.after(p); m.scroll.follow {
		return
	}
	// Hold on to an entry: lines and folds may change when older ones come.
	y, h := 0, m.layout().logH
	hold, holdY := p, 0
	for at := p; y < h && at.row < m.view.Rows.Len(); at = (place{at.row + 1, 0}) {
		if m.view.Rows.At(at.row).Kind == view.RowEntry {
			hold, holdY = at, y
			break
		}
		y += m.height(at.row) - at.line
	}
	m.scroll.key, m.scroll.line, m.scroll.y = m.view.Rows.At(hold.row).Key, hold.line, holdY
}

// scrollBy moves the view, negative is up.
func (m *Model) scrollBy(lines int) {
	if lines < 0 {
		m.view.Scrolled()
		p, _ := m.up(m.top(), -lines)
		m.show(p)
		return
	}
	m.show(m.down(m.top(), lines))
}

// page is how far the page keys go: a screen less two lines to go on from.
func (m *Model) page() int { return max(m.layout().logH-2, 1) }

func (m *Model) toEnd() { m.scroll.follow = true }

// showRow brings row i on the screen, a third from the top.
func (m *Model) showRow(i int) {
	p, _ := m.up(place{row: i}, m.layout().logH/3)
	m.show(p)
}

// wantsOlder tells whether older history is to be loaded: the top of the log is
// less than one and a half screens away, and there is more.
func (m *Model) wantsOlder() bool {
	return m.view.WantsOlder(func() bool {
		want := m.layout().logH * 3 / 2
		_, above := m.up(m.top(), want)
		return above < want
	})
}
