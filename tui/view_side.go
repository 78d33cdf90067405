package tui

import (
	"strconv"
	"strings"

	"tuitalk/client/view"
	"tuitalk/talk"
)

// drawMembers draws who is here, the user first.
func (m *Model) drawMembers(g *Grid, a layout) {
	t := &m.theme
	x, w := a.sideX+2, a.sideW-3
	for y := a.logY; y < a.logY+a.logH; y++ {
		if a.sideX > 0 {
			g.Text(a.sideX, y, 1, "│", t.Rule)
		}
	}
	if a.logH == 0 {
		return
	}
	if n := m.session.MemberCount(); n > 0 {
		g.Text(x, a.logY, w, view.Plural(n, "person", "people")+" here", t.Strong)
	}
	people := m.view.Members()
	top := min(m.listTop, max(len(people)-1, 0))
	y, end := a.logY+1, a.logY+a.logH
	for i := top; i < len(people) && y < end; i++ {
		if hidden := m.session.MemberCount() - i; y == end-1 && (hidden > 1) {
			break
		}
		m.drawMember(g, people[i], x, y, w)
		y++
	}
	shown := y - a.logY - 1 + top
	if more := m.session.MemberCount() - shown; more > 0 && y < end {
		g.Text(x, y, w, "and "+strconv.Itoa(more)+" more", t.Dim)
	}
}

func (m *Model) drawMember(g *Grid, p talk.Member, x, y, w int) {
	t := &m.theme
	name, tag := m.name(p.UUID, p.Username)
	me := p.UUID == m.session.Me().UUID
	extra := tag
	style := t.Name(p.UUID)
	if me {
		extra += " you"
		style = style.with(Bold)
	}
	used := g.Text(x, y, w, clip(name, w-textWidth(extra)), style)
	g.Text(x+used, y, w-used, extra, t.Dim)
	if !me {
		g.hits = append(g.hits, hit{x, y, used, func(m *Model) []Effect { m.address(name); return nil }})
	}
}

// address begins to speak to somebody.
func (m *Model) address(name string) {
	if m.edit.Text() == "" {
		m.insert(name + ": ")
		return
	}
	m.insert(name + " ")
}

// helpLine is a line of the help: what and what it does, or a heading.
type helpLine struct {
	what, does string
	heading    bool
}

// helpColumn is where the explanations begin, on a wide screen.
const helpColumn = 25

// helpText is the help before it is wrapped, made of the tables of commands
// and keys.
func (m *Model) helpText() []helpLine {
	lines := []helpLine{{"Commands", "", true}}
	for _, c := range view.Commands() {
		lines = append(lines, helpLine{what: strings.TrimRight(c.Name+" "+c.Args, " "), does: c.Help})
	}
	lines = append(lines, helpLine{what: "//text", does: "say a text that begins with /"}, helpLine{}, helpLine{"Keys", "", true})
	for _, b := range bindings {
		if b.show != "" {
			lines = append(lines, helpLine{what: b.show, does: b.does})
		}
	}
	return append(lines, helpLine{}, helpLine{"Marks", "", true},
		helpLine{what: "wait…", does: "your message is not stored yet; it is kept, also over a restart"},
		helpLine{what: "held…", does: "with the servers, but not in the room's log yet; it is kept here, too"},
		helpLine{what: "✗ 1", does: "not sent: /retry 1 sends it again, /discard 1 throws it away"},
		helpLine{what: "name#1f2e", does: "somebody else's name looks like this one"},
		helpLine{what: "name?", does: "nothing proves who that is: with a simpler client anybody can say to be this user"},
		helpLine{}, helpLine{"TuiTalk " + m.version, "", true})
}

// helpLines is the help in lines of the screen's width.
func (m *Model) helpLines() []helpLine {
	narrow := m.w < 2*helpColumn
	width := m.w - helpColumn - 1
	if narrow {
		width = m.w - 5
	}
	var lines []helpLine
	for _, l := range m.helpText() {
		if l.heading || l.what == "" {
			lines = append(lines, l)
			continue
		}
		if narrow {
			lines = append(lines, helpLine{what: l.what})
		}
		starts := wrap(l.does, width, width)
		for i := range starts {
			next := helpLine{does: line(l.does, starts, i)}
			if i == 0 && !narrow {
				next.what = l.what
			}
			lines = append(lines, next)
		}
	}
	return lines
}

func (m *Model) drawHelp(g *Grid, a layout) {
	t := &m.theme
	lines := m.helpLines()
	top := min(m.panel.top, max(len(lines)-a.logH, 0))
	x := helpColumn
	if m.w < 2*helpColumn {
		x = 4
	}
	for i := range min(a.logH, len(lines)-top) {
		l, y := lines[top+i], a.logY+i
		style := t.Own
		if l.heading {
			style = t.Strong
		}
		g.Text(2, y, g.W-3, l.what, style)
		g.Text(x, y, g.W-x-1, l.does, t.Text)
	}
}
