package tui

import (
	"strconv"
	"strings"

	"tuitalk/client"
	"tuitalk/client/view"
)

// View draws the state on g, which gets the size of the screen.
func (m *Model) View(g *Grid) {
	g.Reset(m.w, m.h, m.theme.Text)
	a := m.layout()
	if a.headH > 0 {
		m.drawHead(g)
	}
	switch {
	case m.panel.help:
		m.drawHelp(g, a)
	case a.sideW == m.w && a.sideW > 0:
		m.drawMembers(g, a)
	default:
		m.drawLog(g, a)
		if a.sideW > 0 {
			m.drawMembers(g, a)
		}
	}
	m.drawNotice(g, a)
	m.drawInput(g, a)
	if a.hintY >= 0 {
		m.drawHint(g, a)
	}
}

// piece is a part of a line in one style.
type piece struct {
	text  string
	style Style
}

func piecesWidth(ps []piece) int {
	n := 0
	for _, p := range ps {
		n += textWidth(p.text)
	}
	return n
}

func drawPieces(g *Grid, x, y, w int, ps []piece) int {
	used := 0
	for _, p := range ps {
		used += g.Text(x+used, y, w-used, p.text, p.style)
	}
	return used
}

// drawHead draws the room to the left, the user and the line to the right, and
// leaves out what there is no room for.
func (m *Model) drawHead(g *Grid) {
	t := &m.theme
	g.Fill(0, 0, g.W, 1, " ", t.Bar)
	room := piece{" room " + strconv.Itoa(int(m.view.Room())) + " ", t.Bar.with(Bold)}
	people := piece{"", t.BarDim}
	if n := m.session.MemberCount(); n > 0 {
		people.text = "· " + view.Plural(n, "person", "people") + " here "
	}
	brand := piece{" TuiTalk ·", t.BarDim}
	dot, state, style := m.lineState()
	right := []piece{{dot, style}, {" " + state + " ", t.Bar}}
	me := m.session.Me()
	name := piece{" " + view.ShowName(me.UUID, me.Username) + " ", Style{FG: m.theme.name(me.UUID), BG: t.Bar.BG, Attr: t.Bar.Attr | Bold}}
	for _, try := range [][2][]piece{
		{{brand, room, people}, append([]piece{name}, right...)},
		{{room, people}, append([]piece{name}, right...)},
		{{room}, append([]piece{name}, right...)},
		{{room}, right},
		{{room}, right[:1]},
		{{room}, nil},
	} {
		rightW := piecesWidth(try[1])
		if piecesWidth(try[0])+rightW > g.W && try[1] != nil {
			continue
		}
		used := drawPieces(g, 0, 0, g.W, try[0])
		g.hits = append(g.hits, hit{0, 0, used, func(m *Model) []Effect { m.toggleMembers(); return nil }})
		drawPieces(g, g.W-rightW, 0, rightW, try[1])
		return
	}
}

// lineState says in a word how the line is.
func (m *Model) lineState() (dot, state string, style Style) {
	t := &m.theme
	s := m.session.Status()
	on := func(st Style) Style { return Style{FG: st.FG, BG: t.Bar.BG, Attr: st.Attr | t.Bar.Attr} }
	switch s.Phase {
	case client.Connecting:
		return "○", "connecting", on(t.Warn)
	case client.Online, client.Resuming:
		return "●", "online", on(t.Good)
	case client.Reconnecting:
		return "○", "reconnecting since " + s.Since.In(m.zone).Format("15:04:05"), on(t.Warn)
	case client.Refused:
		return "✗", "refused", on(t.Bad)
	}
	return "○", "left", on(t.Warn)
}

// noticeShown is what stands above the input: what was said last, else why
// there is no line.
func (m *Model) noticeShown() (text string, style Style) {
	if m.notice.text != "" {
		if m.notice.bad {
			return m.notice.text, m.theme.Bad
		}
		return m.notice.text, m.theme.Good
	}
	s := m.session.Status()
	switch s.Phase {
	case client.Connecting, client.Reconnecting:
		if s.Reason != "" {
			return "No connection to " + oneLine(s.Server) + ": " + strings.TrimRight(oneLine(s.Reason), ".") + ". What you write waits here and goes out later.", m.theme.Warn
		}
	case client.Refused:
		return "The server refuses: " + strings.TrimRight(oneLine(s.Reason), ".") + ". " + anewOffer, m.theme.Bad
	}
	return "", Style{}
}

func (m *Model) drawNotice(g *Grid, a layout) {
	text, style := m.noticeShown()
	if text == "" {
		return
	}
	starts := wrap(text, g.W-2, g.W-2)
	for i := range a.noticeH {
		g.Text(1, a.noticeY+i, g.W-2, line(text, starts, i), style)
	}
}

func (m *Model) drawInput(g *Grid, a layout) {
	t := &m.theme
	g.Fill(0, a.inputY, g.W, a.inputH, " ", t.Input)
	if a.inputH == 0 {
		return
	}
	text, starts, top := m.edit.Text(), m.edit.Lines(a.inputW), m.inputTop(a)
	for i := range a.inputH {
		if top+i == 0 && a.inputX > 0 {
			g.Text(1, a.inputY, a.inputX-1, "❯", t.Prompt)
		}
		if top+i < len(starts) {
			g.Text(a.inputX, a.inputY+i, a.inputW, line(text, starts, top+i), t.Input)
		}
	}
	if text == "" && !m.pasting.on {
		hint := "Say something in room " + strconv.Itoa(int(m.view.Room()))
		g.Text(a.inputX, a.inputY, a.inputW, hint, Style{FG: t.Dim.FG, BG: t.Input.BG, Attr: t.Dim.Attr})
	}
	row, col := m.edit.Place(a.inputW)
	if !m.panel.help {
		g.CursorX, g.CursorY = min(a.inputX+min(col, a.inputW-1), g.W-1), a.inputY+row-top
	}
}

// drawMenu draws what Tab chooses from; the choice is always on the screen.
func (m *Model) drawMenu(g *Grid, y int) {
	c, w := &m.menu, g.W-2
	first, width := 0, 0
	for i := 0; i <= c.at; i++ {
		width += textWidth(menuLabel(c.candidates[i])) + 2
		for ; width-2 > w && first < c.at; first++ {
			width -= textWidth(menuLabel(c.candidates[first])) + 2
		}
	}
	x := 1
	for i := first; i < len(c.candidates) && x < g.W-1; i++ {
		style := m.theme.Dim
		if i == c.at {
			style = m.theme.Pill
		}
		x += g.Text(x, y, g.W-1-x, clip(menuLabel(c.candidates[i]), g.W-1-x), style) + 2
	}
}

func menuLabel(candidate string) string { return strings.TrimRight(candidate, " :") }

// drawHint draws the last line: what can be done here and now.
func (m *Model) drawHint(g *Grid, a layout) {
	if m.menu.open() {
		m.drawMenu(g, a.hintY)
		return
	}
	t := &m.theme
	x := 1
	right, style := m.counter()
	w := g.W - 2 - textWidth(right)
	for i, h := range m.hints() {
		need := textWidth(h[0]) + 1 + textWidth(h[1])
		if i > 0 {
			need += 3
		}
		if need > w {
			break
		}
		if i > 0 {
			x += g.Text(x, a.hintY, w, " · ", t.Rule)
		}
		x += g.Text(x, a.hintY, w, h[0], t.Text)
		x += g.Text(x, a.hintY, w, " "+h[1], t.Dim)
		w -= need
	}
	rightX := g.W - 1 - textWidth(right)
	g.Text(rightX, a.hintY, textWidth(right), right, style)
	if !m.scroll.follow {
		g.hits = append(g.hits, hit{rightX, a.hintY, textWidth(right), func(m *Model) []Effect { m.toEnd(); return nil }})
	}
}

// counter is what stands to the right of the hints: how many messages are new
// below the view, or how full a message is that comes near the limit.
func (m *Model) counter() (text string, style Style) {
	if n := m.view.Fresh(); !m.scroll.follow && n > 0 {
		return " ↓ " + strconv.Itoa(n) + " new ", m.theme.Pill
	}
	n, most := len(m.edit.Text()), m.session.Limits().TextBytes
	if n*5 < most*4 {
		return "", Style{}
	}
	style = m.theme.Warn
	if n > most {
		style = m.theme.Bad
	}
	return " " + strconv.Itoa(n) + "/" + strconv.Itoa(most) + " bytes", style
}

func (m *Model) hints() [][2]string {
	switch {
	case m.offersAnew():
		return [][2]string{{anewKey, "begin as somebody new"}, {"F1", "help"}, {"Ctrl+C", "quit"}}
	case m.panel.help:
		return [][2]string{{"Esc", "back"}, {"PgUp PgDn", "scroll"}}
	case m.view.Search.Text() != "":
		return [][2]string{{"Ctrl+R", "older"}, {"Ctrl+S", "newer"}, {"Esc", "ends the search for “" + m.view.Search.Text() + "”"}}
	case !m.scroll.follow:
		return [][2]string{{"Esc", "newest"}, {"PgUp PgDn", "scroll"}, {"Alt+U", "unread"}, {"F1", "help"}}
	case strings.Contains(m.edit.Text(), "\n"):
		return [][2]string{{"Enter", "send"}, {"Alt+Enter", "new line"}, {"Ctrl+U", "cut the line"}, {"F1", "help"}}
	}
	return [][2]string{{"Enter", "send"}, {"Alt+Enter", "new line"}, {"Tab", "complete"}, {"PgUp", "scroll"}, {"F1", "help"}, {"Ctrl+C", "quit"}}
}
