package app

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

// stage is an App with a page made of Go, a real Session, and a server whose
// part the test plays.
type stage struct {
	t       testing.TB
	now     time.Time
	session *client.Session
	app     *App
	dom     *dom
	kept    map[string]string
	conn    client.ConnID
	sent    []talk.Message
	seq     int64 // of the newest entry of the room
	posts   int   // of the user, for their ids
}

var (
	me  = talk.Secret{1}.UUID()
	ada = uuid(2)
	bob = uuid(3)
)

func uuid(n byte) talk.UUID { return talk.MakeUUID(8, [16]byte{15: n}) }

// Handle carries out effects as a Driver does, at the test's time.
func (s *stage) Handle(ev client.Event) (out client.Outcome) {
	if post, ok := ev.(client.Post); ok && post.ID.IsZero() {
		s.posts++
		post.ID = talk.MakeUUID(4, [16]byte{0: 99, 15: byte(s.posts), 14: byte(s.posts >> 8)})
		ev = post
	}
	for _, effect := range s.session.Handle(s.now, ev) {
		switch e := effect.(type) {
		case client.Dial:
			s.conn = e.Conn
		case client.Send:
			s.sent = append(s.sent, e.Message)
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

func (s *stage) Pref(shared bool, key string) string { return s.kept[shelf(shared)+key] }

func (s *stage) SetPref(shared bool, key, value string) error {
	s.kept[shelf(shared)+key] = value
	return nil
}

func shelf(shared bool) string { return strconv.FormatBool(shared) }

// newStage is a page in room 1 that nobody has connected yet.
func newStage(t testing.TB, kept map[string]string) *stage {
	t.Helper()
	s := &stage{t: t, now: time.Unix(1_700_000_000, 0), dom: newDOM(t), kept: kept}
	if s.kept == nil {
		s.kept = make(map[string]string)
	}
	var err error
	s.session, err = client.New(client.Config{Servers: []string{"ws://x/ws"}, Room: 1, Name: "me", Seed: 1},
		client.State{Secret: talk.Secret{1}})
	if err != nil {
		t.Fatal(err)
	}
	s.app = New(Config{Location: time.UTC, Wide: true, Address: "?room=1"}, s.session, s, s)
	return s
}

// joined is a stage in room 1, with so many messages there already.
func joined(t *testing.T, messages int) *stage {
	t.Helper()
	s := newStage(t, nil)
	s.open(messages)
	return s
}

// open starts the app and plays the server's part until the history is there.
func (s *stage) open(messages int) {
	s.t.Helper()
	s.app.Start(s.now, Opening{Shown: true, Focused: true})
	s.drive(client.Opened{Conn: s.conn})
	s.receive(talk.Welcome{UUID: me, Server: "node", Limits: talk.DefaultLimits()})
	s.join(1, messages)
	s.scrolled(Scrolled{View: 800, Following: true})
}

// join answers JoinRoom and the Fetch that follows.
func (s *stage) join(room int32, messages int) {
	s.t.Helper()
	s.seq = int64(messages)
	s.receive(talk.Joined{
		RoomID: room, HeadSeq: s.seq, AfterSeq: s.seq, MemberCount: 2,
		Members: []talk.Member{{UUID: me, Username: "me"}, {UUID: ada, Username: "ada"}},
	})
	s.answerFetch(room)
	s.frame()
}

// answerFetch plays the history: entry n says "message n".
func (s *stage) answerFetch(room int32) {
	s.t.Helper()
	for _, m := range s.take() {
		f, ok := m.(talk.Fetch)
		if !ok {
			continue
		}
		h := talk.History{RoomID: room, BeforeSeq: f.BeforeSeq}
		for seq := max(1, f.BeforeSeq-f.Limit); seq < f.BeforeSeq; seq++ {
			h.Text = append(h.Text, s.said(room, seq, ada, "ada", "message "+strconv.FormatInt(seq, 10)))
		}
		s.receive(h)
	}
}

func (s *stage) said(room int32, seq int64, author talk.UUID, name, text string) talk.Entry {
	return talk.Entry{
		Kind: talk.KindPosted, RoomID: room, Author: author, Name: name, Text: text,
		ID: talk.MakeUUID(4, [16]byte{0: byte(seq >> 16), 1: byte(seq >> 8), 2: byte(seq)}), Seq: seq,
		UnixTime: 1_690_000_000 + 400*uint64(seq),
	}
}

// say lets somebody say something in the present room.
func (s *stage) say(author talk.UUID, name, text string) {
	s.t.Helper()
	s.next(talk.Entry{Kind: talk.KindPosted, Author: author, Name: name, Text: text})
}

// next lets an entry arrive with the next seq.
func (s *stage) next(e talk.Entry) {
	s.t.Helper()
	s.seq++
	e.RoomID, e.Seq = s.session.Room(), s.seq
	if e.UnixTime == 0 {
		e.UnixTime = 1_690_000_000 + 400*uint64(s.seq)
	}
	if e.ID.IsZero() {
		e.ID = talk.MakeUUID(4, [16]byte{3: 1, 1: byte(s.seq >> 8), 2: byte(s.seq)})
	}
	s.receive(e)
}

func (s *stage) receive(m talk.Message) {
	s.t.Helper()
	s.drive(client.Received{Conn: s.conn, Message: m})
}

func (s *stage) drive(ev client.Event) {
	s.t.Helper()
	s.app.Drive(s.now, ev)
}

func (s *stage) handle(ev Event) bool {
	s.t.Helper()
	taken := s.app.Handle(s.now, ev)
	s.frame()
	return taken
}

// scrolled tells where the view is, as the page does after each patch.
func (s *stage) scrolled(ev Scrolled) {
	s.t.Helper()
	s.handle(ev)
}

// frame writes all that is stale to the page.
func (s *stage) frame() {
	s.t.Helper()
	var p Patch
	for n := 0; s.app.Stale(); n++ {
		if n == 5 {
			s.t.Fatal("the page is never done")
		}
		p.Reset()
		s.app.Frame(s.now, &p)
		s.dom.apply(&p)
	}
}

// pass lets time go by.
func (s *stage) pass(d time.Duration) {
	s.t.Helper()
	s.now = s.now.Add(d)
	s.drive(client.Tick{})
	s.app.Tick(s.now)
	s.frame()
}

// take returns what was sent since it was called the last time.
func (s *stage) take() []talk.Message {
	sent := s.sent
	s.sent = nil
	return sent
}

// enter types a line and strikes Enter.
func (s *stage) enter(line string) {
	s.t.Helper()
	s.handle(Typed{Text: line, Caret: utf16Len(line)})
	s.handle(Key{Name: "Enter", Text: line, From: utf16Len(line), To: utf16Len(line)})
}

// posted are the texts that went to the server since take.
func (s *stage) posted() (texts []string) {
	for _, m := range s.take() {
		if e, ok := m.(talk.Entry); ok && e.Kind == talk.KindPosted {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

func (s *stage) el(id string) *element {
	s.t.Helper()
	e := s.dom.byID[id]
	if e == nil {
		s.t.Fatalf("the page has no element %s", id)
	}
	return e
}

// texts are those of the messages in the page, in order.
func (s *stage) texts() (texts []string) {
	for _, e := range s.el("log").all("text") {
		texts = append(texts, e.text())
	}
	return texts
}

func (s *stage) notices() string {
	var all []string
	for _, e := range s.el("notices").all("notice-text") {
		all = append(all, e.text())
	}
	return strings.Join(all, "|")
}
