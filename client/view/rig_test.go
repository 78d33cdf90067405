package view

import (
	"strconv"
	"testing"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

// rig is a View over a real Session, whose server is the test.
type rig struct {
	t       *testing.T
	session *client.Session
	view    *View
	now     time.Time
	conn    client.ConnID
	sent    []talk.Message
	seq     int64
	news    News
	told    []string // notices
}

var (
	meSecret = talk.Secret{1}
	dora     = talk.Member{UUID: talk.MakeUUID(8, [16]byte{0xd}), Username: "dora"}
)

func newRig(t *testing.T, prefs Prefs) *rig {
	t.Helper()
	s, err := client.New(client.Config{Servers: []string{"ws://x/ws"}, Room: 1, Name: "me", Seed: 1}, client.State{Secret: meSecret})
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, session: s, view: New(s, time.UTC, prefs), now: time.Unix(noon, 0)}
}

// online is a rig in room 1, whose log has so many entries of dora's; the
// user sees what comes.
func online(t *testing.T, prefs Prefs, entries int) *rig {
	t.Helper()
	r := newRig(t, prefs)
	r.view.Attend(true)
	r.do(client.Start{})
	r.open(entries)
	return r
}

// open opens the line and joins.
func (r *rig) open(entries int) {
	r.t.Helper()
	r.do(client.Opened{Conn: r.conn})
	r.get(talk.Welcome{UUID: meSecret.UUID(), Limits: talk.DefaultLimits()})
	r.join(entries)
	r.answer(0)
}

func (r *rig) do(ev client.Event) client.Outcome {
	r.t.Helper()
	var out client.Outcome
	if p, ok := ev.(client.Post); ok {
		p.ID = talk.UUID{0xf, byte(len(r.sent))}
		ev = p
	}
	for _, e := range r.session.Handle(r.now, ev) {
		switch e := e.(type) {
		case client.Dial:
			r.conn = e.Conn
		case client.Send:
			r.sent = append(r.sent, e.Message)
		case client.Changed:
			out.Change |= e.What
		case client.Notice:
			out.Notices = append(out.Notices, e)
			out.Refused = out.Refused || e.Refused
		}
	}
	r.news = r.view.Update(ev, out)
	for _, n := range r.news.Notices {
		r.told = append(r.told, n.Text)
	}
	r.view.Settle()
	return out
}

func (r *rig) get(m talk.Message) {
	r.t.Helper()
	r.do(client.Received{Conn: r.conn, Message: m})
}

func (r *rig) join(entries int) {
	r.t.Helper()
	r.seq = int64(entries)
	r.get(talk.Joined{
		RoomID: r.session.Room(), HeadSeq: r.seq, AfterSeq: r.seq, MemberCount: 2,
		Members: []talk.Member{dora, {UUID: meSecret.UUID(), Username: "me"}},
	})
}

// answer answers the last Fetch, if it is new, with at most most entries; 0: all.
func (r *rig) answer(most int64) {
	r.t.Helper()
	f, ok := r.sent[len(r.sent)-1].(talk.Fetch)
	if !ok {
		return
	}
	if most == 0 {
		most = f.Limit
	}
	r.sent = append(r.sent, nil)
	h := talk.History{RoomID: f.RoomID, BeforeSeq: f.BeforeSeq}
	for seq := max(1, f.BeforeSeq-most); seq < f.BeforeSeq; seq++ {
		e := entry(seq, int(seq), talk.KindPosted, dora, "message "+strconv.FormatInt(seq, 10))
		e.RoomID = f.RoomID
		h.Text = append(h.Text, e)
	}
	r.get(h)
}

// says lets somebody say something in the room that is shown.
func (r *rig) says(who talk.Member, text string) {
	r.t.Helper()
	r.seq++
	e := entry(r.seq, int(r.seq), talk.KindPosted, who, text)
	e.RoomID = r.session.Room()
	r.get(e)
}

// enter submits a line and hands over what it means.
func (r *rig) enter(line string) Input {
	r.t.Helper()
	in, err := r.view.Submit(line)
	if err != nil {
		r.t.Fatalf("%s: %v", line, err)
	}
	for _, ev := range in.Events {
		r.do(ev)
	}
	return in
}

// goTo changes the room and joins it.
func (r *rig) goTo(room int32, entries int) {
	r.t.Helper()
	r.do(client.Join{Room: room})
	r.join(entries)
	r.answer(0)
}

// unreadIs checks the line, by the seq that follows it, and the count.
func (r *rig) unreadIs(line int64, fresh int) {
	r.t.Helper()
	if _, key := r.view.Rows.Unread(); key.Seq != line || r.view.Fresh() != fresh {
		r.t.Errorf("the unread line stands before %d with %d fresh ones, want %d, %d", key.Seq, r.view.Fresh(), line, fresh)
	}
}
