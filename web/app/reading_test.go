package app

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestAwayTheUnreadLineComesAndStays(t *testing.T) {
	s := joined(t, 3)
	s.handle(Attention{Kind: "blur", Shown: true})
	s.say(ada, "ada", "you there?")
	s.say(ada, "ada", "hello?")
	s.frame()
	if s.dom.title != "(2) Room 1 · TuiTalk" {
		t.Errorf("the title is %q", s.dom.title)
	}
	s.handle(Attention{Kind: "focus", Shown: true, Focused: true})
	if s.dom.title != "Room 1 · TuiTalk" {
		t.Errorf("looked at, the title is %q", s.dom.title)
	}
	before := func() string {
		children := s.el("log").children
		for i, c := range children {
			if strings.Contains(c.class, "unread") {
				return children[i+1].all("text")[0].text()
			}
		}
		return ""
	}
	if got := before(); got != "you there?" {
		t.Errorf("the line stands before %q", got)
	}
	s.say(ada, "ada", "there you are")
	s.frame()
	if got := before(); got != "you there?" {
		t.Errorf("while one reads along, the line moved before %q", got)
	}
	s.handle(Attention{Kind: "blur", Shown: true})
	s.say(ada, "ada", "gone again?")
	s.frame()
	if got := before(); got != "gone again?" {
		t.Errorf("away again, the line stands before %q", got)
	}
}

func TestWhatWasReadIsKnownAtTheNextVisit(t *testing.T) {
	s := newStage(t, map[string]string{shelf(true) + "read.1": "4"})
	s.open(6)
	if n := len(s.el("log").all("unread")); n != 1 {
		t.Fatalf("%d unread lines", n)
	}
	s.handle(Attention{Kind: "pagehide"})
	if got := s.kept[shelf(true)+"read.1"]; got != "6" {
		t.Errorf("kept %q", got)
	}
	fresh := joined(t, 6)
	if n := len(fresh.el("log").all("unread")); n != 0 {
		t.Error("a room that one never was in has an unread line")
	}
}

func TestSpeechIsSummedUp(t *testing.T) {
	s := joined(t, 0)
	s.say(ada, "ada", "one")
	s.pass(time.Millisecond)
	if got := s.el("announce").text(); got != "ada: one" {
		t.Errorf("said %q", got)
	}
	for i := range 5 {
		s.say(ada, "ada", strconv.Itoa(i))
	}
	s.pass(time.Second)
	if got := s.el("announce").text(); got != "ada: one" {
		t.Errorf("a second later %q is said", got)
	}
	s.pass(announceEvery)
	if got := s.el("announce").text(); got != "5 new messages, the last from ada" {
		t.Errorf("said %q", got)
	}
}
