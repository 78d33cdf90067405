package app

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/talk"
)

// search is what was looked for, and the last place found.
type search struct {
	text  string // folded
	seq   int64  // the search goes on before this one
	found view.RowKey
}

// find shows the newest entry with a text, or the next older one.
func (a *App) find(text string) error {
	s := &a.search
	if text = strings.ToLower(strings.TrimSpace(text)); text != "" {
		*s = search{text: text}
	}
	if s.text == "" {
		return errors.New("/search: needs a text, as in /search hello")
	}
	log := a.session.Log()
	for i := log.Len() - 1; i >= 0; i-- {
		e := log.At(i)
		if s.seq != 0 && e.Seq >= s.seq || e.Kind != talk.KindPosted || !contains(e.Text, s.text) {
			continue
		}
		s.seq = e.Seq
		s.found = view.RowKey{Kind: view.RowEntry, Seq: e.Seq}
		a.window.goTo(a.rows.Index(s.found), s.found)
		a.stale |= partRows
		return nil
	}
	if s.seq != 0 {
		return errors.New("nothing older has it; /fetch loads more of the log")
	}
	return errors.New("nothing in the loaded log has it; /fetch loads more")
}

// contains looks for a lower-case text, without copying what is plain ASCII.
func contains(text, lower string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] >= utf8.RuneSelf {
			return strings.Contains(strings.ToLower(text), lower)
		}
	}
	for i := 0; i+len(lower) <= len(text); i++ {
		if equalFold(text[i:i+len(lower)], lower) {
			return true
		}
	}
	return false
}

func equalFold(text, lower string) bool {
	for i := 0; i < len(lower); i++ {
		c := text[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// unsent carries out /retry and /discard.
func (a *App) unsent(now time.Time, line view.Input) error {
	events, err := view.Unsent(line, a.session.Outbox())
	if err != nil {
		return err
	}
	for _, ev := range events {
		a.Drive(now, ev)
	}
	return nil
}

func (a *App) retry(now time.Time, arg string) {
	if id, err := talk.ParseUUID(arg); err == nil {
		a.Drive(now, client.Retry{ID: id})
	}
}

func (a *App) discard(now time.Time, arg string) {
	if id, err := talk.ParseUUID(arg); err == nil {
		a.Drive(now, client.Discard{ID: id})
	}
}
