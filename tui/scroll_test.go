package tui

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tuitalk/client"
	"tuitalk/talk"
)

// lines sends n messages, some of several lines.
func (s *stay) lines(n int) {
	for i := range n {
		text := fmt.Sprint("line ", i)
		if i%5 == 0 {
			text += strings.Repeat(" and more of it", 6)
		}
		s.says([]talk.Member{bob, cleo}[i/3%2], text)
	}
}

// logText is the log on the screen, line by line.
func (s *stay) logText() []string {
	s.frame()
	a := s.model.layout()
	all := strings.Split(screenText(&s.grid), "\n")[a.logY : a.logY+a.logH]
	for i, l := range all {
		all[i] = strings.TrimRight(l, " │")
	}
	return all
}

func TestNewMessagesDoNotMoveTheView(t *testing.T) {
	s := online(t, 60, 16)
	s.lines(60)
	s.press("PgUp", "S-Up")
	before := s.logText()
	for i := range 30 {
		s.says(cleo, fmt.Sprint("new ", i))
		if after := s.logText(); strings.Join(after, "\n") != strings.Join(before, "\n") {
			t.Fatalf("after %d messages the view moved from\n%s\nto\n%s", i+1, strings.Join(before, "\n"), strings.Join(after, "\n"))
		}
	}
	if got := s.frame(); !strings.Contains(got, "↓ 30 new") {
		t.Errorf("no count:\n%s", got)
	}
	s.press("C-End")
	if got := s.frame(); !strings.Contains(got, "new 29") || strings.Contains(got, "↓") {
		t.Errorf("not at the end:\n%s", got)
	}
}

func TestOlderHistoryDoesNotMoveTheView(t *testing.T) {
	for _, by := range []int{1, 3, 40} {
		s := newStay(t, 60, 16)
		s.drive(client.Start{}, false)
		s.drive(client.Opened{Conn: s.conn}, false)
		s.receive(talk.Welcome{UUID: ada.UUID})
		s.joined(500, ada)
		s.history(30)
		s.frame()
		s.press("PgUp")
		for s.oldest() > 1 {
			before := s.logText()
			for range 10 {
				if s.session.Loading() {
					break
				}
				s.press("PgUp")
				before = s.logText()
			}
			if !s.session.Loading() {
				t.Fatalf("at entry %d nothing is loaded; the screen is\n%s", s.oldest(), strings.Join(before, "\n"))
			}
			// Compare what is below the line at the top, which says that it loads.
			s.history(by)
			after := s.logText()
			if got, want := strings.Join(after[1:], "\n"), strings.Join(before[1:], "\n"); got != want && before[0] == "" {
				t.Fatalf("the view moved from\n%s\nto\n%s", want, got)
			}
		}
		s.press("C-Home")
		if got := s.frame(); !strings.Contains(got, "where room 1 begins") {
			t.Errorf("the top is\n%s", got)
		}
		if s.model.wantsOlder() {
			t.Error("it wants what is older than the first")
		}
	}
}

func (s *stay) oldest() int64 {
	if s.session.Log().Len() == 0 {
		return 0
	}
	return s.session.Log().At(0).Seq
}

// TestHistoryIsAskedForOnce: the view does not repeat a question whose answer
// was nothing, until the user scrolls again.
func TestHistoryIsAskedForOnce(t *testing.T) {
	s := newStay(t, 60, 16)
	s.drive(client.Start{}, false)
	s.drive(client.Opened{Conn: s.conn}, false)
	s.receive(talk.Welcome{UUID: ada.UUID})
	s.joined(500, ada)
	s.history(3)
	s.frame()
	fetches := func() (n int) {
		for _, m := range s.sent {
			if _, ok := m.(talk.Fetch); ok {
				n++
			}
		}
		return n
	}
	if fetches() != 2 {
		t.Fatalf("%d fetches for a screen that is not full", fetches())
	}
	s.receive(talk.Error{Code: talk.CodeBadLimit, Message: "no"})
	for range 5 {
		s.frame()
	}
	if fetches() != 2 {
		t.Errorf("%d fetches after a refusal", fetches())
	}
	s.pass(1e10)
	s.press("PgUp")
	s.frame()
	if fetches() != 3 {
		t.Errorf("%d fetches after the user scrolled", fetches())
	}
}

func TestScrollKeys(t *testing.T) {
	s := online(t, 60, 16)
	s.lines(100)
	end := s.logText()
	same := func(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }
	for _, c := range [][2]string{{"PgUp", "PgDn"}, {"S-Up", "S-Down"}, {"C-Home", "C-End"}} {
		s.press(c[0])
		if same(s.logText(), end) {
			t.Errorf("%s does not move", c[0])
		}
		s.press(c[1])
		if !same(s.logText(), end) || !s.model.scroll.follow {
			t.Errorf("%s does not come back", c[1])
		}
	}
	s.press("S-Up", "S-Up", "S-Up")
	three := s.logText()
	if !same(three[3:], end[:len(end)-3]) {
		t.Errorf("three lines up:\n%s", strings.Join(three, "\n"))
	}
	s.press("C-End")
	s.update(Wheel{X: 1, Y: 3, By: -1})
	if !same(s.logText(), three) {
		t.Errorf("a notch of the wheel:\n%s", strings.Join(s.logText(), "\n"))
	}
	s.enter("mine")
	if !s.model.scroll.follow {
		t.Error("sending does not lead to the end")
	}
	for range 200 {
		s.press("PgUp")
	}
	if s.logText()[0] == "" {
		t.Errorf("beyond the top:\n%s", strings.Join(s.logText(), "\n"))
	}
}

// TestScrollingIsExact walks through a log line by line: every line comes once.
func TestScrollingIsExact(t *testing.T) {
	s := online(t, 60, 12)
	s.lines(40)
	s.press("C-Home")
	first := s.logText()
	walked := append([]string(nil), first...)
	for !s.model.scroll.follow {
		s.press("S-Down")
		now := s.logText()
		walked = append(walked, now[len(now)-1])
	}
	s.update(Resize{W: 60, H: len(walked) + 3})
	s.press("C-End")
	whole := s.logText()
	if got, want := strings.Join(walked, "\n"), strings.Join(whole, "\n"); got != want {
		t.Errorf("walked\n%s\nwhole\n%s", got, want)
	}
}

// TestResizeKeepsThePlace: the message in the middle is there afterwards.
func TestResizeKeepsThePlace(t *testing.T) {
	s := online(t, 60, 20)
	s.lines(200)
	for range 5 {
		s.press("PgUp")
	}
	s.frame()
	text := s.model.view.Rows.At(s.model.view.Rows.Index(s.model.scroll.key)).Entry.Text
	for _, size := range [][2]int{{100, 20}, {30, 20}, {60, 8}, {20, 4}, {60, 20}} {
		s.update(Resize{W: size[0], H: size[1]})
		if got := strings.Join(s.logText(), " "); !strings.Contains(got, text[:7]) {
			t.Errorf("at %v %q is gone: %s", size, text[:7], got)
		}
	}
}

func TestUnreadLine(t *testing.T) {
	s := online(t, 60, 30)
	has := func() int { return strings.Count(strings.Join(s.logText(), "\n"), "── unread ──") }
	s.says(bob, "one")
	s.frame()
	if has() != 0 {
		t.Error("an unread line while the user is here")
	}
	s.update(Focus{On: false})
	s.frame()
	s.entry(talk.KindJoined, person(9, "dan"), "")
	if has() != 0 {
		t.Error("an unread line for a join")
	}
	s.says(bob, "two")
	s.says(bob, "three")
	if has() != 1 || s.model.title != "(2) TuiTalk 1" {
		t.Errorf("%d lines, title %q, screen\n%s", has(), s.model.title, screenText(&s.grid))
	}
	s.update(Focus{On: true})
	s.frame()
	s.says(bob, "four")
	if has() != 1 || s.model.title != "TuiTalk 1" {
		t.Errorf("%d lines, title %q", has(), s.model.title)
	}
	s.update(Focus{On: false})
	s.frame()
	s.says(bob, "five")
	got := strings.Join(s.logText(), "\n")
	if i, j := strings.Index(got, "unread"), strings.Index(got, "five"); has() != 1 || i < strings.Index(got, "four") || i > j {
		t.Errorf("the line did not go on:\n%s", got)
	}
}

func TestUnreadLineOfAnotherRoom(t *testing.T) {
	s := online(t, 60, 14)
	s.says(bob, "read")
	s.frame()
	s.enter("/room 2")
	s.room = 2
	s.joined(0, ada)
	s.frame()
	s.enter("/room 1")
	s.room = 1
	s.joined(101, ada)
	s.history(101)
	s.frame()
	if _, line := s.model.view.Rows.Unread(); line.Seq != 2 {
		t.Fatalf("the line stands before %d", line.Seq)
	}
	s.enter("/unread")
	if got := s.logText(); !strings.Contains(strings.Join(got, "\n"), "unread") {
		t.Errorf("no jump:\n%s", strings.Join(got, "\n"))
	}
	s.enter("/room 3")
	s.press("M-u")
	if got := s.frame(); !strings.Contains(got, "nothing unread") {
		t.Errorf("nothing is said:\n%s", got)
	}
}

// TestUnreadLineOverARestart: what was read is known at the next start, and so is
// what was written and not sent.
func TestUnreadLineOverARestart(t *testing.T) {
	s := online(t, 60, 14)
	s.says(bob, "read")
	s.frame()
	s.typed("half a sentence")
	s.frame()
	s.model.Save()
	next := newStayKept(t, 60, 14, s.kept)
	next.drive(client.Start{}, false)
	next.drive(client.Opened{Conn: next.conn}, false)
	next.receive(talk.Welcome{UUID: ada.UUID, Limits: talk.DefaultLimits()})
	next.joined(4, ada)
	next.history(4)
	next.frame()
	if _, line := next.model.view.Rows.Unread(); line.Seq != 2 || next.input() != "half a sentence" {
		t.Errorf("the line stands before %d, the input is %q", line.Seq, next.input())
	}
}

func TestFind(t *testing.T) {
	s := online(t, 60, 12)
	s.says(bob, "the first Straße")
	s.lines(30)
	s.says(bob, "the SECOND straße")
	s.lines(30)
	s.enter("/search STRASSE")
	if got := s.frame(); !strings.Contains(got, "comes no more further up") {
		t.Errorf("something was found:\n%s", got)
	}
	s.enter("/search STRAßE")
	if got := s.frame(); !strings.Contains(got, "SECOND") {
		t.Errorf("not found:\n%s", got)
	}
	s.press("C-r")
	if got := s.frame(); !strings.Contains(got, "the first") {
		t.Errorf("not the older one:\n%s", got)
	}
	s.press("C-r")
	if got := s.frame(); !strings.Contains(got, "comes no more further up") || !strings.Contains(got, "the first") {
		t.Errorf("beyond the oldest:\n%s", got)
	}
	s.press("C-s")
	if got := s.frame(); !strings.Contains(got, "SECOND") {
		t.Errorf("not the newer one:\n%s", got)
	}
	found := 0
	for i := range s.grid.cells {
		if s.grid.cells[i].Style.BG == s.model.theme.Found.BG {
			found++
		}
	}
	if found != len("straße")-1 {
		t.Errorf("%d cells are marked", found)
	}
	s.press("Esc", "Esc", "Esc")
	if s.model.view.Search.Text() != "" || !s.model.scroll.follow {
		t.Error("Esc does not end the search")
	}
	s.press("C-r")
	if got := s.frame(); !strings.Contains(got, "/search <text>") {
		t.Errorf("nothing is said:\n%s", got)
	}
}

// FuzzScreen does anything at all on a screen of any size, with hostile texts:
// nothing panics, and no cell ever holds what a terminal could obey.
func FuzzScreen(f *testing.F) {
	f.Add(uint64(1), "\x1b]0;title\a\u202e\u200b"+family, 40, 10)
	f.Add(uint64(2), "\u009b31m日本\u0301\u0301 https://a.example/\x1b[m", 1, 1)
	f.Add(uint64(3), "", 0, 0)
	f.Add(uint64(4), "\u2e3b\u0600日 /room 2", 20, 4)
	f.Fuzz(func(t *testing.T, seed uint64, text string, w, h int) {
		if len(text) > 500 {
			return
		}
		rnd := rand.New(rand.NewPCG(seed, 0))
		s := online(t, abs(w%130), abs(h%50))
		s.anything(rnd, text, 60)
	})
}

// TestAnything is some of FuzzScreen in every run.
func TestAnything(t *testing.T) {
	texts := []string{"\x1b]0;title\a\u202e\u200b" + family, "\u009b31m日本\u0301 https://a.example/\x1b[m x", "", "a b\nc\td \xff /"}
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		s := online(t, rnd.IntN(130), rnd.IntN(50))
		s.anything(rnd, texts[seed%4], 60)
	}
}

func abs(n int) int { return max(n, -n) }

// anything makes n random things happen.
func (s *stay) anything(rnd *rand.Rand, text string, n int) {
	who := func() talk.Member { return person(byte(rnd.IntN(4)), text[rnd.IntN(len(text)+1):]) }
	var names []string
	for _, b := range bindings {
		names = append(names, b.keys...)
	}
	things := []func(){
		func() { s.press(names[rnd.IntN(len(names))]) },
		func() { s.typed(text) },
		func() { s.paste(text) },
		func() { s.enter("/search " + text) },
		func() { s.says(who(), text[rnd.IntN(len(text)+1):]) },
		func() { s.lines(rnd.IntN(10)) },
		func() { s.entry(talk.Kind([]int{0, 1, 2, 4}[rnd.IntN(4)]), who(), text) },
		func() {
			s.receive(talk.Error{Code: talk.Code(text), Message: text})
		},
		func() { s.drive(client.Closed{Conn: s.conn, Reason: text}, false); s.pass(5e9) },
		func() { s.update(Resize{W: rnd.IntN(130), H: rnd.IntN(50)}) },
		func() { s.update(Wheel{X: rnd.IntN(130), Y: rnd.IntN(50), By: rnd.IntN(9) - 4}) },
		func() { s.update(Click{X: rnd.IntN(130), Y: rnd.IntN(50)}) },
		func() { s.update(Focus{On: rnd.IntN(2) == 0}) },
		func() { s.update(Paste{On: rnd.IntN(2) == 0}) },
		func() { s.press("F1", "F2") },
		func() { s.model.theme = []Theme{Dark(), Light(), Plain(), Mono()}[rnd.IntN(4)] },
		func() {
			if len(s.session.Outbox()) > 0 && s.session.Status().Phase == client.Online {
				e := s.lastPost()
				s.receive(talk.Error{ID: e.ID, Code: talk.CodeRefused, Message: text})
			}
		},
		func() { s.pass(1e9) },
		func() {
			s.drive(client.Opened{Conn: s.conn}, false)
			s.receive(talk.Welcome{UUID: ada.UUID, Server: text})
			s.receive(talk.Joined{RoomID: s.session.Room(), HeadSeq: s.seq, AfterSeq: s.seq, HeadID: entryID(s.seq), Members: []talk.Member{ada, who(), who()}, MemberCount: rnd.IntN(9)})
		},
		func() {
			s.receive(talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: who().UUID, Name: text, Text: text, Pending: true, ID: entryID(int64(rnd.IntN(50)))})
		},
	}
	for range n {
		things[rnd.IntN(len(things))]()
		s.frame()
	}
}
