package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

func TestSending(t *testing.T) {
	s := online(t, 80, 24)
	s.enter("hello")
	if got := s.frame(); !strings.Contains(got, "ada ┃ hello") || s.input() != "" {
		t.Errorf("input %q, screen\n%s", s.input(), got)
	}
	s.store()
	s.typed("two\nlines")
	s.press("Enter")
	s.enter("//quit")
	s.enter("   ")
	s.press("Enter")
	if got, want := s.posted(), []string{"hello", "two\nlines", "/quit"}; !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
	if got := s.frame(); strings.Count(got, "hello") != 1 {
		t.Errorf("not shown once:\n%s", got)
	}
}

func TestNewLineKeys(t *testing.T) {
	s := online(t, 80, 24)
	for _, k := range []string{"S-Enter", "M-Enter", "C-j"} {
		s.typed("x")
		s.press(k)
	}
	if s.input() != "x\nx\nx\n" || len(s.posted()) != 0 {
		t.Errorf("input %q, sent %q", s.input(), s.posted())
	}
}

// TestPasteNeverActs pastes what is a command as keys.
func TestPasteNeverActs(t *testing.T) {
	s := online(t, 80, 24)
	s.typed("> ")
	s.update(Paste{On: true})
	s.typed("one")
	s.press("Enter", "C-j", "Tab")
	s.typed("/quit")
	s.press("Enter", "C-c", "C-c", "C-d", "C-z", "C-u", "Up", "PgUp", "Esc", "Backspace", "F1", "Delete", "M-x", "C-j", "C-j", "Enter")
	s.update(Paste{On: false})
	s.frame()
	if want := "> one\n    /quit\nx\n\n\n"; s.input() != want {
		t.Errorf("input %q, want %q", s.input(), want)
	}
	for _, e := range s.effects {
		if _, title := e.(Title); !title {
			t.Errorf("the paste made %T", e)
		}
	}
	if len(s.posted()) != 0 || s.model.panel.help {
		t.Error("the paste did something")
	}
	s.press("Enter")
	if got, want := s.posted(), "> one\n    /quit\nx"; len(got) != 1 || got[0] != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestPasteIsBounded(t *testing.T) {
	s := online(t, 80, 24)
	s.paste(strings.Repeat("0123456789\n", maxInputBytes/4))
	if n := len(s.input()); n > maxInputBytes {
		t.Errorf("the input has %d bytes", n)
	}
	if got := s.frame(); !strings.Contains(got, "input is full") {
		t.Errorf("nothing is said:\n%s", got)
	}
}

// TestPasteWithoutEnd loses the end of a paste: what came is in the input all
// the same, and nothing is sent.
func TestPasteWithoutEnd(t *testing.T) {
	s := online(t, 80, 24)
	s.update(Paste{On: true})
	s.typed("abc")
	s.press("Enter")
	s.frame()
	if s.input() != "abc\n" || len(s.posted()) != 0 {
		t.Errorf("input %q, sent %q", s.input(), s.posted())
	}
}

func TestWrongInputStays(t *testing.T) {
	for _, c := range []struct{ line, says string }{
		{"/names Bob", "Did you mean /name?"},
		{"/room x", "A room is an integer"},
		{"/fetch 0", "from 1 to 500"},
		{"/retry", "No message has failed"},
		{"/discard 7", "is 0."},
		{strings.Repeat("x", 4001), "at most 4000 bytes"},
	} {
		s := online(t, 80, 24)
		s.enter(c.line)
		if got := s.frame(); !strings.Contains(got, c.says) {
			t.Errorf("%.20q does not say %q:\n%s", c.line, c.says, got)
		}
		if s.input() != c.line || len(s.posted()) != 0 {
			t.Errorf("%.20q: input %.20q, sent %d", c.line, s.input(), len(s.posted()))
		}
		s.press("Esc")
		if got := s.frame(); strings.Contains(got, c.says) {
			t.Errorf("%.20q: Esc does not take the notice away", c.line)
		}
	}
}

// TestRefusedByTheSession: what the session does not take comes back.
func TestRefusedByTheSession(t *testing.T) {
	s := online(t, 80, 24)
	s.typed("precious")
	for _, e := range s.model.Update(keyNamed("Enter")) {
		if do, ok := e.(Do); ok {
			out := client.Outcome{Refused: true, Notices: []client.Notice{{Text: "The outbox is \x1b[5mfull."}}}
			s.do(s.model.Update(ClientOutcome{Outcome: out, Cause: do.Event}))
		}
	}
	if got := s.frame(); s.input() != "precious" || !strings.Contains(got, "The outbox is [5mfull.") {
		t.Errorf("input %q, screen\n%s", s.input(), got)
	}
}

func TestStricterServer(t *testing.T) {
	s := newStay(t, 80, 24)
	s.drive(client.Start{}, false)
	s.drive(client.Opened{Conn: s.conn}, false)
	s.receive(talk.Welcome{UUID: ada.UUID, Limits: talk.Limits{TextBytes: 10}})
	s.joined(0, ada)
	s.enter("twelve bytes")
	if got := s.frame(); s.input() != "twelve bytes" || !strings.Contains(got, "at most 10 bytes; this has 12") {
		t.Errorf("input %q, screen\n%s", s.input(), got)
	}
}

func TestPast(t *testing.T) {
	s := online(t, 80, 24)
	for _, l := range []string{"one", "two", "two", "three\nlines"} {
		s.typed(l)
		s.press("Enter")
	}
	s.typed("new")
	steps := []struct{ key, want string }{
		{"Up", "three\nlines"}, {"Up", "three\nlines"}, {"Up", "two"}, {"Up", "one"}, {"Up", "one"},
		{"Down", "two"}, {"C-n", "three\nlines"}, {"C-n", "new"}, {"Down", "new"},
		{"C-p", "three\nlines"},
	}
	for i, c := range steps {
		if s.press(c.key); s.input() != c.want {
			t.Fatalf("step %d, %s: %q, want %q", i, c.key, s.input(), c.want)
		}
	}
	s.typed("!")
	s.press("C-n")
	if s.input() != "three\nlines!" {
		t.Errorf("an old input that was changed is a new one: %q", s.input())
	}
}

func TestMenu(t *testing.T) {
	s := online(t, 80, 24)
	s.typed("say to b")
	s.press("Tab")
	if s.input() != "say to bob " {
		t.Errorf("a name became %q", s.input())
	}
	s.press("C-u")
	s.typed("/c")
	s.press("Tab")
	if s.input() != "/clear" {
		t.Errorf("a command became %q", s.input())
	}
	s.press("C-u")
	s.typed("/re")
	s.press("Tab", "Tab", "Tab", "S-Tab", "S-Tab")
	if s.input() != "/retry " {
		t.Errorf("a sole candidate became %q", s.input())
	}
	s.press("C-u")
	s.typed("/ x")
	s.press("Home", "Right", "S-Tab")
	if s.input() != "/unread x" {
		t.Errorf("the last candidate became %q", s.input())
	}
	s.press("Esc")
	if s.input() != "/ x" || s.model.menu.open() {
		t.Errorf("Esc left %q", s.input())
	}
	s.press("Tab", "Tab")
	s.typed("y")
	s.press("Tab")
	if s.input() != "/discard y x" {
		t.Errorf("typing on gave %q", s.input())
	}
}

func TestDraftPerRoom(t *testing.T) {
	s := online(t, 80, 24)
	s.enter("/room 2")
	s.room = 2
	s.joined(0, ada)
	s.typed("for two")
	s.press("Left", "M-Up")
	s.room = 1
	s.joined(0, ada)
	if s.input() != "" || s.session.Room() != 1 {
		t.Errorf("room %d has %q", s.session.Room(), s.input())
	}
	s.typed("for one")
	s.press("M-Down")
	if s.input() != "for two" || s.model.edit.Cursor() != len("for tw") {
		t.Errorf("the draft is %q at %d", s.input(), s.model.edit.Cursor())
	}
	s.press("M-Up")
	if s.input() != "for one" {
		t.Errorf("the draft is %q", s.input())
	}
	s.press("M-Up")
	if got := s.frame(); !strings.Contains(got, "no further room") {
		t.Errorf("nothing is said:\n%s", got)
	}
}

func TestCommandsReachTheSession(t *testing.T) {
	s := online(t, 80, 24)
	s.says(bob, "hi")
	s.enter("/name Ada Lovelace")
	if m, ok := s.sent[len(s.sent)-1].(talk.ChangeName); !ok || m.Username != "Ada Lovelace" {
		t.Errorf("sent %+v", s.sent[len(s.sent)-1])
	}
	s.enter("/clear")
	if s.session.Log().Len() != 0 {
		t.Error("the log is not clear")
	}
	if s.frame(); s.lastFetch() != nil {
		t.Error("a cleared log was filled again")
	}
	s.enter("/fetch 7")
	if f := s.lastFetch(); f == nil || f.Limit != 7 {
		t.Fatalf("sent %+v", f)
	}
	s.history(7)
	if got := s.frame(); !strings.Contains(got, "old 1") {
		t.Errorf("nothing came:\n%s", got)
	}
	s.enter("/fetch 7")
	if got := s.frame(); !strings.Contains(got, "has nothing older") {
		t.Errorf("nothing is said:\n%s", got)
	}
	s.enter("/room -5")
	if s.session.Room() != -5 {
		t.Errorf("the room is %d", s.session.Room())
	}
	s.enter("/room -5")
	if got := s.frame(); !strings.Contains(got, "in room -5 already") {
		t.Errorf("nothing is said:\n%s", got)
	}
	s.enter("/help")
	if got := s.frame(); !strings.Contains(got, "/fetch <integer>") {
		t.Errorf("no help:\n%s", got)
	}
	s.typed("x")
	if got := s.frame(); strings.Contains(got, "/fetch <integer>") || s.input() != "x" {
		t.Errorf("typing does not close the help; input %q", s.input())
	}
}

func TestRetryAndDiscard(t *testing.T) {
	s := online(t, 80, 24)
	for _, text := range []string{"first", "second"} {
		s.enter(text)
		s.refuse(talk.Error{Code: talk.CodeRefused, Message: "no"})
	}
	s.frame()
	s.enter("/discard")
	if got := s.frame(); !strings.Contains(got, "Say which to discard") || len(s.session.Outbox()) != 2 {
		t.Errorf("%d unsent, screen\n%s", len(s.session.Outbox()), got)
	}
	s.press("C-u")
	s.frame()
	if !s.clickOn("/discard 1") || len(s.session.Outbox()) != 1 {
		t.Errorf("%d unsent after a click", len(s.session.Outbox()))
	}
	before := len(s.posted())
	s.frame()
	if !s.clickOn("/retry 1") || len(s.posted()) != before+1 {
		t.Errorf("%d posts after a click on retry, were %d", len(s.posted()), before)
	}
	s.refuse(talk.Error{Code: talk.CodeRefused, Message: "no"})
	s.enter("/retry")
	s.store()
	if got := s.frame(); len(s.session.Outbox()) != 0 || !strings.Contains(got, "second") || strings.Contains(got, "first") {
		t.Errorf("%d unsent, screen\n%s", len(s.session.Outbox()), got)
	}
}

// clickOn clicks where the screen shows a text.
func (s *stay) clickOn(text string) bool {
	for y, l := range strings.Split(screenText(&s.grid), "\n") {
		if i := strings.Index(l, text); i >= 0 {
			s.update(Click{X: textWidth(l[:i]), Y: y})
			return true
		}
	}
	return false
}

func TestClicks(t *testing.T) {
	s := online(t, 80, 24)
	s.frame()
	s.clickOn("bob")
	s.clickOn("cleo")
	if s.input() != "bob: cleo " {
		t.Errorf("clicks on names wrote %q", s.input())
	}
	s.frame()
	s.clickOn(": cleo")
	s.typed("!")
	if s.input() != "bob!: cleo " {
		t.Errorf("a click into the input went elsewhere: %q", s.input())
	}
	s.clickOn("room 1")
	if got := s.frame(); strings.Contains(got, "│ bob") {
		t.Errorf("a click on the header does not hide the list:\n%s", got)
	}
	for i := range 60 {
		s.says(bob, fmt.Sprint("line ", i))
	}
	s.update(Wheel{X: 5, Y: 5, By: -3})
	s.frame()
	s.says(bob, "news")
	s.frame()
	if !s.clickOn("↓ 1 new") || !strings.Contains(s.frame(), "news") {
		t.Errorf("a click on the news does not lead there:\n%s", screenText(&s.grid))
	}
}

func TestALongNameIsAddressedWhole(t *testing.T) {
	long := person(7, "a name that is rather too long")
	s := online(t, 80, 24)
	s.entry(talk.KindJoined, long, "")
	s.frame()
	if s.clickOn("a name that is ra…"); s.input() != long.Username+": " {
		t.Errorf("the input is %q, the screen\n%s", s.input(), screenText(&s.grid))
	}
}

func TestANewNameIsNoticed(t *testing.T) {
	s := online(t, 40, 24)
	s.says(bob, "what does Lovelace say?")
	s.says(ada, "nothing")
	s.frame()
	s.enter("/name Lovelace")
	s.entry(talk.KindRenamed, talk.Member{UUID: ada.UUID, Username: "Lovelace"}, "ada")
	if got := s.frame(); !strings.Contains(got, "┃ bob: what") || !strings.Contains(got, "ada is now Lovelace") {
		t.Errorf("the screen is\n%s", got)
	}
}

func TestQuitting(t *testing.T) {
	exits := func(s *stay) (n int) {
		for _, e := range s.effects {
			if _, ok := e.(Exit); ok {
				n++
			}
		}
		return n
	}
	for name, do := range map[string]func(*stay){
		"/quit":         func(s *stay) { s.enter("/quit") },
		"Ctrl+C":        func(s *stay) { s.press("C-c") },
		"Ctrl+D":        func(s *stay) { s.press("C-d") },
		"text, Ctrl+C²": func(s *stay) { s.typed("abc"); s.press("C-c", "C-c") },
	} {
		s := online(t, 80, 24)
		do(s)
		if exits(s) == 0 {
			t.Errorf("%s does not end it", name)
		}
		if _, ok := s.sent[len(s.sent)-1].(talk.LeaveRoom); !ok {
			t.Errorf("%s does not leave the room", name)
		}
	}
	s := online(t, 80, 24)
	s.typed("abc")
	s.press("C-c")
	if exits(s) != 0 || s.input() != "" {
		t.Error("Ctrl+C over a text ends it")
	}
	if s.press("C-y"); s.input() != "abc" {
		t.Errorf("Ctrl+Y brings %q back", s.input())
	}
	s.press("Home", "C-d")
	if s.input() != "bc" || exits(s) != 0 {
		t.Errorf("Ctrl+D in a text left %q", s.input())
	}
	for n, want := range map[int]string{0: "", 1: "1 message is", 3: "3 messages are"} {
		if got := Farewell(n); !strings.HasPrefix(got, want) || (got == "") != (want == "") {
			t.Errorf("Farewell(%d) = %q", n, got)
		}
	}
}

func TestKeysHaveOneMeaning(t *testing.T) {
	seen := map[string]string{}
	for _, b := range bindings {
		for _, k := range b.keys {
			if other, twice := seen[k]; twice {
				t.Errorf("%s means %q and %q", k, other, b.does)
			}
			seen[k] = b.does
			if got := keyNamed(k).String(); got != k {
				t.Errorf("%q is the key %q", k, got)
			}
		}
		if b.show != "" && b.does == "" {
			t.Errorf("%s is not explained", b.show)
		}
	}
}

// TestTimePassesQuietly: a screen on which nothing happens asks for nothing.
func TestTimePassesQuietly(t *testing.T) {
	s := online(t, 80, 24)
	chat(s)
	s.frame()
	before := len(s.sent)
	s.now = s.now.Add(time.Hour)
	if effects := s.model.Settle(); len(effects) != 0 || len(s.sent) != before {
		t.Errorf("effects %v", effects)
	}
}
