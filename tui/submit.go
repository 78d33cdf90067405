package tui

import (
	"tuitalk/client"
	"tuitalk/client/view"
)

// recall shows an older or newer input.
func (m *Model) recall(by int) {
	if line, ok := m.view.Inputs.Move(by, m.edit.Text()); ok {
		m.edit.Set(line)
	}
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
	in, err := m.view.Submit(line)
	if err != nil {
		m.say(err.Error(), true)
		return nil
	}
	m.notice, m.panel = notice{}, panel{}
	if in.Action != view.Nothing {
		m.sent = line
	}
	m.edit.Set("")
	return m.act(in)
}

func (m *Model) act(in view.Input) (effects []Effect) {
	switch in.Action {
	case view.Act:
		for _, ev := range in.Events {
			m.prepare(ev)
			effects = append(effects, Do{ev})
		}
	case view.ShowHelp:
		m.panel = panel{help: true}
	case view.ToggleMembers:
		m.toggleMembers()
	case view.FindText:
		m.search(in.Text)
	case view.GoUnread:
		return m.goUnread()
	case view.Tell:
		m.say(in.Text, false)
	case view.Leave:
		return m.leaveForGood()
	}
	return effects
}

// prepare readies the screen for what the user wants done.
func (m *Model) prepare(ev client.Event) {
	switch ev.(type) {
	case client.Post, client.Clear:
		m.toEnd()
	}
}

// takeBack returns what the driver did not take to the input.
func (m *Model) takeBack() {
	if m.sent != "" && m.edit.Text() == "" {
		m.edit.Set(m.sent)
	}
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
		start, candidates := m.view.Complete(m.edit.Text(), m.edit.Cursor())
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
