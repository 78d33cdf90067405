package tui

import (
	"strings"

	"tuitalk/talk"
)

// name is how somebody is shown: the name, and a tag, which says when nothing
// proves that it is he, and when another looks like him.
func (m *Model) name(u talk.UUID, name string) (shown, tag string) {
	shown, tag = m.view.Name(u, name)
	if tag != "" {
		tag = "#" + tag
	}
	if !u.Proven() {
		tag = "?" + tag
	}
	return shown, tag
}

// mentions tells whether a text names the user, as a word of its own.
func mentions(text, name string) bool {
	if len(name) < 2 {
		return false
	}
	text, name = strings.ToLower(text), strings.ToLower(name)
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(name)
		before := strings.TrimRightFunc(text[:from], isWord)
		after := strings.TrimLeftFunc(text[to:], isWord)
		if len(before) == from && len(after) == len(text)-to {
			return true
		}
		at = to
	}
}
