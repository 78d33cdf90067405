package tui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// golden compares the screen with testdata/<name>.txt.
func (s *stay) golden(name string) {
	s.t.Helper()
	s.frame()
	got := goldenScreen(&s.grid)
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if got != string(want) {
		s.t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// goldenScreen writes down the text, the cursor, and the style of each cell as
// a letter that the legend explains.
func goldenScreen(g *Grid) string {
	var b strings.Builder
	b.WriteString(screenText(g))
	fmt.Fprintf(&b, "cursor %d,%d\n", g.CursorX, g.CursorY)
	letters := map[Style]byte{}
	var legend strings.Builder
	for y := range g.H {
		for x := range g.W {
			st := g.At(x, y).Style
			if _, ok := letters[st]; !ok {
				letters[st] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[len(letters)]
				fmt.Fprintf(&legend, "%c %s on %s %s %s\n", letters[st], colorText(st.FG), colorText(st.BG), attrText(st.Attr), st.Link)
			}
			b.WriteByte(letters[st])
		}
		b.WriteByte('\n')
	}
	b.WriteString(strings.ReplaceAll(legend.String(), " \n", "\n"))
	return b.String()
}

func colorText(c Color) string {
	switch {
	case c&rgbColor != 0:
		return fmt.Sprintf("#%06x", uint32(c&0xffffff))
	case c&ansiColor != 0:
		return fmt.Sprint("ansi", uint32(c&15))
	}
	return "own"
}

func attrText(a Attr) string {
	var s []string
	for i, n := range []string{"bold", "dim", "italic", "underline", "reverse"} {
		if a&(1<<i) != 0 {
			s = append(s, n)
		}
	}
	return strings.Join(s, "+")
}

// chat fills a room with a bit of everything.
func chat(s *stay) {
	s.now = noon.Add(-20 * time.Hour)
	s.entry(talk.KindJoined, ada, "")
	s.says(ada, "first!")
	s.now = noon
	s.entry(talk.KindJoined, bob, "")
	s.entry(talk.KindJoined, cleo, "")
	s.entry(talk.KindJoined, person(9, "dan"), "")
	s.entry(talk.KindLeft, person(9, "dan"), "")
	s.says(bob, "hello ada, have you seen https://example.org/a_(b)? It is long enough to need a second line here.")
	s.says(bob, "日本語のテキストと 👩‍👩‍👧 family, e\u0301 and\nanother line")
	s.now = noon.Add(2 * time.Minute)
	s.says(cleo, "two words")
	s.says(ada, "I have.")
	s.entry(talk.KindRenamed, person(0xb, "bobby"), "bob")
	s.entry(talk.KindJoined, person(0xd, "Ada"), "")
	s.says(person(0xd, "Ada"), "I am ada too")
}

func TestGoldenScreens(t *testing.T) {
	for _, c := range []struct {
		name string
		w, h int
		do   func(*stay)
	}{
		{"start", 80, 12, nil},
		{"chat", 100, 24, chat},
		{"chat-80", 80, 24, chat},
		{"chat-narrow", 40, 24, chat},
		{"chat-tiny", 20, 4, chat},
		{"chat-light", 80, 24, func(s *stay) { s.model.theme = Light(); chat(s) }},
		{"chat-plain", 80, 24, func(s *stay) { s.model.theme = Plain(); chat(s) }},
		{"chat-mono", 80, 24, func(s *stay) { s.model.theme = Mono(); chat(s) }},
		{"marks", 80, 16, marks},
		{"marks-narrow", 40, 16, marks},
		{"reconnecting", 80, 12, func(s *stay) {
			s.says(bob, "hello")
			s.drive(client.Closed{Conn: s.conn, Reason: "the wire\x1b]0;x\a was cut"}, false)
			s.enter("still there?")
			s.pass(3 * time.Second)
		}},
		{"refused", 80, 12, func(s *stay) {
			s.drive(client.Closed{Conn: s.conn, Code: talk.CloseNotYou, Reason: "this is not you"}, false)
		}},
		{"unread", 80, 16, func(s *stay) {
			s.says(bob, "seen")
			s.frame()
			s.update(Focus{On: false})
			s.says(bob, "not seen")
			s.says(cleo, "ada: look here")
		}},
		{"scrolled", 80, 12, func(s *stay) {
			for i := range 40 {
				s.says(bob, fmt.Sprint("line ", i))
			}
			s.frame()
			s.press("PgUp")
			s.frame()
			s.says(cleo, "new one")
			s.says(cleo, "new two")
		}},
		{"lines", 80, 14, func(s *stay) {
			s.says(bob, "hello")
			s.typed("one\ntwo ❤️ two\n" + strings.Repeat("three ", 14) + "end")
		}},
		{"limit", 80, 14, func(s *stay) {
			s.paste(strings.Repeat("word ", 801))
			s.press("Enter")
		}},
		{"menu", 80, 10, func(s *stay) {
			s.typed("/")
			s.press("Tab", "Tab")
		}},
		{"wrong", 80, 10, func(s *stay) { s.enter("/names Bob") }},
		{"help", 80, 24, func(s *stay) { s.enter("/help") }},
		{"help-narrow", 40, 24, func(s *stay) { s.press("F1") }},
		{"search", 80, 12, func(s *stay) {
			chat(s)
			s.enter("/search TWO")
		}},
		{"members-narrow", 40, 12, func(s *stay) { s.enter("/members") }},
		{"members-hidden", 80, 10, func(s *stay) { s.press("F2") }},
		{"members-many", 80, 8, func(s *stay) {
			var all []talk.Member
			for i := range 12 {
				all = append(all, person(byte(i+20), fmt.Sprint("guest with a long name ", i)))
			}
			s.drive(client.Closed{Conn: s.conn}, false)
			s.pass(time.Second)
			s.drive(client.Opened{Conn: s.conn}, false)
			s.receive(talk.Welcome{UUID: ada.UUID})
			s.receive(talk.Joined{RoomID: 1, Members: append(all, ada), MemberCount: 1234})
		}},
		{"cleared", 80, 10, func(s *stay) {
			chat(s)
			s.enter("/clear")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.do == nil {
				newStay(t, c.w, c.h).golden(c.name)
				return
			}
			s := online(t, c.w, c.h)
			c.do(s)
			s.golden(c.name)
		})
	}
}

// marks shows every state of a message.
func marks(s *stay) {
	s.says(bob, "stored")
	s.receive(talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: cleo.UUID, Name: "cleo", Text: "not stored yet",
		ID: entryID(99), Pending: true, UnixTime: uint64(s.now.Unix())})
	s.enter("taken")
	s.store()
	s.enter("refused for good")
	s.refuse(talk.Error{Code: talk.CodeRefused, Message: "This \x1b[31mtext is not wanted."})
	s.enter("accepted")
	s.receive(talk.Accepted{RoomID: 1, ID: s.lastPost().ID})
	s.enter("no answer")
	s.pass(time.Second)
	s.enter("fresh")
}

func (s *stay) lastPost() talk.Entry {
	for i := len(s.sent) - 1; i >= 0; i-- {
		if e, ok := s.sent[i].(talk.Entry); ok {
			return e
		}
	}
	s.t.Fatal("nothing was posted")
	return talk.Entry{}
}

func (s *stay) refuse(e talk.Error) {
	e.ID = s.lastPost().ID
	s.receive(e)
}
