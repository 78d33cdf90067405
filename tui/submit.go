package tui

import (
	"strconv"

	"tuitalk/client"
	"tuitalk/client/view"
)

// maxPast is how many inputs are remembered.
const maxPast = 200

// past is what was entered before, for Up and Down.
type past struct {
	lines   []string
	at      int    // the one shown; len(lines): none, the input is new
	fresh   string // the new input, while an old one is shown
	fetched bool   // a /fetch is under way
}

// add remembers an input.
func (p *past) add(line string) {
	if n := len(p.lines); n == 0 || p.lines[n-1] != line {
		p.lines = append(p.lines, line)
	}
	if len(p.lines) > maxPast {
		p.lines = p.lines[1:]
	}
	p.leave()
}

// leave makes what is in the input a new input.
func (p *past) leave() { p.at, p.fresh = len(p.lines), "" }

// recall shows an older or newer input.
func (m *Model) recall(by int) {
	p := &m.past
	to := p.at + by
	if to < 0 || to > len(p.lines) {
		return
	}
	if p.at == len(p.lines) {
		p.fresh = m.edit.Text()
	}
	if p.at = to; to == len(p.lines) {
		m.edit.Set(p.fresh)
		return
	}
	m.edit.Set(p.lines[to])
}

// vertical moves by lines of the input, and beyond them through the past.
func (m *Model) vertical(by int) {
	if !m.edit.Vertical(by, m.layout().inputW) {
		m.recall(by)
	}
}

// submit does what the input says. The text stays when it is wrong.
func (m *Model) submit() []Effect {
	line := m.edit.Text()
	in, err := view.ParseInput(line)
	if err != nil {
		m.say(err.Error(), true)
		return nil
	}
	if p, ok := in.Event.(client.Post); ok && len(p.Text) > m.session.Limits().TextBytes {
		m.say("A message here has at most "+strconv.Itoa(m.session.Limits().TextBytes)+" bytes; this has "+strconv.Itoa(len(p.Text))+".", true)
		return nil
	}
	m.notice, m.panel = notice{}, panel{}
	effects, err := m.act(in)
	if err != nil {
		m.say(err.Error(), true)
		return nil
	}
	if in.Action != view.Nothing {
		m.past.add(line)
		m.sent = line
	}
	m.edit.Set("")
	return effects
}

func (m *Model) act(in view.Input) ([]Effect, error) {
	switch in.Action {
	case view.Act:
		return m.actEvent(in.Event), nil
	case view.ShowHelp:
		m.panel = panel{help: true}
	case view.ToggleList:
		m.toggleMembers()
	case view.Search:
		return m.search(in.Text), nil
	case view.GoUnread:
		return m.goUnread(), nil
	case view.RetryUnsent, view.DropUnsent:
		events, err := view.Unsent(in, m.session.Outbox())
		var effects []Effect
		for _, ev := range events {
			effects = append(effects, Do{ev})
		}
		return effects, err
	case view.Leave:
		return m.leaveForGood(), nil
	}
	return nil, nil
}

func (m *Model) actEvent(ev client.Event) []Effect {
	switch ev := ev.(type) {
	case client.Post:
		m.toEnd()
	case client.Clear:
		m.toEnd()
		m.scroll.cleared = true
	case client.FetchOlder:
		if m.session.Complete() {
			m.say("This room has nothing older.", false)
			return nil
		}
		m.past.fetched = true
	case client.Join:
		if ev.Room == m.room {
			m.say("You are in room "+strconv.Itoa(int(m.room))+" already.", false)
			return nil
		}
	}
	return []Effect{Do{ev}}
}

// takeBack returns what the driver did not take to the input.
func (m *Model) takeBack() {
	if m.sent != "" && m.edit.Text() == "" {
		m.edit.Set(m.sent)
	}
	m.past.fetched = false
}

// menu is a completion that is being chosen.
type menu struct {
	text       string // the input before it
	cursor     int
	start      int // of the word that is completed
	candidates []string
	at         int
}

func (c *menu) open() bool { return len(c.candidates) > 0 }

// complete puts in the next candidate, or the one before.
func (m *Model) complete(by int) {
	c := &m.menu
	if !c.open() {
		start, candidates := view.Complete(m.edit.Text(), m.edit.Cursor(), m.words())
		if len(candidates) == 0 {
			return
		}
		*c = menu{m.edit.Text(), m.edit.Cursor(), start, candidates, 0}
		if by < 0 {
			c.at = len(candidates) - 1
		}
	} else {
		c.at = (c.at + by + len(c.candidates)) % len(c.candidates)
	}
	put := c.candidates[c.at]
	m.edit.Restore(c.text[:c.start]+put+c.text[c.cursor:], c.start+len(put))
	if len(c.candidates) == 1 {
		m.menu = menu{}
	}
}

func (m *Model) words() view.Words {
	w := view.Words{Rooms: m.rooms}
	for _, p := range m.people {
		w.Names = append(w.Names, p.Username)
	}
	return w
}
