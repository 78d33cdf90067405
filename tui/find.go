package tui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"tuitalk/client/view"
	"tuitalk/talk"
)

// find is a search in the shown log.
type find struct {
	text string // lower case; "": none
	at   view.RowKey
}

// search begins to look for a text, upwards from the end of the screen; without
// a text it goes on.
func (m *Model) search(text string) []Effect {
	text = strings.ToLower(strings.TrimSpace(text))
	if text != "" {
		m.find = find{text: text}
	}
	return m.findNext(-1)
}

// findNext shows the next older (-1) or newer (+1) place.
func (m *Model) findNext(by int) []Effect {
	if m.find.text == "" {
		m.say("/search <text> looks for a text.", false)
		return nil
	}
	from := m.rows.Index(m.find.at)
	if m.find.at == (view.RowKey{}) || from < 0 {
		from = m.down(m.top(), m.layout().logH-1).row - by
	}
	for i := from + by; i > 0 && i < m.rows.Len(); i += by {
		if row := m.rows.At(i); contains(rowText(row), m.find.text) {
			m.find.at = row.Key
			m.showRow(i)
			return nil
		}
	}
	switch {
	case by > 0:
		m.say("“"+m.find.text+"” comes no more further down.", false)
	case m.session.Complete():
		m.say("“"+m.find.text+"” comes no more further up.", false)
	default:
		m.say("“"+m.find.text+"” comes no more in what is loaded; /fetch 500 loads older messages.", false)
	}
	return nil
}

// rowText is what a search looks into.
func rowText(row view.Row) string {
	switch row.Kind {
	case view.RowEntry, view.RowPending:
		return row.Entry.Text
	case view.RowUnsent:
		return row.Outgoing.Text
	}
	return ""
}

func (m *Model) goUnread() []Effect {
	_, line := m.rows.Unread()
	if line == (view.RowKey{}) {
		m.say("There is nothing unread.", false)
		return nil
	}
	m.showRow(m.rows.Index(line))
	return nil
}

func contains(text, lower string) bool {
	_, _, ok := nextMatch(talk.CleanText(text), lower, 0)
	return ok
}

// nextMatch finds where text holds lower, which is in lower case, in any case,
// from byte at on.
func nextMatch(text, lower string, at int) (from, to int, ok bool) {
	first, _ := utf8.DecodeRuneInString(lower)
	for i := at; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if unicode.ToLower(r) == first {
			if to, ok := matchesAt(text, lower, i); ok {
				return i, to, true
			}
		}
		i += n
	}
	return 0, 0, false
}

func matchesAt(text, lower string, i int) (to int, ok bool) {
	for _, want := range lower {
		if i >= len(text) {
			return 0, false
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if unicode.ToLower(r) != want {
			return 0, false
		}
		i += n
	}
	return i, true
}
