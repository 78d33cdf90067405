package tui

// Sizes of the screen from which on there is room for something.
const (
	sideMinWidth  = 72 // the member list beside the log
	sideWidth     = 21
	wideMinWidth  = 50 // times and names in columns of their own
	hintMinHeight = 9
	headMinHeight = 3
)

// layout is how the screen is divided.
type layout struct {
	headH            int
	logY, logW, logH int
	sideX, sideW     int // the member list; sideW 0: none
	noticeY, noticeH int
	inputY, inputH   int
	inputX, inputW   int
	hintY            int // -1: none
}

// layout divides the screen. The log gets what is left, at least one line if
// there is one.
func (m *Model) layout() layout {
	a := layout{hintY: -1, logW: m.w}
	left := m.h
	take := func(n int) int {
		n = max(min(n, left), 0)
		left -= n
		return n
	}
	a.inputX = min(3, max(m.w-4, 0))
	a.inputW = max(m.w-a.inputX-1, 2)
	a.inputH = take(min(len(m.edit.Lines(a.inputW)), max(m.h/3, 1)))
	if m.h >= headMinHeight {
		a.headH = take(1)
	}
	if m.h >= hintMinHeight {
		a.hintY = m.h - take(1)
	}
	if text, _ := m.noticeShown(); text != "" && left > 1 {
		a.noticeH = take(min(len(wrap(text, m.w-2, m.w-2)), max(m.h/5, 1), left-1))
	}
	a.logY, a.logH = a.headH, left
	a.noticeY = a.logY + a.logH
	a.inputY = a.noticeY + a.noticeH
	a.sideX, a.sideW = m.side()
	if a.sideX > 0 {
		a.logW = a.sideX
	}
	return a
}

// side is where the member list is: beside the log, or, when there is no room,
// over it.
func (m *Model) side() (x, w int) {
	switch {
	case m.members == membersHidden:
	case m.w >= sideMinWidth:
		return m.w - sideWidth, sideWidth
	case m.members == membersShown:
		return 0, m.w
	}
	return 0, 0
}

// inputTop is the first line of the input that is shown: the cursor's line is
// always among them.
func (m *Model) inputTop(a layout) int {
	row, _ := m.edit.Place(a.inputW)
	return max(row-a.inputH+1, 0)
}

// columns is how a line of the log is divided.
type columns struct {
	inline       bool // the name stands before the text
	timeX        int
	nameX, nameW int
	barX         int
	textX, textW int
}

func (m *Model) columns() columns {
	w := m.w
	if x, _ := m.side(); x > 0 {
		w = x
	}
	if w < wideMinWidth {
		return columns{inline: true, textX: 2, textW: max(w-3, 1)}
	}
	c := columns{timeX: 1, nameX: 7, nameW: 10}
	switch {
	case w >= 100:
		c.nameW = 16
	case w >= 70:
		c.nameW = 12
	}
	c.barX = c.nameX + c.nameW + 1
	c.textX = c.barX + 2
	c.textW = w - c.textX - 1
	return c
}
