package client

import (
	"testing"
	"time"

	"tuitalk/talk"
)

// FuzzHandle lets a server and a user do anything, in the order that the input
// gives, and holds the session to what it promises whoever is on the other side.
func FuzzHandle(f *testing.F) {
	f.Add([]byte("start and go on"))
	f.Add([]byte{0, 0, 1, 0, 2, 0, 3, 9, 9, 4, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2000 {
			return
		}
		r := newRig(t, known(), func(c *Config) { c.Keep = 50 })
		c := &chaos{data: data, open: map[ConnID]bool{}}
		r.do(Start{})
		c.follow(r)
		for len(c.data) > 0 {
			r.do(c.event(r))
			c.follow(r)
			c.check(t, r)
		}
	})
}

// chaos turns bytes into events.
type chaos struct {
	data []byte
	last ConnID
	open map[ConnID]bool
}

func (c *chaos) next(n int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := int(c.data[0])
	c.data = c.data[1:]
	return b % n
}

func (c *chaos) id() talk.UUID {
	return []talk.UUID{{}, meID, otherID, seqID(1), seqID(2), postID(1), postID(2), known().Session}[c.next(8)]
}

func (c *chaos) seq() int64 {
	return []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -1, 1 << 60, 1<<63 - 1, -1 << 63, 41}[c.next(16)]
}

func (c *chaos) room() int32 { return int32(1 + c.next(2)) }

// follow keeps track of the connections.
func (c *chaos) follow(r *rig) {
	for _, e := range r.done {
		switch e := e.(type) {
		case Dial:
			if e.Conn <= c.last {
				r.t.Fatalf("connection %d is dialled after %d", e.Conn, c.last)
			}
			c.last = e.Conn
		case Send:
			if !c.open[e.Conn] {
				r.t.Fatalf("sends %#v on connection %d, which is not open", e.Message, e.Conn)
			}
		case Hangup:
			delete(c.open, e.Conn)
		}
	}
	r.done = nil
}

func (c *chaos) event(r *rig) Event {
	conn := ConnID(max(0, int(c.last)-c.next(3)))
	switch c.next(16) {
	case 0:
		r.now = r.now.Add(time.Duration(c.next(256)) * 50 * time.Millisecond)
		return Tick{}
	case 1:
		r.now = r.now.Add(-time.Duration(c.next(256)) * time.Second)
		return Probe{}
	case 2:
		if conn > 0 && !c.open[conn] {
			c.open[conn] = true
			return Opened{conn}
		}
		return Start{}
	case 3:
		delete(c.open, conn)
		return Closed{Conn: conn, Code: 4000 + c.next(16)}
	case 4:
		return Post{ID: c.id(), Text: "text"}
	case 5:
		return Join{c.room()}
	case 6:
		return SetName{ID: c.id(), Name: string(rune('a' + c.next(4)))}
	case 7:
		return []Event{FetchOlder{c.next(256) - 10}, Clear{}, Retry{c.id()}, Discard{c.id()}, DecodeFailed{conn, talk.ErrSyntax}, Anew{otherSecret}}[c.next(6)]
	default:
		return Received{conn, c.message(0)}
	}
}

func (c *chaos) message(depth int) talk.Message {
	switch c.next(18) {
	case 0:
		return talk.Welcome{UUID: []talk.UUID{meID, meID, c.id()}[c.next(3)], Limits: talk.Limits{TextBytes: c.next(9) - 1}}
	case 1, 2:
		return talk.Joined{
			RoomID: c.room(), HeadSeq: c.seq(), HeadID: c.id(), AfterSeq: c.seq(), Reset: c.next(4) == 0,
			Members: []talk.Member{{UUID: c.id(), Username: "x"}}, MemberCount: int(c.seq()),
		}
	case 3:
		return talk.Stored{RoomID: c.room(), ID: c.id(), Seq: c.seq()}
	case 4:
		return talk.Accepted{RoomID: c.room(), ID: c.id()}
	case 5:
		return talk.Withdrawn{RoomID: c.room(), UUID: c.id(), ID: c.id()}
	case 6:
		return talk.Presence{RoomID: c.room(), MemberCount: int(c.seq())}
	case 7:
		return talk.Gap{RoomID: c.room(), From: c.seq(), To: c.seq(), ToID: c.id()}
	case 8:
		return talk.Reconnect{WithinMS: uint32(c.seq())}
	case 9:
		code := []talk.Code{
			talk.CodeBusy, talk.CodeNotJoined, talk.CodeBadRoom, talk.CodeBadName, talk.CodeRefused,
			talk.CodeUnavailable, talk.CodeOutOfTurn, "something new",
		}[c.next(8)]
		return talk.Error{Code: code, Message: "m", ID: c.id(), Retry: c.next(2) == 0, RetryMS: uint32(c.seq())}
	case 10:
		return talk.Ping{N: 1}
	case 11:
		return talk.Pong{N: 1}
	case 12:
		if depth > 0 {
			return talk.LocalError{}
		}
		h := talk.History{RoomID: c.room(), BeforeSeq: c.seq(), More: c.next(3) == 0, Complete: c.next(2) == 0}
		for range c.next(6) {
			h.Text = append(h.Text, c.message(1))
		}
		return h
	default:
		return talk.Entry{
			Kind:   []talk.Kind{talk.KindPosted, talk.KindJoined, talk.KindLeft, talk.KindRenamed}[c.next(4)],
			RoomID: c.room(), Author: c.id(), Name: "n", Text: "t", UnixTime: uint64(c.seq()),
			ID: c.id(), Seq: c.seq(), Pending: c.next(5) == 0,
		}
	}
}

func (c *chaos) check(t *testing.T, r *rig) {
	s := r.s
	if n := s.Log().Len(); n > 50+50/trimPart+talk.MaxFetch {
		t.Fatalf("%d entries in the log", n)
	}
	for i := range s.Log().Len() {
		if e := s.Log().At(i); e.RoomID != s.Room() || e.Pending || e.Seq < 1 {
			t.Fatalf("the log shows %+v", *e)
		}
	}
	if len(s.Pending()) > maxPending || len(s.Members()) > maxRoster || s.MemberCount() < 0 {
		t.Fatal("too much is kept")
	}
	for _, o := range s.Outbox() {
		if o.RoomID != s.Room() || o.Delivery > Failed {
			t.Fatalf("the outbox shows %+v", o)
		}
	}
	st := s.State()
	if st.Secret.UUID() != s.Me().UUID || st.Session.IsZero() || st.Name == "" {
		t.Fatalf("%+v", st)
	}
	s.Status()
}
