package history

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"tuitalk/talk"
)

// CheckEntry tells whether a post can be stored. Every store asks it first, so
// that all refuse the same; the error wraps ErrBadEntry and holds nothing of
// the entry's text. The schema of each store refuses the same once more.
func CheckEntry(e *talk.Entry) error {
	switch {
	case e.Kind != talk.KindPosted:
		return fmt.Errorf("%w: kind %d is not a post", ErrBadEntry, e.Kind)
	case e.Author.IsZero():
		return fmt.Errorf("%w: it has no author", ErrBadEntry)
	case e.ID.IsZero():
		return fmt.Errorf("%w: it has no id", ErrBadEntry)
	case e.SentAt > math.MaxInt64:
		return fmt.Errorf("%w: the time it was sent is out of range", ErrBadEntry)
	}
	if err := checkString("name", e.Name, talk.MaxNameBytes); err != nil {
		return err
	}
	return checkString("text", e.Text, talk.MaxTextBytes)
}

// CheckMove tells whether a move can be applied, as CheckEntry does for posts.
func CheckMove(m *Move) error {
	switch {
	case m.Action > Rename:
		return fmt.Errorf("%w: action %d does not exist", ErrBadEntry, m.Action)
	case m.Key.UUID.IsZero() || m.Key.Session.IsZero():
		return fmt.Errorf("%w: it has no session", ErrBadEntry)
	case m.Action == Enter && m.Gateway.IsZero():
		return fmt.Errorf("%w: it has no gateway", ErrBadEntry)
	case m.Action != Break && m.EntryID.IsZero():
		return fmt.Errorf("%w: it has no id", ErrBadEntry)
	}
	return checkString("name", m.Name, talk.MaxNameBytes)
}

func checkString(what, s string, limit int) error {
	switch {
	case len(s) > limit:
		return fmt.Errorf("%w: the %s has more than %d bytes", ErrBadEntry, what, limit)
	case !utf8.ValidString(s):
		return fmt.Errorf("%w: the %s is not UTF-8", ErrBadEntry, what)
	case strings.IndexByte(s, 0) >= 0:
		return fmt.Errorf("%w: the %s contains NUL", ErrBadEntry, what)
	}
	return nil
}

// Writes reports whether the move can be what wrote an entry of this kind.
func (a Action) Writes(k talk.Kind) bool {
	switch a {
	case Enter:
		return k == talk.KindJoined || k == talk.KindRenamed
	case Leave:
		return k == talk.KindLeft
	case Rename:
		return k == talk.KindRenamed
	default:
		return false
	}
}
