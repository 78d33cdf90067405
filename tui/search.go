package tui

import "tuitalk/client/view"

// search begins to look for a text, upwards from the end of the screen; without
// a text it goes on.
func (m *Model) search(text string) {
	m.showFound(m.view.Find(text, m.bottomRow()))
}

// findNext shows the next older (-1) or newer (+1) place.
func (m *Model) findNext(by int) []Effect {
	m.showFound(m.view.FindNext(by, m.bottomRow()))
	return nil
}

func (m *Model) showFound(row int, say string) {
	if row < 0 {
		m.say(say, false)
		return
	}
	m.showRow(row)
}

// bottomRow is the last row on the screen.
func (m *Model) bottomRow() int { return m.down(m.top(), m.layout().logH-1).row }

func (m *Model) goUnread() []Effect {
	row := m.view.UnreadRow()
	if row < 0 {
		m.say(view.NothingUnread, false)
		return nil
	}
	m.showRow(row)
	return nil
}
