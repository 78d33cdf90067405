package tui

import (
	"strings"
	"testing"

	"tuitalk/client"
	"tuitalk/talk"
)

// TestWhoProvesNothingIsMarked: in the list, beside messages, and where names stand
// before the text; nobody else is.
func TestWhoProvesNothingIsMarked(t *testing.T) {
	guest := talk.Member{UUID: talk.MakeUUID(4, [16]byte{7}), Username: "gast"}
	for _, w := range []int{100, 40} {
		s := online(t, w, 24)
		s.entry(talk.KindJoined, guest, "")
		s.says(guest, "who am I?")
		s.says(bob, "somebody")
		got := s.frame()
		wanted := 2 // in the list and beside the message
		if w == 40 {
			wanted = 1
		}
		if strings.Count(got, "gast?") != wanted || strings.Contains(got, "bob?") || strings.Contains(got, "ada?") {
			t.Errorf("%d columns:\n%s", w, got)
		}
		s.enter("/help")
		for range 20 {
			if got = s.frame(); strings.Contains(got, "nothing proves who that is") {
				break
			}
			s.press("PgDn")
		}
		if w == 100 && !strings.Contains(got, "nothing proves who that is") {
			t.Errorf("the help does not explain the mark:\n%s", got)
		}
	}
}

// TestRefusedHasAWayOut: what the screen names is what leads out.
func TestRefusedHasAWayOut(t *testing.T) {
	s := online(t, 80, 24)
	before := s.session.Me().UUID
	s.drive(client.Closed{Conn: s.conn, Code: talk.CloseNotYou, Reason: "this is not you"}, false)
	s.enter("not lost")
	s.enter("/identity")
	if got := s.frame(); !strings.Contains(got, "enter /identity new") || s.session.Me().UUID != before {
		t.Errorf("one word is enough:\n%s", got)
	}
	s.press("C-u")
	s.enter("/identity new")
	if s.session.Me().UUID == before || s.session.Status().Phase != client.Connecting || len(s.session.Outbox()) != 1 {
		t.Errorf("%+v with %d unsent", s.session.Status(), len(s.session.Outbox()))
	}
}

// TestOneKeyBeginsAnew where the server refuses the user, and where his identity is
// in use; the sentence and the last line say which. Elsewhere it does nothing.
func TestOneKeyBeginsAnew(t *testing.T) {
	for name, c := range map[string]struct {
		closed client.Closed
		says   string
	}{
		"refused": {client.Closed{Code: talk.CloseNotYou, Reason: "this is not you"}, "The server refuses: this is not you. F4 begins"},
		"in use":  {client.Closed{Code: talk.CloseSuperseded}, "Another program shows your identity"},
	} {
		t.Run(name, func(t *testing.T) {
			s := online(t, 120, 24)
			before := s.session.Me().UUID
			s.press("F4")
			if s.session.Me().UUID != before || !strings.Contains(s.frame(), "Nobody refuses you") {
				t.Errorf("the key does something unasked:\n%s", s.frame())
			}
			s.press("Esc")
			s.enter("not lost")
			c.closed.Conn = s.conn
			s.drive(c.closed, false)
			got := s.frame()
			if !strings.Contains(got, c.says) || strings.Count(got, "F4") != 2 {
				t.Errorf("the way out is not offered:\n%s", got)
			}
			s.press("F4")
			if s.session.Me().UUID == before || s.session.Status().Phase != client.Connecting || len(s.session.Outbox()) != 1 {
				t.Errorf("%+v with %d unsent", s.session.Status(), len(s.session.Outbox()))
			}
			if got := s.frame(); strings.Contains(got, "F4") {
				t.Errorf("it is offered still:\n%s", got)
			}
		})
	}
}
