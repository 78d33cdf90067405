package tui

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

// noon is a Saturday.
var noon = time.Date(2025, time.March, 1, 12, 0, 0, 0, time.UTC)

var (
	ada  = talk.Member{UUID: talk.Secret{9}.UUID(), Username: "ada"}
	bob  = person(0xb, "bob")
	cleo = person(0xc, "cleo")
)

func person(n byte, name string) talk.Member {
	return talk.Member{UUID: talk.MakeUUID(8, [16]byte{n, n, n, n}), Username: name}
}

// stay is a model over a real session, whose server is the test. It is a
// Driver too.
type stay struct {
	t       testing.TB
	session *client.Session
	model   *Model
	grid    Grid
	now     time.Time
	conn    client.ConnID
	sent    []talk.Message
	effects []Effect // that are not Do
	wake    time.Time
	kept    *memory
	seq     int64
	room    int32
}

func newStay(t testing.TB, w, h int) *stay { return newStayKept(t, w, h, &memory{}) }

// newStayKept is a stay that begins with what an earlier one has left.
func newStayKept(t testing.TB, w, h int, kept *memory) *stay {
	t.Helper()
	s := &stay{t: t, now: noon, room: 1, kept: kept}
	var err error
	s.session, err = client.New(client.Config{Servers: []string{"ws://chat.example/ws"}, Name: "ada", Room: 1, Seed: 1},
		client.State{Secret: talk.Secret{9}, Room: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.model = New(Options{Session: s.session, Zone: time.UTC, Theme: Dark(), Version: "v0", W: w, H: h, Prefs: kept})
	return s
}

// online is a stay that has joined its room, whose log has no entry yet.
func online(t testing.TB, w, h int) *stay {
	s := newStay(t, w, h)
	s.drive(client.Start{}, false)
	s.drive(client.Opened{Conn: s.conn}, false)
	s.receive(talk.Welcome{UUID: ada.UUID, Server: "node-1", Limits: talk.DefaultLimits()})
	s.joined(0, ada, bob, cleo)
	s.frame()
	return s
}

// joined answers JoinRoom: the live view starts behind head.
func (s *stay) joined(head int64, members ...talk.Member) {
	s.seq = head
	s.receive(talk.Joined{RoomID: s.room, HeadSeq: head, HeadID: entryID(head), AfterSeq: head, Members: members, MemberCount: len(members)})
}

func entryID(seq int64) talk.UUID {
	return talk.MakeUUID(4, [16]byte{0xe, byte(seq), byte(seq >> 8), byte(seq >> 16)})
}

func (s *stay) Events() <-chan client.Event { return nil }

// Handle does what a Driver does, as far as it concerns a view.
func (s *stay) Handle(ev client.Event) (out client.Outcome) {
	if p, ok := ev.(client.Post); ok && p.ID.IsZero() {
		p.ID = talk.MakeUUID(4, [16]byte{0xf, byte(len(s.sent)), byte(len(s.sent) >> 8)})
		ev = p
	}
	for _, e := range s.session.Handle(s.now, ev) {
		switch e := e.(type) {
		case client.Dial:
			s.conn = e.Conn
		case client.Send:
			s.sent = append(s.sent, e.Message)
		case client.WakeAt:
			s.wake = e.At
		case client.Changed:
			out.Change |= e.What
		case client.Notice:
			out.Notices = append(out.Notices, e)
			out.Refused = out.Refused || e.Refused
		case client.Done:
			out.Done = true
		}
	}
	return out
}

func (s *stay) drive(ev client.Event, byUser bool) {
	h := ClientOutcome{Outcome: s.Handle(ev)}
	if byUser {
		h.Cause = ev
	}
	s.do(s.model.Update(h))
}

func (s *stay) receive(m talk.Message) { s.drive(client.Received{Conn: s.conn, Message: m}, false) }

// pass lets time go by.
func (s *stay) pass(d time.Duration) {
	s.now = s.now.Add(d)
	for range 20 {
		s.drive(client.Tick{}, false)
	}
}

func (s *stay) update(ev Event) { s.do(s.model.Update(ev)) }

func (s *stay) do(effects []Effect) {
	for _, e := range effects {
		if e, ok := e.(Do); ok {
			s.drive(e.Event, true)
			continue
		}
		s.effects = append(s.effects, e)
	}
}

// frame settles and draws.
func (s *stay) frame() string {
	s.do(s.model.Settle())
	s.model.View(&s.grid)
	s.model.hits = append(s.model.hits[:0], s.grid.hits...)
	checkGrid(s.t, &s.grid)
	return screenText(&s.grid)
}

// entry sends the next entry of the room.
func (s *stay) entry(kind talk.Kind, who talk.Member, text string) {
	s.seq++
	s.receive(talk.Entry{Kind: kind, RoomID: s.room, Author: who.UUID, Name: who.Username, Text: text,
		UnixTime: uint64(s.now.Unix()), ID: entryID(s.seq), Seq: s.seq})
}

func (s *stay) says(who talk.Member, text string) { s.entry(talk.KindPosted, who, text) }

// store answers the last post of the user.
func (s *stay) store() {
	for i := len(s.sent) - 1; i >= 0; i-- {
		if e, ok := s.sent[i].(talk.Entry); ok {
			s.seq++
			e.Seq, e.UnixTime = s.seq, uint64(s.now.Unix())
			s.receive(talk.Stored{RoomID: s.room, ID: e.ID, Seq: e.Seq})
			s.receive(e)
			return
		}
	}
	s.t.Fatal("nothing was posted")
}

// history answers a Fetch with n entries before the log, down to seq 1.
func (s *stay) history(n int) {
	f := s.lastFetch()
	if f == nil {
		s.t.Fatal("nothing was fetched")
	}
	var text []talk.Message
	first := max(f.BeforeSeq-int64(n), 1)
	for seq := first; seq < f.BeforeSeq; seq++ {
		text = append(text, talk.Entry{Kind: talk.KindPosted, RoomID: s.room, Author: bob.UUID, Name: bob.Username,
			Text: fmt.Sprint("old ", seq), UnixTime: uint64(s.now.Unix()) - uint64(f.BeforeSeq-seq), ID: entryID(seq), Seq: seq})
	}
	s.receive(talk.History{Text: text, RoomID: s.room, BeforeSeq: f.BeforeSeq, Complete: first == 1})
}

func (s *stay) lastFetch() *talk.Fetch {
	for i := len(s.sent) - 1; i >= 0; i-- {
		if f, ok := s.sent[i].(talk.Fetch); ok {
			return &f
		}
	}
	return nil
}

// press presses keys by the names of the table: "C-a", "Enter", "S-Tab".
func (s *stay) press(names ...string) {
	for _, n := range names {
		s.update(keyNamed(n))
	}
}

func keyNamed(name string) Key {
	var k Key
	for len(name) > 2 && name[1] == '-' {
		k.Mod |= map[byte]Mod{'C': Ctrl, 'M': Alt, 'S': Shift}[name[0]]
		name = name[2:]
	}
	if r := []rune(name); len(r) == 1 {
		k.Rune = r[0]
	} else {
		k.Name = name
	}
	return k
}

// typed types a text, newlines as Alt+Enter.
func (s *stay) typed(text string) {
	for _, r := range text {
		if r == '\n' {
			s.press("M-Enter")
		} else {
			s.update(Key{Rune: r})
		}
	}
}

// enter types a line and sends it.
func (s *stay) enter(text string) {
	s.typed(text)
	s.press("Enter")
}

func (s *stay) paste(text string) {
	s.update(Paste{On: true})
	for _, r := range text {
		switch r {
		case '\n':
			s.press("Enter")
		case '\t':
			s.press("Tab")
		default:
			s.update(Key{Rune: r})
		}
	}
	s.update(Paste{On: false})
	s.do(s.model.Settle())
}

func (s *stay) input() string { return s.model.edit.Text() }

// posted is the texts that were sent.
func (s *stay) posted() (texts []string) {
	for _, m := range s.sent {
		if e, ok := m.(talk.Entry); ok {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// screenText is what is on a grid, without the blanks at the end of lines.
func screenText(g *Grid) string {
	var b strings.Builder
	for y := range g.H {
		var l strings.Builder
		for x := range g.W {
			switch c := g.At(x, y); {
			case c.Width == 0:
			case c.Text == "":
				l.WriteByte(' ')
			default:
				l.WriteString(c.Text)
			}
		}
		b.WriteString(strings.TrimRight(l.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// checkGrid holds what a Grid promises.
func checkGrid(t testing.TB, g *Grid) {
	t.Helper()
	for y := range g.H {
		for x := 0; x < g.W; x++ {
			c := g.At(x, y)
			switch {
			case c.Width == 0:
				t.Fatalf("%d,%d is half of nothing", x, y)
			case c.Width == 2 && (x+1 == g.W || g.At(x+1, y).Width != 0):
				t.Fatalf("%d,%d: %q has no right half", x, y, c.Text)
			}
			checkCell(t, c)
			x += int(c.Width) - 1
		}
	}
	if g.CursorX >= g.W && g.W > 0 || g.CursorY >= g.H && g.H > 0 {
		t.Fatalf("the cursor is at %d,%d of %d,%d", g.CursorX, g.CursorY, g.W, g.H)
	}
}

func checkCell(t testing.TB, c *Cell) {
	if c.Text == "" {
		return
	}
	cluster, rest, width := firstCluster(c.Text)
	if rest != "" || width != int(c.Width) || len(cluster) > maxClusterBytes {
		t.Fatalf("a cell of width %d holds %q", c.Width, c.Text)
	}
	for i, r := range c.Text {
		if unshown(r) || i == 0 && (r == '\u200c' || r == '\u200d') {
			t.Fatalf("a cell holds %q", c.Text)
		}
	}
	for _, r := range c.Style.Link {
		if r <= ' ' || unshown(r) {
			t.Fatalf("a cell leads to %q", c.Style.Link)
		}
	}
}

// memory is what outlives a program. The program and its test look at it.
type memory struct{ prefs sync.Map }

func (m *memory) Pref(_ bool, key string) string {
	value, _ := m.prefs.Load(key)
	s, _ := value.(string)
	return s
}

func (m *memory) SetPref(_ bool, key, value string) error {
	m.prefs.Store(key, value)
	return nil
}
