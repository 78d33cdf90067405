package client

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"tuitalk/talk"
)

// ErrDamaged says that something stored could not be read. It was put aside,
// and what could be read is in use.
var ErrDamaged = errors.New("stored data is damaged")

// A state is stored as lines, each of them a message of the protocol in its
// extended form:
//
//	Hello        secret and the session's id
//	JoinRoom     name and room
//	PostMessage  once for each entry of the outbox, in order
//
// stateFormat stands where a Hello names its program.
const stateFormat = "tuitalk-state-2"

// oldStateFormat had a uuid and a token in place of the secret. Nobody can be
// that user again, but what he left unsent is not lost.
const oldStateFormat = "tuitalk-state-1"

// uuid is who the user is; zero: that is not decided.
func (st *State) uuid() talk.UUID {
	if st.Secret.IsZero() {
		return talk.UUID{}
	}
	return st.Secret.UUID()
}

func encodeState(st State) []byte {
	line := func(dst []byte, m talk.Message) []byte { return append(appendLine(dst, m), '\n') }
	dst := line(nil, talk.Hello{Client: stateFormat, Secret: st.Secret, Session: st.Session})
	dst = line(dst, talk.JoinRoom{RoomID: st.Room, UUID: st.uuid(), Username: st.Name})
	for _, e := range st.Outbox {
		dst = line(dst, talk.Entry{
			Kind: talk.KindPosted, RoomID: e.RoomID, Author: e.Author, Name: st.Name,
			Text: e.Text, ID: e.ID, UnixTime: uint64(max(0, e.At.Unix())),
		})
	}
	return dst
}

// decodeState reads what encodeState wrote. What is readable of damaged data
// comes with the error.
func decodeState(data []byte) (st State, err error) {
	n := 0
	for line := range bytes.Lines(data) {
		n++
		m, bad := decodeLine(bytes.TrimRight(line, "\n"))
		if bad == nil {
			bad = st.take(n, m)
		}
		if bad != nil && err == nil {
			err = bad
		}
	}
	if n < 2 && err == nil {
		err = ErrDamaged
	}
	return st, err
}

// take adds what line n says.
func (st *State) take(n int, m talk.Message) error {
	switch m := m.(type) {
	case talk.Hello:
		if n == 1 && (m.Client == stateFormat || m.Client == oldStateFormat) {
			st.Secret, st.Session = m.Secret, m.Session
			return nil
		}
	case talk.JoinRoom:
		if n == 2 {
			st.Name, st.Room = m.Username, m.RoomID
			return nil
		}
	case talk.Entry:
		if m.Kind == talk.KindPosted && !m.ID.IsZero() && m.Text != "" {
			st.Outbox = append(st.Outbox, OutboxEntry{
				ID: m.ID, RoomID: m.RoomID, Text: m.Text, At: time.Unix(int64(m.UnixTime), 0), Author: m.Author,
			})
			return nil
		}
	}
	return ErrDamaged
}

// settleIdentity decides who a window is, given what it kept and what all of
// the user's windows share. What is unsent under an identity must be sent under
// it: under another it would be another message, and might be said twice.
func settleIdentity(window, shared State) State {
	if shared.Secret.IsZero() || len(window.Outbox) > 0 && !window.Secret.IsZero() {
		return window
	}
	if shared.Name != "" {
		window.Name = shared.Name
	}
	window.Secret = shared.Secret
	return window
}

// identityOf is the part of a state that all windows share.
func identityOf(st State) State { return State{Secret: st.Secret, Name: st.Name} }

// adoptable tells whether a window can take over what another left unsent.
func adoptable(st, orphan State) bool {
	n := len(orphan.Outbox)
	return n > 0 && len(st.Outbox)+n <= maxOutbox && (st.Secret == orphan.Secret || st.Secret.IsZero() || orphan.Secret.IsZero())
}

// adopt takes over what a window left unsent that is gone.
func (st *State) adopt(orphan State) {
	if st.Secret.IsZero() {
		st.Secret = orphan.Secret
	}
	st.Outbox = append(st.Outbox, orphan.Outbox...)
}

// damage collects what could not be read.
type damage []string

func (d damage) err() error {
	if len(d) == 0 {
		return nil
	}
	return &damaged{strings.Join(d, "; ")}
}

type damaged struct{ what string }

func (d *damaged) Error() string { return ErrDamaged.Error() + ": " + d.what }
func (d *damaged) Unwrap() error { return ErrDamaged }
