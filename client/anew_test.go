package client

import (
	"testing"
	"time"

	"tuitalk/talk"
)

// TestAnewIsTheWayOutOfRefused: the identity is another, and what was never sent
// goes out under it by itself.
func TestAnewIsTheWayOutOfRefused(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.do(Opened{1})
	r.do(Closed{Conn: 1, Code: talk.CloseNotYou, Reason: "not you"})
	r.phase(Refused)
	r.do(Post{Text: "kept"})
	r.done = nil
	r.do(Anew{Secret: otherSecret})
	r.phase(Connecting)
	if r.disk.Secret != otherSecret || r.disk.Session == known().Session || r.disk.Name != "ada" || len(r.disk.Outbox) != 1 {
		t.Fatalf("%+v", r.disk)
	}
	if _, ok := r.done[0].(Save); !ok {
		t.Errorf("begins with %+v", r.done)
	}
	d := one(t, take[Dial](r))
	r.do(Opened{d.Conn})
	if h := one(t, sent[talk.Hello](r)); h.Secret != otherSecret {
		t.Errorf("%+v", h)
	}
	r.get(d.Conn, talk.Welcome{UUID: otherID}, talk.Joined{RoomID: 1})
	if e := one(t, sent[talk.Entry](r)); e.Author != otherID || e.Text != "kept" {
		t.Errorf("%+v", e)
	}
	r.phase(Online)
}

// TestAnewWhileOnline: the former self leaves. What may have been sent as it waits
// for the user's word, and goes away by itself when the room shows it.
func TestAnewWhileOnline(t *testing.T) {
	r := online(t)
	r.do(Post{ID: postID(1), Text: "perhaps stored"})
	r.do(Post{ID: postID(2), Text: "perhaps not"})
	r.done = nil
	r.do(Anew{Secret: otherSecret})
	effects := r.done
	if l := one(t, sent[talk.LeaveRoom](r)); l.UUID != meID || l.RoomID != 1 {
		t.Errorf("%+v", l)
	}
	r.done = effects
	one(t, take[Hangup](r))
	r.done = effects
	if r.s.Me().UUID != otherID || r.s.Me().Username != "ada" {
		t.Errorf("%+v", r.s.Me())
	}
	d := one(t, take[Dial](r))
	r.do(Opened{d.Conn})
	j := one(t, sent[talk.JoinRoom](r))
	if j.UUID != otherID || !j.Resume || j.AfterSeq != 5 {
		t.Errorf("%+v", j)
	}
	r.get(d.Conn, talk.Welcome{UUID: otherID}, talk.Joined{RoomID: 1, AfterSeq: 5, HeadSeq: 6},
		talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: meID, Name: "ada", Text: "perhaps stored", ID: postID(1), Seq: 6, UnixTime: 9})
	r.pass(time.Second)
	none(t, sent[talk.Entry](r))
	if o := r.s.Outbox(); len(o) != 1 || o[0].ID != postID(2) || o[0].Delivery != Failed || o[0].Reason != formerAuthor {
		t.Fatalf("%+v", o)
	}
	again := newRig(t, r.s.State(), nil) // and so it is after a restart
	if o := again.s.Outbox(); len(o) != 1 || o[0].Delivery != Failed {
		t.Fatalf("%+v", o)
	}
	r.do(Retry{ID: postID(2)})
	if e := one(t, sent[talk.Entry](r)); e.Author != otherID || e.ID != postID(2) {
		t.Errorf("%+v", e)
	}
	if r.disk = r.s.State(); r.disk.Outbox[0].Author != otherID {
		t.Errorf("%+v", r.disk)
	}
}

func TestAnewBeforeTheStart(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Anew{Secret: otherSecret})
	none(t, take[Dial](r))
	r.do(Start{})
	r.do(Opened{one(t, take[Dial](r)).Conn})
	if h := one(t, sent[talk.Hello](r)); h.Secret != otherSecret {
		t.Errorf("%+v", h)
	}
}
