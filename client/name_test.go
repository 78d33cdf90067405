package client

import (
	"testing"
	"time"

	"tuitalk/talk"
)

func renamedEntry(seq int64, id talk.UUID, to string) talk.Entry {
	return talk.Entry{Kind: talk.KindRenamed, RoomID: 1, Author: meID, Name: to, Seq: seq, ID: id}
}

func (r *rig) called(want string) {
	r.t.Helper()
	if got := r.s.Me().Username; got != want {
		r.t.Fatalf("called %q, not %q", got, want)
	}
}

func TestSetNameOnline(t *testing.T) {
	r := online(t)
	r.do(SetName{ID: postID(1), Name: " Ada  L. "})
	r.called("Ada L.")
	if c := one(t, sent[talk.ChangeName](r)); c.Username != "Ada L." || c.OldUsername != "ada" || c.ID != postID(1) || c.UUID != meID {
		t.Fatalf("%+v", c)
	}
	r.do(SetName{Name: "Ada L."})
	none(t, take[Send](r))
	r.get(1, renamedEntry(6, postID(1), "Ada L."))
	r.pass(2 * time.Second)
	r.called("Ada L.")
	if r.disk.Name != "Ada L." {
		t.Fatalf("%+v", r.disk)
	}
}

func TestSetNameOffline(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(SetName{Name: "zoe"})
	r.called("zoe")
	r.do(Start{})
	r.do(Opened{1})
	if j := one(t, sent[talk.JoinRoom](r)); j.Username != "zoe" {
		t.Fatalf("%+v", j)
	}
	r.do(SetName{Name: "eve"}) // while joining as zoe
	none(t, take[Send](r))
	r.open(1)
	r.join(1, 0, 0)
	if c := one(t, sent[talk.ChangeName](r)); c.Username != "eve" {
		t.Fatalf("%+v", c)
	}
}

func TestSetNameRefused(t *testing.T) {
	r := online(t)
	r.do(SetName{Name: "\u200b"})
	if n := one(t, take[Notice](r)); !n.Refused || n.Code != talk.CodeBadName {
		t.Fatalf("%+v", n)
	}
	r.called("ada")
	r.do(SetName{ID: postID(1), Name: "root"})
	r.get(1, talk.Error{Code: talk.CodeBadName, Message: "no", ID: postID(1)})
	if n := one(t, take[Notice](r)); n.Text != "no" || n.Refused {
		t.Fatalf("%+v", n)
	}
	r.called("ada")
	r.do(SetName{ID: postID(2), Name: "zoe"})
	r.get(1, talk.Error{Code: talk.CodeFlood, Message: "slow", ID: postID(2), Retry: true, RetryMS: 300})
	r.called("zoe")
	r.done = nil
	r.pass(2 * time.Second)
	if c := one(t, sent[talk.ChangeName](r)); c.ID != postID(2) {
		t.Fatalf("%+v", c)
	}
}

// The last wish counts, whatever comes of those before.
func TestSetNameTwice(t *testing.T) {
	r := online(t)
	r.do(SetName{ID: postID(1), Name: "zoe"})
	r.do(SetName{ID: postID(2), Name: "ada"})
	if list := sent[talk.ChangeName](r); len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	r.get(1, renamedEntry(6, postID(1), "zoe"))
	r.called("ada")
	r.get(1, renamedEntry(7, postID(2), "ada"))
	r.called("ada")
	r.get(1, renamedEntry(8, postID(3), "eve")) // in another window
	r.called("eve")
}

// TestCameByTheNameThatIsWishedFor: in an outage of the store a room is joined by a
// name that is not stored yet. When it is back, it says that the user came by that name,
// and of the wish nothing more. What another window chooses later holds.
func TestCameByTheNameThatIsWishedFor(t *testing.T) {
	r := online(t)
	r.do(SetName{ID: postID(1), Name: "zoe"})
	came := renamedEntry(6, postID(2), "zoe")
	came.Kind = talk.KindJoined
	r.get(1, came)
	r.called("zoe")
	r.get(1, renamedEntry(7, postID(3), "eve"))
	r.called("eve")
}

// TestCameByTheNameOfAnotherWindow: in an outage of the store he sits in a room that
// another of his windows is let into first, by another name: that is his there. What
// stands in the log from before the list of members is no word of it.
func TestCameByTheNameOfAnotherWindow(t *testing.T) {
	came := renamedEntry(6, postID(2), "zoe")
	came.Kind = talk.KindJoined
	r := online(t)
	r.get(1, came)
	r.called("zoe")
	r.get(1, renamedEntry(7, postID(3), "eve"))
	r.called("eve")

	r = newRig(t, known(), nil)
	r.do(Start{})
	r.open(1)
	r.join(1, 5, 9)
	r.get(1, came)
	r.called("ada")

	r = online(t) // and who wishes for a name himself keeps his wish
	r.do(SetName{ID: postID(1), Name: "grace"})
	r.get(1, came)
	r.called("grace")
}

// TestNamesOfLongAgoAreOld: the room is joined behind entries that gave the user names
// which he has no longer, as the list of members says.
func TestNamesOfLongAgoAreOld(t *testing.T) {
	for _, wish := range []string{"", "zoe", "grace"} { // none; granted by joining; granted by an answer
		r := newRig(t, known(), nil)
		r.do(Start{})
		if wish != "" {
			r.do(SetName{ID: postID(1), Name: wish})
		}
		r.open(1)
		r.get(1, talk.Joined{RoomID: 1, AfterSeq: 5, HeadSeq: 7, MemberCount: 1, Members: []talk.Member{{UUID: meID, Username: "zoe"}}})
		want := "zoe"
		if wish == "grace" {
			r.get(1, renamedEntry(0, postID(1), "grace"))
			want = "grace"
		}
		r.called(want)
		r.get(1, renamedEntry(6, postID(2), "old"), renamedEntry(7, postID(3), "zoe"))
		r.called(want)
		r.get(1, renamedEntry(8, postID(4), "eve"))
		r.called("eve")
	}
}

// TestAWishThatWasGrantedLongAgoIsOver: its entry comes behind a Joined whose list has
// the name that another window gave since.
func TestAWishThatWasGrantedLongAgoIsOver(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.do(SetName{ID: postID(1), Name: "zoe"})
	r.open(1)
	r.get(1, talk.Joined{RoomID: 1, AfterSeq: 5, HeadSeq: 7, MemberCount: 1, Members: []talk.Member{{UUID: meID, Username: "eve"}}})
	r.called("zoe")
	r.get(1, renamedEntry(6, postID(1), "zoe"), renamedEntry(7, postID(2), "eve"))
	r.called("eve")
	r.get(1, renamedEntry(0, postID(1), "eve"), renamedEntry(8, postID(3), "ida"))
	r.called("ida")
}

// TestWhoIsRenamedWhileHeJoinsSaysSo: the old line tells it before the new one has joined,
// where nobody knows who is in the room.
func TestWhoIsRenamedWhileHeJoinsSaysSo(t *testing.T) {
	me := []talk.Member{{UUID: meID, Username: "grace"}}
	for name, j := range map[string]talk.Joined{
		"nobody knows the members":    {HeadSeq: 5, MembersUnknown: true},
		"the list is older":           {HeadSeq: 5, MemberCount: 1, Members: me},
		"the list is not of them all": {HeadSeq: 6, MemberCount: 301},
	} {
		t.Run(name, func(t *testing.T) {
			r := movesWhileRenamed(t)
			j.RoomID, j.AfterSeq = 1, 5
			r.get(2, j)
			if again := sent[talk.JoinRoom](r); len(again) != 1 || again[0].Username != "zoe" || again[0].AfterSeq != 6 {
				t.Errorf("asks for the room by %+v", again)
			}
			j.AfterSeq = 6
			r.get(2, j)
			if again := sent[talk.JoinRoom](r); len(again) > 0 {
				t.Errorf("asks once more: %+v", again)
			}
			r.called("zoe")
		})
	}
	r := movesWhileRenamed(t)
	r.get(2, talk.Joined{RoomID: 1, AfterSeq: 5, HeadSeq: 6, MemberCount: 1, Members: []talk.Member{{UUID: meID, Username: "zoe"}}})
	if again := sent[talk.JoinRoom](r); len(again) > 0 {
		t.Errorf("the room knows it, and is asked for by %+v", again)
	}
}

// movesWhileRenamed is somebody who has asked a second line for the room, by the name grace,
// when the first tells that another window has called him zoe.
func movesWhileRenamed(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.open(1)
	r.get(1, talk.Joined{RoomID: 1, AfterSeq: 5, HeadSeq: 5, MemberCount: 1, Members: []talk.Member{{UUID: meID, Username: "grace"}}})
	r.get(1, talk.Reconnect{WithinMS: 1})
	r.pass(time.Second)
	r.open(2)
	r.get(1, renamedEntry(6, postID(1), "zoe"))
	r.called("zoe")
	sent[talk.JoinRoom](r)
	return r
}

// TestARefusedNameLeavesTheNewestOne: what another window has given him since he asked for
// the room, or while his wish was under way.
func TestARefusedNameLeavesTheNewestOne(t *testing.T) {
	refused := talk.Error{Code: talk.CodeBadName, Message: "no", ID: postID(9)}
	r := movesWhileRenamed(t)
	r.do(SetName{ID: postID(9), Name: "eve"})
	r.get(2, talk.Joined{RoomID: 1, AfterSeq: 5, HeadSeq: 5, MembersUnknown: true})
	r.get(2, refused)
	r.called("zoe")

	came := renamedEntry(6, postID(2), "zoe")
	came.Kind = talk.KindJoined
	r = online(t)
	r.do(SetName{ID: postID(9), Name: "eve"})
	r.get(1, came, refused)
	r.called("zoe")
}

// TestAWishThatNeedsNoEntryEnds: it is answered without a seq, by the name that the user
// has now. What another window chooses later holds.
func TestAWishThatNeedsNoEntryEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(e *talk.Entry)
		then   string // is he called; and later, by another window, eve
		later  string
	}{
		"the name was his already":    {func(*talk.Entry) {}, "zoe", "eve"},
		"it was granted, and a newer": {func(e *talk.Entry) { e.Name = "grace" }, "grace", "eve"},
		"the answer to another wish":  {func(e *talk.Entry) { e.ID = postID(2) }, "zoe", "zoe"},
		"of somebody else":            {func(e *talk.Entry) { e.Author = otherID }, "zoe", "zoe"},
		"of a room that he is not in": {func(e *talk.Entry) { e.RoomID = 2 }, "zoe", "zoe"},
		"with what is no name":        {func(e *talk.Entry) { e.Name = "" }, "zoe", "eve"},
		"in another spelling":         {func(e *talk.Entry) { e.Name = "Zoe" }, "Zoe", "eve"},
		"one that is not stored yet":  {func(e *talk.Entry) { e.Pending = true }, "zoe", "zoe"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, known(), nil)
			r.do(Start{})
			r.open(1)
			r.get(1, talk.Joined{RoomID: 1, AfterSeq: 5, HeadSeq: 5, MemberCount: 301}) // which does not name everybody
			r.do(SetName{ID: postID(1), Name: "zoe"})
			answer := renamedEntry(0, postID(1), "zoe")
			tc.change(&answer)
			r.get(1, answer)
			r.called(tc.then)
			if last := r.s.last; last != 5 {
				t.Errorf("an answer stands in the log as %d", last)
			}
			r.get(1, talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: meID, Name: "eve", Text: "x", ID: postID(3), Seq: 6})
			r.called(tc.later)
		})
	}
}

// A new line joins under the name that the user had when it was opened, which changes
// nothing: the wish goes out once more with its id, and what was granted meanwhile
// stays.
func TestSetNameWhileMoving(t *testing.T) {
	r := online(t)
	r.get(1, talk.Reconnect{})
	r.pass(time.Second)
	r.do(Opened{2})
	r.do(SetName{ID: postID(1), Name: "zoe"})
	r.done = nil
	r.open(2)
	r.join(2, 5, 5)
	if c := one(t, sent[talk.ChangeName](r)); c.Username != "zoe" || c.ID != postID(1) {
		t.Fatalf("%+v", c)
	}
	r.get(2, renamedEntry(6, postID(1), "zoe"))
	r.called("zoe")

	r.get(2, talk.Reconnect{})
	r.pass(time.Second)
	r.do(Opened{3})
	r.do(SetName{ID: postID(2), Name: "eve"})
	r.get(2, renamedEntry(7, postID(2), "eve")) // granted at once
	r.done = nil
	r.open(3)
	r.get(3, talk.Welcome{UUID: meID}, talk.Joined{RoomID: 1, AfterSeq: 6, HeadSeq: 6, MemberCount: 1,
		Members: []talk.Member{{UUID: meID, Username: "zoe"}}}) // of before
	none(t, sent[talk.ChangeName](r))
	r.called("eve")
}

// TestANewerNameIsLearnt: this window was away while another gave the user a name.
func TestANewerNameIsLearnt(t *testing.T) {
	list := func(name string) talk.Joined {
		return talk.Joined{RoomID: 1, AfterSeq: 5, HeadSeq: 9, MemberCount: 1, Members: []talk.Member{{UUID: meID, Username: name}}}
	}
	back := func() *rig {
		r := online(t)
		r.do(Closed{Conn: 1, Code: 1006})
		r.pass(time.Second)
		r.do(Opened{one(t, take[Dial](r)).Conn})
		if j := one(t, sent[talk.JoinRoom](r)); j.Username != "ada" {
			t.Fatalf("%+v", j)
		}
		return r
	}
	r := back()
	r.get(2, talk.Welcome{UUID: meID}, list("grace"))
	r.called("grace")
	none(t, sent[talk.ChangeName](r))
	r.pass(2 * time.Second)
	if r.disk.Name != "grace" {
		t.Errorf("%+v", r.disk)
	}

	r = back() // and the user wishes for a name himself
	r.do(SetName{ID: postID(1), Name: "zoe"})
	r.get(2, talk.Welcome{UUID: meID}, list("grace"))
	r.called("zoe")
	if c := one(t, sent[talk.ChangeName](r)); c.Username != "zoe" || c.ID != postID(1) {
		t.Errorf("%+v", c)
	}

	r = back() // the room does not name everybody: a message of his tells
	r.get(2, talk.Welcome{UUID: meID}, talk.Joined{RoomID: 1, AfterSeq: 5, HeadSeq: 5, MemberCount: 301},
		talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: meID, Name: "grace", Text: "x", ID: postID(3), Seq: 6})
	r.called("grace")
}

// TestANameOfTheStart: who is told a name at the start wishes for it, if he was called
// otherwise the last time.
func TestANameOfTheStart(t *testing.T) {
	r := newRig(t, known(), func(c *Config) { c.Name = "zoe" })
	r.do(Start{})
	r.do(Opened{1})
	r.get(1, talk.Welcome{UUID: meID}, talk.Joined{RoomID: 1, AfterSeq: 5, HeadSeq: 5, MemberCount: 1,
		Members: []talk.Member{{UUID: meID, Username: "ada"}}})
	r.called("zoe")
	if c := one(t, sent[talk.ChangeName](r)); c.Username != "zoe" {
		t.Errorf("%+v", c)
	}
}

// The server writes a name in NFKC, and the client takes that over.
func TestNameIsRespelt(t *testing.T) {
	r := online(t)
	r.do(SetName{ID: postID(1), Name: "𝐙𝐨𝐞"})
	r.called("𝐙𝐨𝐞")
	one(t, sent[talk.ChangeName](r))
	r.done = nil
	r.get(1, renamedEntry(6, postID(1), "Zoe"))
	r.called("Zoe")
	r.get(1, talk.Entry{Kind: talk.KindJoined, RoomID: 1, Author: meID, Name: "zoe", Seq: 7, ID: postID(2)})
	r.called("zoe")
	none(t, sent[talk.ChangeName](r))
}
