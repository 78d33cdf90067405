package tui

import (
	"strconv"
	"unicode/utf8"

	"tuitalk/client"
)

// binding is a row of the table of keys.
type binding struct {
	keys []string // names as of Key.String
	show string   // the keys as the help shows them; "" leaves the row out
	does string
	run  func(*Model) []Effect
}

// edits makes a binding that only changes the editor.
func edits(keys []string, show, does string, f func(*Editor)) binding {
	return binding{keys, show, does, func(m *Model) []Effect {
		f(&m.edit)
		return nil
	}}
}

func does(keys []string, show, what string, f func(*Model)) binding {
	return binding{keys, show, what, func(m *Model) []Effect {
		f(m)
		return nil
	}}
}

// bindings is in the order in which the help shows it. It is filled once, in
// init, since the bindings lead to functions that read it.
var (
	bindings []binding
	byKey    = make(map[string]*binding)
)

func init() {
	bindings = append(writingKeys(), append(movingKeys(), otherKeys()...)...)
	for i := range bindings {
		for _, k := range bindings[i].keys {
			byKey[k] = &bindings[i]
		}
	}
}

func writingKeys() []binding {
	return []binding{
		{[]string{"Enter", "C-m"}, "Enter", "send", (*Model).submit},
		does([]string{"S-Enter", "M-Enter", "C-Enter", "C-j"}, "Alt+Enter  Ctrl+J", "new line", func(m *Model) { m.insert("\n") }),
		does([]string{"Tab", "C-i"}, "Tab", "complete a command, name or room", func(m *Model) { m.complete(+1) }),
		does([]string{"S-Tab"}, "", "", func(m *Model) { m.complete(-1) }),
		does([]string{"Up"}, "Up  Down", "line up or down, then older or newer input", func(m *Model) { m.vertical(-1) }),
		does([]string{"Down"}, "", "", func(m *Model) { m.vertical(+1) }),
		does([]string{"C-p"}, "Ctrl+P  Ctrl+N", "older, newer input", func(m *Model) { m.recall(-1) }),
		does([]string{"C-n"}, "", "", func(m *Model) { m.recall(+1) }),
		edits([]string{"Left", "C-b"}, "", "", (*Editor).Left),
		edits([]string{"Right", "C-f"}, "", "", (*Editor).Right),
		edits([]string{"C-Left", "M-Left", "M-b"}, "Ctrl+Left  Ctrl+Right", "word left, right", (*Editor).WordLeft),
		edits([]string{"C-Right", "M-Right", "M-f"}, "", "", (*Editor).WordRight),
		edits([]string{"Home", "C-a"}, "Home  End", "start, end of the line", (*Editor).Home),
		edits([]string{"End", "C-e"}, "", "", (*Editor).End),
		edits([]string{"M-<"}, "", "", (*Editor).Top),
		edits([]string{"M->"}, "", "", (*Editor).Bottom),
		edits([]string{"Backspace", "S-Backspace", "C-h"}, "", "", (*Editor).Backspace),
		edits([]string{"Delete"}, "", "", (*Editor).Delete),
		edits([]string{"C-w", "M-Backspace", "C-M-Backspace", "C-Backspace"}, "Ctrl+W  Alt+D", "cut the word before, behind", (*Editor).KillWordLeft),
		edits([]string{"M-d", "C-Delete", "M-Delete"}, "", "", (*Editor).KillWordRight),
		edits([]string{"C-u"}, "Ctrl+U  Ctrl+K", "cut to the start, the end of the line", (*Editor).KillToStart),
		edits([]string{"C-k"}, "", "", (*Editor).KillToEnd),
		does([]string{"C-y"}, "Ctrl+Y", "put in what was cut", func(m *Model) { m.checkRoom(m.edit.Yank()) }),
	}
}

func movingKeys() []binding {
	return []binding{
		does([]string{"PgUp", "S-PgUp"}, "PgUp  PgDn", "scroll by a screen", func(m *Model) { m.turn(-m.page()) }),
		does([]string{"PgDn", "S-PgDn"}, "", "", func(m *Model) { m.turn(+m.page()) }),
		does([]string{"S-Up", "C-Up"}, "Shift+Up  Shift+Down", "scroll by a line", func(m *Model) { m.turn(-1) }),
		does([]string{"S-Down", "C-Down"}, "", "", func(m *Model) { m.turn(+1) }),
		does([]string{"C-Home"}, "Ctrl+Home  Ctrl+End", "to the first, the newest message", func(m *Model) { m.view.Scrolled(); m.show(place{}) }),
		does([]string{"C-End"}, "", "", (*Model).toEnd),
		{[]string{"M-u"}, "Alt+U", "to the unread line", (*Model).goUnread},
		{[]string{"C-r"}, "Ctrl+R  Ctrl+S", "the older, newer place that /search finds", func(m *Model) []Effect { return m.findNext(-1) }},
		{[]string{"C-s"}, "", "", func(m *Model) []Effect { return m.findNext(+1) }},
		{[]string{"M-Up"}, "Alt+Up  Alt+Down", "the room before, behind, of those visited", func(m *Model) []Effect { return m.nextRoom(-1) }},
		{[]string{"M-Down"}, "", "", func(m *Model) []Effect { return m.nextRoom(+1) }},
	}
}

// anewKey is nobody's habit.
const anewKey = "F4"

func otherKeys() []binding {
	return []binding{
		does([]string{"F1", "M-h"}, "F1", "this help", (*Model).toggleHelp),
		does([]string{"F2", "M-m"}, "F2", "member list", (*Model).toggleMembers),
		{[]string{"F3"}, "F3", "give the mouse to the terminal, or take it", (*Model).toggleMouse},
		{[]string{anewKey}, anewKey, "begin as somebody new, where that is offered", (*Model).beginAnew},
		does([]string{"Esc"}, "Esc", "close what is open, end a search", (*Model).escape),
		{[]string{"C-l"}, "Ctrl+L", "draw the screen anew", func(*Model) []Effect { return []Effect{Repaint{}} }},
		{[]string{"C-z"}, "Ctrl+Z", "back to the shell for now (fg returns)", func(*Model) []Effect { return []Effect{Suspend{}} }},
		{[]string{"C-c"}, "Ctrl+C", "drop the input; quit when it is empty", (*Model).interrupt},
		{[]string{"C-d"}, "", "", (*Model).endOfInput},
	}
}

// key does what a key means here and now.
func (m *Model) key(k Key) []Effect {
	if m.pasting.on {
		m.pasting.take(k)
		return nil
	}
	name := k.String()
	if name != "Tab" && name != "S-Tab" && name != "C-i" && name != "Esc" {
		m.menu = menu{}
	}
	if name == "" {
		m.panel.help = false
		m.insert(string(k.Rune))
		return nil
	}
	if b := byKey[name]; b != nil {
		return b.run(m)
	}
	return nil
}

// insert types s at the cursor.
func (m *Model) insert(s string) {
	m.checkRoom(m.edit.Insert(s))
}

func (m *Model) checkRoom(fits bool) {
	if !fits {
		m.say("The input is full: it holds "+strconv.Itoa(maxInputBytes)+" bytes.", true)
	}
}

// pasting collects what comes between the start and the end of a paste.
type pasting struct {
	on   bool
	text []byte
	cr   bool // the last key was Enter: a line feed behind it belongs to it
}

// take keeps a key of a paste if it is text. Whatever else the terminal makes
// of pasted bytes, it is not a command.
func (p *pasting) take(k Key) {
	feed := k == Key{Rune: 'j', Mod: Ctrl}
	enter := k.Name == "Enter"
	switch {
	case len(p.text) > maxInputBytes: // enough to know that it is too long
	case enter || feed && !p.cr:
		p.text = append(p.text, '\n')
	case k.Name == "Tab":
		p.text = append(p.text, '\t')
	case k.Name == "" && k.Mod&Ctrl == 0:
		p.text = utf8.AppendRune(p.text, k.Rune)
	}
	p.cr = enter
}

func (m *Model) paste(on bool) {
	m.flushPaste()
	m.pasting.on, m.pasting.cr = on, false
}

// flushPaste puts what was pasted so far into the input.
func (m *Model) flushPaste() {
	if s := string(m.pasting.text); s != "" {
		m.pasting.text = m.pasting.text[:0]
		m.menu, m.panel.help = menu{}, false
		m.insert(s)
	}
}

// turn scrolls what is in front.
func (m *Model) turn(lines int) {
	if m.panel.help {
		m.panel.top = min(max(m.panel.top+lines, 0), max(len(m.helpLines())-m.layout().logH, 0))
		return
	}
	m.scrollBy(lines)
}

const wheelLines = 3

func (m *Model) wheel(ev Wheel) {
	a := m.layout()
	if ev.X >= a.sideX && ev.X < a.sideX+a.sideW && ev.Y >= a.logY && ev.Y < a.logY+a.logH && !m.panel.help {
		m.listTop = min(max(m.listTop+ev.By, 0), max(len(m.view.Members())-a.logH+2, 0))
		return
	}
	m.turn(ev.By * wheelLines)
}

func (m *Model) click(ev Click) []Effect {
	for _, h := range m.hits {
		if ev.Y == h.y && ev.X >= h.x && ev.X < h.x+h.w {
			return h.do(m)
		}
	}
	if a := m.layout(); ev.Y >= a.inputY && ev.Y < a.inputY+a.inputH {
		m.edit.moveTo(ev.Y-a.inputY+m.inputTop(a), ev.X-a.inputX, a.inputW)
	}
	return nil
}

func (m *Model) toggleHelp() { m.panel = panel{help: !m.panel.help} }

func (m *Model) toggleMembers() {
	if m.layout().sideW > 0 {
		m.members = membersHidden
	} else {
		m.members = membersShown
	}
}

func (m *Model) toggleMouse() []Effect {
	m.mouse = !m.mouse
	if m.mouse {
		m.say("The mouse scrolls and presses here. Shift or F3 lets you select text.", false)
	} else {
		m.say("The mouse belongs to the terminal: select and copy text. F3 takes it back.", false)
	}
	return []Effect{Capture{m.mouse}}
}

// escape closes one thing at a time.
func (m *Model) escape() {
	switch {
	case m.menu.open():
		m.edit.Restore(m.menu.text, m.menu.cursor)
		m.menu = menu{}
	case m.panel.help:
		m.panel = panel{}
	case m.members == membersShown && m.w < sideMinWidth:
		m.members = membersAuto
	case m.notice.text != "":
		m.notice = notice{}
	case m.view.Search.Text() != "":
		m.view.Search.End()
	default:
		m.toEnd()
	}
}

// interrupt is Ctrl+C: nothing that was written is lost by it.
func (m *Model) interrupt() []Effect {
	if m.edit.Text() == "" || m.quit {
		return m.leaveForGood()
	}
	m.view.Inputs.Add(m.edit.Text())
	m.edit.KillAll()
	m.say("The input was cut; Ctrl+Y brings it back. Ctrl+C once more quits.", false)
	return nil
}

func (m *Model) endOfInput() []Effect {
	if m.edit.Text() != "" {
		m.edit.Delete()
		return nil
	}
	return m.leaveForGood()
}

// leaveForGood quits; asked twice, it does not wait for anything.
func (m *Model) leaveForGood() []Effect {
	if m.quit {
		return []Effect{Exit{}}
	}
	m.quit = true
	return []Effect{Do{client.Quit{}}}
}

// nextRoom goes to another of the rooms that were visited, by number.
func (m *Model) nextRoom(by int) []Effect {
	best, found := m.view.Room(), false
	for _, r := range m.view.Rooms() {
		ahead := by > 0 && r > m.view.Room() || by < 0 && r < m.view.Room()
		nearer := !found || by > 0 && r < best || by < 0 && r > best
		if ahead && nearer {
			best, found = r, true
		}
	}
	if !found {
		m.say("There is no further room that you were in; /room <integer> goes to any.", false)
		return nil
	}
	return []Effect{Do{client.Join{Room: best}}}
}
