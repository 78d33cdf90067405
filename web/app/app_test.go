package app

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

func numbered(from, to int) (texts []string) {
	for i := from; i <= to; i++ {
		texts = append(texts, "message "+strconv.Itoa(i))
	}
	return texts
}

func TestJoiningShowsTheHistory(t *testing.T) {
	s := joined(t, 30)
	if got := s.texts(); !slices.Equal(got, numbered(1, 30)) {
		t.Errorf("the page shows %v", got)
	}
	if s.el("line").attrs["data-phase"] != "online" || s.el("room").text() != "Room 1" {
		t.Errorf("the bar says %s, %s", s.el("line").attrs["data-phase"], s.el("room").text())
	}
	if s.dom.title != "Room 1 · TuiTalk" || s.el("people-count").text() != "2" {
		t.Errorf("the title is %q, the people %s", s.dom.title, s.el("people-count").text())
	}
	if got := s.el("older").text(); got != "Here room 1 begins" {
		t.Errorf("above the log stands %q", got)
	}
	if !s.dom.live || !s.el("jump").hidden() {
		t.Error("the view does not follow the end")
	}
}

func TestEnterSendsAndTheMarkGoes(t *testing.T) {
	s := joined(t, 1)
	s.take()
	s.enter("hello")
	if got := s.posted(); !slices.Equal(got, []string{"hello"}) {
		t.Fatalf("sent %v", got)
	}
	if s.el("input").value != "" || s.dom.scroll == ScrollRow {
		t.Errorf("the input holds %q", s.el("input").value)
	}
	if got := s.texts(); !slices.Equal(got, []string{"message 1", "hello"}) {
		t.Fatalf("the page shows %v", got)
	}
	if n := len(s.el("log").all("mark")); n != 0 {
		t.Error("a message that was just sent is marked")
	}
	s.pass(400 * time.Millisecond)
	if got := s.el("log").all("mark"); len(got) != 1 || got[0].text() != "sending" {
		t.Errorf("after 400 ms the marks are %d", len(got))
	}
	out := s.session.Outbox()[0]
	s.receive(talk.Accepted{RoomID: 1, ID: out.ID})
	s.frame()
	if got := s.el("log").all("mark"); len(got) != 1 || !strings.Contains(got[0].text(), "not yet stored") {
		t.Error("an accepted message does not say so")
	}
	s.next(talk.Entry{Kind: talk.KindPosted, Author: me, Name: "me", Text: "hello", ID: out.ID})
	s.frame()
	if got := s.texts(); !slices.Equal(got, []string{"message 1", "hello"}) {
		t.Errorf("stored, the page shows %v", got)
	}
	own := s.el("log").all("own")
	if len(own) != 1 || len(s.el("log").all("mark")) != 0 || len(own[0].all("you")) != 1 {
		t.Errorf("an own, stored message looks wrong: %d own, %d marks, %q", len(own), len(s.el("log").all("mark")), own[0].class)
	}
}

func TestAFailedMessageCanBeSentAgainOrDiscarded(t *testing.T) {
	s := joined(t, 1)
	for _, text := range []string{"one", "two"} {
		s.enter(text)
		id := s.session.Outbox()[len(s.session.Outbox())-1].ID
		s.receive(talk.Error{Code: talk.CodeRefused, Message: "No\x1b[31m.", ID: id})
		s.frame()
	}
	failed := s.el("log").all("failed")
	if len(failed) != 2 || !strings.HasSuffix(failed[0].all("mark")[0].text(), "No[31m.") {
		t.Fatalf("%d messages are marked as failed", len(failed))
	}
	s.take()
	buttons := failed[0].all("quick")
	s.handle(Clicked{Act: buttons[0].attrs["data-act"], Arg: buttons[0].attrs["data-arg"]})
	if got := s.posted(); !slices.Equal(got, []string{"one"}) {
		t.Errorf("Retry sent %v", got)
	}
	buttons = s.el("log").all("failed")[0].all("quick")
	s.handle(Clicked{Act: buttons[1].attrs["data-act"], Arg: buttons[1].attrs["data-arg"]})
	if got := s.texts(); !slices.Equal(got, []string{"message 1", "one"}) {
		t.Errorf("after Discard the page shows %v", got)
	}
}

func TestRoomsHaveTheirOwnDraftsAndAddresses(t *testing.T) {
	s := joined(t, 3)
	s.handle(Typed{Text: "unfinished", Caret: 10})
	s.handle(Clicked{Act: "ask-room"})
	if s.el("ask").hidden() || s.dom.focused != s.el("ask-input") {
		t.Error("nothing asks for the room")
	}
	s.handle(Answered{Text: " 7 "})
	s.join(7, 2)
	if s.el("room").text() != "Room 7" || s.el("input").value != "" || !s.el("ask").hidden() {
		t.Errorf("in %s the input holds %q", s.el("room").text(), s.el("input").value)
	}
	if got := s.texts(); !slices.Equal(got, numbered(1, 2)) {
		t.Errorf("room 7 shows %v", got)
	}
	s.handle(Visited{Search: "?room=1"}) // the browser's back
	s.join(1, 3)
	if s.el("input").value != "unfinished" {
		t.Errorf("back in room 1 the input holds %q", s.el("input").value)
	}
	if want := []string{"replace ?room=7"}; !slices.Equal(s.dom.visits, want) && !slices.Equal(s.dom.visits, []string{"push ?room=7"}) {
		t.Errorf("the browser went to %v", s.dom.visits)
	}
}

func TestHostileNamesAndTextsAreOnlyText(t *testing.T) {
	s := joined(t, 0)
	s.say(ada, "<b>\u202eada\x1b[2J\n", "<img src=x onerror=alert(1)>\x1b]0;owned\x07 \u202etxt javascript:alert(1) https://ok.example/a?b")
	s.frame()
	row := s.el("log").all("entry")[0]
	if got := row.all("name")[0].text(); got != "<b>ada[2J" {
		t.Errorf("the name is %q", got)
	}
	if row.all("name")[0].tag != "bdi" {
		t.Error("the name is not isolated")
	}
	text := row.all("text")[0]
	if got := text.text(); got != "<img src=x onerror=alert(1)>]0;owned txt javascript:alert(1) https://ok.example/a?b" {
		t.Errorf("the text is %q", got)
	}
	links := 0
	for _, c := range text.children {
		if c.tag == "a" {
			links++
			if c.attrs["href"] != c.text() || c.attrs["rel"] != "noopener noreferrer" || !strings.HasPrefix(c.text(), "https://") {
				t.Errorf("a link to %s says %s", c.attrs["href"], c.text())
			}
		} else if c.tag != "" {
			t.Errorf("the text made an element %s", c.tag)
		}
	}
	if links != 1 {
		t.Errorf("%d links", links)
	}
}

func TestPeopleWithLikeNamesGetTags(t *testing.T) {
	s := joined(t, 0)
	s.say(ada, "ada", "it is me")
	s.frame()
	if n := len(s.el("log").all("tag")); n != 0 {
		t.Error("a name that is alone has a tag")
	}
	s.say(bob, "Аda", "no, me") // a Cyrillic А
	s.frame()
	tags := s.el("log").all("tag")
	if len(tags) != 2 || tags[0].text() == tags[1].text() {
		t.Errorf("%d tags", len(tags))
	}
}

// TestWhoProvesNothingIsMarked: in the list and beside messages, also for those who
// cannot see it.
func TestWhoProvesNothingIsMarked(t *testing.T) {
	s := joined(t, 1)
	s.say(talk.MakeUUID(4, [16]byte{7}), "guest", "who am I?")
	s.say(bob, "bob", "somebody")
	s.frame()
	marks := s.el("log").all("unproven")
	if len(marks) != 1 {
		t.Fatalf("%d marks", len(marks))
	}
	a := marks[0].attrs
	if a["role"] != "img" || a["aria-label"] != "identity not proven" || a["title"] != unproven {
		t.Errorf("%v", a)
	}
	s.enter("/help")
	if !strings.Contains(s.notices(), unproven) {
		t.Error("the help does not explain the mark")
	}
}

func TestRefusedHasAWayOut(t *testing.T) {
	s := joined(t, 1)
	s.take()
	before := s.session.Me().UUID
	s.drive(client.Closed{Conn: s.conn, Code: talk.CloseNotYou, Reason: "not you"})
	s.enter("not lost")
	for i := range 2 * maxNotices {
		s.enter("/room " + strings.Repeat("x", i+1)) // which is wrong, and said
		s.app.notify(s.now, strings.Repeat("more ", i+1), true)
	}
	buttons := s.el("notices").all("quick")
	if len(buttons) != 1 || buttons[0].attrs["data-act"] != "anew" || !strings.Contains(s.notices(), "not you") {
		t.Fatalf("there is no way out: %q", s.notices())
	}
	s.handle(Clicked{Act: "anew"})
	if s.session.Me().UUID == before || s.session.Status().Phase != client.Connecting || len(s.session.Outbox()) != 1 {
		t.Errorf("%+v with %d unsent", s.session.Status(), len(s.session.Outbox()))
	}
	if len(s.el("notices").all("quick")) != 0 {
		t.Error("the button stays")
	}
}

// TestAnewIsOfferedWhereTheIdentityIsInUse: with one click, and another shuts it.
func TestAnewIsOfferedWhereTheIdentityIsInUse(t *testing.T) {
	for _, shut := range []bool{true, false} {
		s := joined(t, 1)
		before := s.session.Me().UUID
		s.enter("not lost")
		s.drive(client.Closed{Conn: s.conn, Code: talk.CloseSuperseded})
		s.frame()
		buttons, shuts := s.el("notices").all("quick"), s.el("notices").all("shut")
		if len(buttons) != 1 || buttons[0].attrs["data-act"] != actAnew || len(shuts) != 1 || !strings.Contains(s.notices(), "shows your identity") {
			t.Fatalf("it is not offered: %q", s.notices())
		}
		if shut {
			s.handle(Clicked{Act: "shut", Arg: shuts[0].attrs["data-arg"]})
		} else {
			s.handle(Clicked{Act: actAnew})
		}
		if again := s.session.Me().UUID != before; again == shut || len(s.session.Outbox()) != 1 {
			t.Errorf("shut: %v, another: %v, %d unsent", shut, again, len(s.session.Outbox()))
		}
		if len(s.el("notices").all("quick")) != 0 {
			t.Error("the button stays")
		}
	}
}

func TestQuitEndsAndOffersToComeBack(t *testing.T) {
	s := joined(t, 1)
	s.enter("/quit")
	if !s.app.Ended() || s.el("line").attrs["data-phase"] != "ended" {
		t.Error("/quit does not end it")
	}
	buttons := s.el("notices").all("quick")
	if len(buttons) != 1 || buttons[0].attrs["data-act"] != "reload" {
		t.Error("there is no way back")
	}
	if _, disabled := s.el("input").attrs["disabled"]; !disabled {
		t.Error("one can write on")
	}
}

func TestStateOfTheLine(t *testing.T) {
	s := joined(t, 1)
	s.take()
	s.drive(client.Closed{Conn: s.conn})
	s.frame()
	if got := s.el("line").attrs["data-phase"]; got != "online" {
		t.Errorf("just broken, the line is shown as %s", got)
	}
	s.pass(2 * time.Second)
	if got := s.el("line").attrs["data-phase"]; got != "reconnecting" {
		t.Errorf("2 s later the line is shown as %s", got)
	}
	s.enter("while away")
	if got := s.texts(); !slices.Equal(got, []string{"message 1", "while away"}) {
		t.Errorf("the page shows %v", got)
	}
}

func TestStartTakesOverWhatWasWritten(t *testing.T) {
	s := newStage(t, nil)
	s.app.Start(s.now, Opening{Text: "early", Enter: true, Shown: true, Focused: true})
	s.frame()
	if got := s.texts(); !slices.Equal(got, []string{"early"}) || s.el("input").value != "" {
		t.Errorf("sent %v, the input holds %q", got, s.el("input").value)
	}
	s = newStage(t, nil)
	s.el("input").value = "ear"
	s.el("input").caret = 1
	s.app.Start(s.now, Opening{Text: "ear", Shown: true})
	s.frame()
	if len(s.texts()) != 0 || s.el("input").value != "ear" || s.el("input").caret != 1 {
		t.Errorf("sent %v, the input holds %q", s.texts(), s.el("input").value)
	}
	s = newStage(t, map[string]string{shelf(false) + "draft.1": "kept"})
	s.app.Start(s.now, Opening{Shown: true})
	s.frame()
	if s.el("input").value != "kept" {
		t.Errorf("the input holds %q, not the kept draft", s.el("input").value)
	}
}

func TestRoomOf(t *testing.T) {
	for _, c := range []struct {
		search, hash string
		room         int32
		ok           bool
	}{
		{"?room=7", "", 7, true},
		{"", "#7", 7, true},
		{"?x=1&room=-3", "#9", -3, true},
		{"", "#room=12", 12, true},
		{"?room=zz", "#4", 4, true},
		{"?room=99999999999", "", 0, false},
		{"", "#top", 0, false},
		{"", "", 0, false},
	} {
		if room, ok := RoomOf(c.search, c.hash); room != c.room || ok != c.ok {
			t.Errorf("%s %s: %d, %t", c.search, c.hash, room, ok)
		}
	}
}

func TestByteOffset(t *testing.T) {
	const text = "aé😀z"
	for units, want := range []int{0, 1, 3, 7, 7, 8, 8} {
		if got := byteOffset(text, units); got != want {
			t.Errorf("%d units are %d bytes, want %d", units, got, want)
		}
	}
	if got := fmt.Sprint(utf16Len(text)); got != "5" {
		t.Errorf("%q has %s units", text, got)
	}
}
