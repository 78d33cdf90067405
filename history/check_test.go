package history

import (
	"errors"
	"strings"
	"testing"

	"tuitalk/talk"
)

var someone = talk.UUID{1}

func TestCheckEntry(t *testing.T) {
	long := strings.Repeat("é", talk.MaxTextBytes/2)
	for _, test := range []struct {
		name  string
		spoil func(*talk.Entry)
		good  bool
	}{
		{"plain", func(*talk.Entry) {}, true},
		{"empty", func(e *talk.Entry) { e.Text, e.Name = "", "" }, true},
		{"largest", func(e *talk.Entry) { e.Text, e.Name = long, long[:talk.MaxNameBytes] }, true},
		{"controls", func(e *talk.Entry) { e.Text = "\x01\x1b\x7f\ufeff\uffff" }, true},
		{"long text", func(e *talk.Entry) { e.Text = long + "x" }, false},
		{"long name", func(e *talk.Entry) { e.Name = long[:talk.MaxNameBytes+2] }, false},
		{"NUL", func(e *talk.Entry) { e.Text = "\x00" }, false},
		{"not UTF-8", func(e *talk.Entry) { e.Name = "\x80" }, false},
		{"join", func(e *talk.Entry) { e.Kind = talk.KindJoined }, false},
		{"no id", func(e *talk.Entry) { e.ID = talk.UUID{} }, false},
		{"no author", func(e *talk.Entry) { e.Author = talk.UUID{} }, false},
		{"time", func(e *talk.Entry) { e.SentAt = 1 << 63 }, false},
	} {
		e := talk.Entry{Kind: talk.KindPosted, Author: someone, ID: someone, Name: "ada", Text: "secret"}
		test.spoil(&e)
		err := CheckEntry(&e)
		if (err == nil) != test.good || (err != nil && !errors.Is(err, ErrBadEntry)) {
			t.Errorf("%s: %v", test.name, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the text: %v", test.name, err)
		}
	}
}

func TestCheckMove(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(*Move)
		good  bool
	}{
		{"enter", func(*Move) {}, true},
		{"break without an id", func(m *Move) { m.Action, m.EntryID, m.Gateway = Break, talk.UUID{}, talk.UUID{} }, true},
		{"leave without a gateway", func(m *Move) { m.Action, m.Gateway = Leave, talk.UUID{} }, true},
		{"leave without an id", func(m *Move) { m.Action, m.EntryID = Leave, talk.UUID{} }, false},
		{"no gateway", func(m *Move) { m.Gateway = talk.UUID{} }, false},
		{"no user", func(m *Move) { m.Key.UUID = talk.UUID{} }, false},
		{"no session", func(m *Move) { m.Key.Session = talk.UUID{} }, false},
		{"no such action", func(m *Move) { m.Action = Rename + 1 }, false},
		{"NUL", func(m *Move) { m.Name = "\x00" }, false},
	} {
		m := Move{Action: Enter, Key: SessionKey{UUID: someone, Session: someone}, Gateway: someone, Name: "ada", EntryID: someone}
		test.spoil(&m)
		if err := CheckMove(&m); (err == nil) != test.good || (err != nil && !errors.Is(err, ErrBadEntry)) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
