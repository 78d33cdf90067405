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

// A new line joins under the name that the user had when it was opened.
func TestSetNameWhileMoving(t *testing.T) {
	r := online(t)
	r.get(1, talk.Reconnect{})
	r.pass(time.Second)
	r.do(Opened{2})
	r.do(SetName{ID: postID(1), Name: "zoe"})
	r.done = nil
	r.open(2)
	r.join(2, 5, 5)
	c := one(t, sent[talk.ChangeName](r))
	if c.Username != "zoe" || c.ID == postID(1) {
		t.Fatalf("%+v", c) // the old wish may have come before the old name
	}
	r.get(2, renamedEntry(6, postID(1), "zoe"), renamedEntry(7, postID(8), "ada"), renamedEntry(8, c.ID, "zoe"))
	r.called("zoe")

	r.get(2, talk.Reconnect{})
	r.pass(time.Second)
	r.do(Opened{3})
	r.do(SetName{ID: postID(2), Name: "eve"})
	r.get(2, renamedEntry(9, postID(2), "eve")) // granted at once
	r.done = nil
	r.open(3)
	r.join(3, 8, 10)
	if c := one(t, sent[talk.ChangeName](r)); c.Username != "eve" || c.ID == postID(2) {
		t.Fatalf("%+v", c)
	}
	r.get(3, renamedEntry(10, postID(9), "zoe"))
	r.called("eve")
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
	r.get(1, talk.Entry{Kind: talk.KindJoined, RoomID: 1, Author: meID, Name: "eve", Seq: 8, ID: postID(3)})
	r.called("zoe") // as somebody joined once
	none(t, sent[talk.ChangeName](r))
}
