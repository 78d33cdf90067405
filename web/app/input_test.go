package app

import (
	"slices"
	"strings"
	"testing"

	"tuitalk/client/view"
)

func TestWhatIsWrongKeepsTheTextAndExplains(t *testing.T) {
	s := joined(t, 1)
	for _, line := range []string{"/nothing", "/room x", "/fetch 0", "/name", "/help me", strings.Repeat("x", 4001), "/retry"} {
		s.take()
		s.enter(line)
		if s.el("input").value == line && s.notices() != "" {
			continue
		}
		// The page's own input still holds it when the client does not replace it.
		if s.app.view.Draft().Text != line || s.notices() == "" {
			t.Errorf("%.20q: the input holds %.20q, the notice is %q", line, s.app.view.Draft().Text, s.notices())
		}
		if len(s.posted()) != 0 {
			t.Errorf("%.20q was sent", line)
		}
	}
	s.handle(Typed{Text: "x", Caret: 1})
	if got := s.notices(); got != "" {
		t.Errorf("after typing on, the notice is still %q", got)
	}
}

func TestCommands(t *testing.T) {
	s := joined(t, 30)
	s.enter("/help")
	for _, c := range view.Commands() {
		if !strings.Contains(s.notices(), c.Name) {
			t.Errorf("the help lacks %s", c.Name)
		}
	}
	s.handle(Key{Name: "Escape"})
	if s.notices() != "" {
		t.Error("Escape does not close the help")
	}

	s.enter("/name Ada Lovelace")
	if s.el("me-name").text() != "Ada Lovelace" {
		t.Errorf("the name is %q", s.el("me-name").text())
	}

	s.enter("/clear")
	s.scrolled(Scrolled{View: 800, Following: true})
	if got := s.texts(); len(got) != 0 {
		t.Errorf("after /clear the page shows %v", got)
	}
	s.take()
	s.enter("/fetch 7")
	s.answerFetch(1)
	s.frame()
	if got := s.texts(); !slices.Equal(got, numbered(24, 30)) {
		t.Errorf("after /fetch 7 the page shows %v", got)
	}

	open := s.el("members").hidden()
	s.enter("/members")
	if s.el("members").hidden() == open {
		t.Error("/members does nothing")
	}

	s.enter("//not a command")
	if got := s.texts(); got[len(got)-1] != "/not a command" {
		t.Errorf("two slashes say %q", got[len(got)-1])
	}
}

func TestANameByCommandAnswersTheQuestion(t *testing.T) {
	s := newStage(t, nil)
	s.app.config.FirstUse = true
	s.open(0)
	s.dom.focused = nil
	s.enter("/name Grace")
	if !s.el("ask").hidden() || s.dom.focused != nil {
		t.Error("the question for the name is still there")
	}
}

func TestANameIsAskedForOnce(t *testing.T) {
	s := newStage(t, nil)
	s.app.config.FirstUse = true
	s.open(0)
	if s.el("ask").hidden() || !strings.Contains(s.el("ask-label").text(), "You are me here") {
		t.Fatalf("the first visit asks %q", s.el("ask-label").text())
	}
	if s.dom.focused == s.el("ask-input") {
		t.Error("the question takes the keyboard from the message")
	}
	s.handle(Answered{Text: " \u200b "})
	if s.el("ask").hidden() || s.notices() == "" {
		t.Error("an empty name was taken")
	}
	s.handle(Answered{Text: "Grace"})
	if !s.el("ask").hidden() || s.el("me-name").text() != "Grace" || s.notices() != "" {
		t.Errorf("the name is %q, the notice %q", s.el("me-name").text(), s.notices())
	}
}

// strike strikes a key with the caret at the end of the text.
func (s *stage) strike(key, text string) bool {
	s.t.Helper()
	return s.handle(Key{Name: key, Text: text, From: utf16Len(text), To: utf16Len(text)})
}

func (s *stage) offered() (words []string) {
	for _, e := range s.el("offers").all("offer") {
		words = append(words, e.attrs["data-arg"])
	}
	return words
}

func TestCompletion(t *testing.T) {
	s := joined(t, 1)
	if taken := s.strike("Tab", ""); taken {
		t.Error("Tab in an empty input does not move the focus")
	}
	s.handle(Typed{Text: "/", Caret: 1})
	if n := len(s.offered()); n != len(view.Commands()) || s.el("offers").hidden() {
		t.Errorf("a slash completes to %d commands", n)
	}
	s.strike("ArrowDown", "/")
	s.strike("Enter", "/")
	if got := s.el("input").value; got != s.app.view.Draft().Text || !strings.HasPrefix(got, "/d") {
		t.Errorf("the second command put in %q", got)
	}
	for _, c := range []struct{ text, key, want string }{
		{"/fe", "Tab", "/fetch "},
		{"hello @ad", "Tab", "hello @ada "},
		{"ad", "Tab", "ada: "},
		{"/room ", "Tab", "/room 1"},
	} {
		s.handle(Typed{Text: c.text, Caret: len(c.text)})
		if taken := s.strike(c.key, c.text); !taken || s.el("input").value != c.want {
			t.Errorf("%q completes to %q, want %q", c.text, s.el("input").value, c.want)
		}
		if s.el("input").caret != len(c.want) || !s.el("offers").hidden() {
			t.Errorf("%q: the caret is at %d, %d completions are left", c.text, s.el("input").caret, len(s.offered()))
		}
	}
	s.handle(Typed{Text: "/m", Caret: 2})
	s.handle(Clicked{Act: "offer", Arg: "/members"})
	if s.el("input").value != "/members" || s.dom.focused != s.el("input") {
		t.Errorf("a click completes to %q", s.el("input").value)
	}
	s.handle(Typed{Text: "/m", Caret: 2})
	s.strike("Escape", "/m")
	if !s.el("offers").hidden() {
		t.Error("Escape does not close the completions")
	}
}

func TestLinesThatWereSentCanBeCalledBack(t *testing.T) {
	s := joined(t, 0)
	for _, line := range []string{"one", "two", "two", "three\nlines"} {
		s.enter(line)
	}
	s.handle(Typed{Text: "draft", Caret: 5})
	text := "draft"
	for _, c := range []struct {
		key, want string
		taken     bool
	}{
		{"ArrowUp", "three\nlines", true},
		{"ArrowUp", "three\nlines", false}, // the caret moves within the lines
		{"ArrowDown", "draft", true},
		{"ArrowDown", "draft", false},
	} {
		if taken := s.strike(c.key, text); taken != c.taken {
			t.Fatalf("%s on %q: taken is %t", c.key, text, taken)
		}
		if text = s.app.view.Draft().Text; text != c.want {
			t.Fatalf("%s shows %q, want %q", c.key, text, c.want)
		}
	}
	text = "draft"
	for _, want := range []string{"three\nlines", "two", "one", "one"} {
		s.handle(Key{Name: "ArrowUp", Text: text}) // the caret stands before the text
		if text = s.app.view.Draft().Text; text != want {
			t.Fatalf("going up shows %q, want %q", text, want)
		}
	}
}

func TestKeysThatBelongToTheBrowser(t *testing.T) {
	s := joined(t, 1)
	for _, key := range []Key{
		{Name: "Enter", Shift: true, Text: "x"}, {Name: "Enter", Alt: true, Text: "x"},
		{Name: "ArrowUp", Shift: true, Text: "x"}, {Name: "Tab", Shift: true, Text: "a"},
		{Name: "a", Control: true, Text: "x"}, {Name: "a", Text: "x"}, {Name: "Home", Text: "x"},
	} {
		s.take()
		if s.handle(key) || len(s.posted()) != 0 {
			t.Errorf("%+v is taken", key)
		}
	}
	if !s.handle(Key{Name: "PageUp"}) || s.dom.scroll != ScrollUp {
		t.Error("Page up does not scroll the log")
	}
}

func TestTheListShutsWhenItWouldCoverTheLog(t *testing.T) {
	s := joined(t, 1)
	if s.el("members").hidden() || !s.el("veil").hidden() {
		t.Error("on a wide page the list is not beside the log")
	}
	s.handle(Widened{Wide: false})
	if !s.el("members").hidden() {
		t.Error("on a narrow page the list covers the log")
	}
	s.handle(Clicked{Act: "members"})
	if s.el("members").hidden() || s.el("veil").hidden() || len(s.el("member-list").children) != 2 {
		t.Error("the list does not open over the log")
	}
}
