package client

import (
	"strings"
	"testing"
	"time"

	"tuitalk/talk"
)

// aside are Errors without id that are not about a JoinRoom.
var aside = map[string]talk.Error{
	"a name that is not stored yet": {Code: talk.CodeNotStored, Message: "the history is away"},
	"a ping too many":               {Code: talk.CodeFlood, Message: "too many pings"},
	"a fetch of too many":           {Code: talk.CodeBadLimit, Message: "a fetch takes 1 to 500 entries"},
	"a code of a newer server":      {Code: "lunar_phase", Message: "it is full moon"},
}

// TestErrorsAsideFromTheJoin: what a server says between JoinRoom and Joined need not be
// about the room. It is told to the user, and the line goes on.
func TestErrorsAsideFromTheJoin(t *testing.T) {
	for name, m := range aside {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, known(), nil)
			r.do(Start{})
			r.open(1)
			for _, room := range []int32{1, 2} { // the first JoinRoom of a line, and a later one
				if room != r.s.Room() {
					r.do(Join{room})
				}
				r.done = nil
				r.get(1, m)
				if n := one(t, take[Notice](r)); n.Text != m.Message || n.Refused {
					t.Fatalf("room %d: %+v", room, n)
				}
				r.join(1, 0, 0)
				r.phase(Online)
				r.pass(time.Second)
				none(t, take[Hangup](r))
			}
		})
	}
	for name, m := range aside {
		t.Run(name+", to the background sender", func(t *testing.T) {
			r, conn := courierIn(t)
			r.get(conn, m)
			r.get(conn, talk.Joined{RoomID: 1, AfterSeq: 500, HeadSeq: 500})
			r.sends(1)
			r.get(conn, m, talk.Stored{RoomID: 1, ID: postID(1), Seq: 6})
			if r.s.Status().Owed != 0 {
				t.Fatal("the message is not brought")
			}
		})
	}
}

// TestNameAndRoomInAnOutage: the server says that the new name is not stored yet when the
// client has asked for another room. The line holds, and the wish comes along.
func TestNameAndRoomInAnOutage(t *testing.T) {
	r := online(t)
	r.do(SetName{ID: postID(1), Name: "zoe"})
	r.do(Join{2})
	r.get(1, aside["a name that is not stored yet"])
	none(t, take[Hangup](r))
	r.get(1, talk.Joined{RoomID: 2, HeadSeq: -1, MembersUnknown: true})
	if c := one(t, sent[talk.ChangeName](r)); c.ID != postID(1) || c.Username != "zoe" {
		t.Fatalf("%+v", c)
	}
	r.phase(Online)
	r.called("zoe")
}

// TestNameAndRoomRefused: the name is refused to ChangeName, and to the JoinRoom that was
// sent under it. The user is who he was, and hears of it once.
func TestNameAndRoomRefused(t *testing.T) {
	r := online(t)
	r.do(SetName{ID: postID(1), Name: "root"})
	r.do(Join{2})
	r.done = nil
	no := talk.Error{Code: talk.CodeBadName, Message: "no"}
	r.get(1, talk.Error{Code: no.Code, Message: no.Message, ID: postID(1)}, no)
	var notices []Notice
	var joins []talk.JoinRoom
	for _, e := range r.done {
		switch e := e.(type) {
		case Notice:
			notices = append(notices, e)
		case Send:
			if j, ok := e.Message.(talk.JoinRoom); ok {
				joins = append(joins, j)
			}
		}
	}
	one(t, notices)
	if j := one(t, joins); j.Username != "ada" || j.RoomID != 2 {
		t.Fatalf("%+v", j)
	}
	r.called("ada")
}

// TestNameChosenWhileJoining: the name of a JoinRoom is refused when the user has chosen
// another one already. That one is tried.
func TestNameChosenWhileJoining(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.open(1)
	r.do(SetName{Name: "zoe"})
	r.done = nil
	r.get(1, talk.Error{Code: talk.CodeBadName, Message: "no"})
	if j := one(t, sent[talk.JoinRoom](r)); j.Username != "zoe" {
		t.Fatalf("%+v", j)
	}
	r.called("zoe")
}

// TestRoomRefusedWhileHistoryIsAwaited: an Error without id may be about the room or about
// the history that was asked for before. Whichever it is, the user gets into the room.
func TestRoomRefusedWhileHistoryIsAwaited(t *testing.T) {
	for _, code := range []talk.Code{talk.CodeUnavailable, talk.CodeBusy, talk.CodeFlood} {
		begin := func(t *testing.T) *rig {
			r := newRig(t, known(), nil)
			r.do(Start{})
			r.open(1)
			r.join(1, 50, 50)
			r.done = nil
			r.do(Join{2})
			one(t, sent[talk.JoinRoom](r))
			r.get(1, talk.Error{Code: code, Message: "not now", Retry: true, RetryMS: 700})
			return r
		}
		t.Run(string(code)+" of the room", func(t *testing.T) {
			r := begin(t)
			r.pass(650 * time.Millisecond)
			none(t, take[Send](r))
			r.pass(300 * time.Millisecond)
			if j := one(t, sent[talk.JoinRoom](r)); j.RoomID != 2 {
				t.Fatalf("%+v", j)
			}
			r.join(1, 0, 0)
			r.phase(Online)
		})
		t.Run(string(code)+" of the history", func(t *testing.T) {
			r := begin(t)
			r.pass(300 * time.Millisecond)
			r.get(1, talk.Joined{RoomID: 2, AfterSeq: 4, HeadSeq: 4})
			r.done = nil
			e := textEntry(5)
			e.RoomID = 2
			r.get(1, e)
			r.logIs(5, 5)
			r.pass(2 * time.Second)
			none(t, sent[talk.JoinRoom](r))
			r.phase(Online)
		})
	}
}

// TestPingRefusedEndsNoFetch: the history that is awaited comes all the same.
func TestPingRefusedEndsNoFetch(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.open(1)
	r.join(1, 5, 5)
	r.get(1, aside["a ping too many"])
	if !r.s.Loading() {
		t.Fatal("the history is given up")
	}
	r.get(1, history(5, entryRun(1, 5)...))
	r.logIs(1, 5)
}

// TestMoveWhileJoining: a server that is about to go says so once, also to a client that is
// on its way into a room. It moves as soon as it is in.
func TestMoveWhileJoining(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.open(1)
	r.get(1, talk.Reconnect{WithinMS: 1000})
	r.join(1, 0, 0)
	r.phase(Online)
	r.done = nil
	r.pass(time.Second)
	next := one(t, take[Dial](r)).Conn
	r.phase(Online)
	r.open(next)
	r.join(next, 0, 0)
	if h := one(t, take[Hangup](r)); h.Conn != 1 {
		t.Fatalf("%+v", h)
	}
	r.phase(Online)
	r.pass(4 * time.Second)
	none(t, take[Dial](r))
}

// TestMoveIntoAServerThatGoes: both the old server and the one that the client moves to
// are about to go.
func TestMoveIntoAServerThatGoes(t *testing.T) {
	r := online(t)
	r.get(1, talk.Reconnect{WithinMS: 100})
	r.pass(time.Second)
	next := one(t, take[Dial](r)).Conn
	r.open(next)
	r.get(next, talk.Reconnect{WithinMS: 100})
	none(t, take[Dial](r)) // there is a way on
	r.join(next, 5, 5)
	r.pass(time.Second)
	if d := one(t, take[Dial](r)); d.Conn == next {
		t.Fatalf("%+v", d)
	}
	r.phase(Online)
}

// TestEveryCodeInEveryStage: whatever Error comes once, and when, half a minute later the
// user is in the room, under his name unless that was refused.
func TestEveryCodeInEveryStage(t *testing.T) {
	codes := []talk.Code{
		talk.CodeBadFrame, talk.CodeNotForYou, talk.CodeNotJoined, talk.CodeBadName, talk.CodeBadText, talk.CodeBadLimit, talk.CodeBadRoom,
		talk.CodeFlood, talk.CodeBusy, talk.CodeUnavailable, talk.CodeOutOfTurn, talk.CodeNotStored, talk.CodeRefused, talk.CodeHelloNotHere, "new",
	}
	stages := map[string]func(*rig){
		"joining":          func(r *rig) { r.do(Start{}); r.open(1) },
		"joined":           func(r *rig) { r.do(Start{}); r.open(1); r.join(1, 0, 0) },
		"switching":        func(r *rig) { r.do(Start{}); r.open(1); r.join(1, 0, 0); r.do(Join{2}) },
		"switching, asked": func(r *rig) { r.do(Start{}); r.open(1); r.join(1, 50, 50); r.do(Join{2}) },
		"to be asked again": func(r *rig) {
			r.do(Start{})
			r.open(1)
			r.get(1, talk.Error{Code: talk.CodeBusy, Retry: true, RetryMS: 100})
		},
	}
	for stage, reach := range stages {
		for _, code := range codes {
			for _, retry := range []bool{false, true} {
				r := newRig(t, known(), nil)
				reach(r)
				r.done = nil
				r.get(1, talk.Error{Code: code, Message: "a sentence", Retry: retry})
				for end := r.now.Add(30 * time.Second); r.now.Before(end); r.pass(100 * time.Millisecond) {
					r.serve()
				}
				if st := r.s.Status(); st.Phase != Online {
					t.Errorf("%s, %s (retry %t): phase %d after half a minute, %q", stage, code, retry, st.Phase, st.Reason)
				}
				if name := r.s.Me().Username; name != "ada" && !(code == talk.CodeBadName && strings.HasPrefix(name, "guest-")) {
					t.Errorf("%s, %s: is called %q", stage, code, name)
				}
			}
		}
	}
}

// serve answers what was sent since the last take, as a good server does.
func (r *rig) serve() {
	r.t.Helper()
	effects := r.done
	r.done = nil
	for _, e := range effects {
		switch e := e.(type) {
		case Dial:
			r.open(e.Conn)
		case Send:
			switch m := e.Message.(type) {
			case talk.JoinRoom:
				r.get(e.Conn, talk.Joined{RoomID: m.RoomID})
			case talk.Ping:
				r.get(e.Conn, talk.Pong(m))
			case talk.Fetch:
				r.get(e.Conn, talk.History{RoomID: m.RoomID, BeforeSeq: m.BeforeSeq, Complete: true})
			}
		}
	}
}
