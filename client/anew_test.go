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

// TestAnewIsOfferedWhereTheIdentityIsInUse: somebody else shows it. This session's own
// lines do that as well, and then nothing is said.
func TestAnewIsOfferedWhereTheIdentityIsInUse(t *testing.T) {
	r := online(t)
	r.do(Closed{Conn: 1, Code: talk.CloseSuperseded})
	if n := one(t, take[Notice](r)); !n.Anew || n.Refused || n.Text == "" {
		t.Errorf("%+v", n)
	}
	r.do(Anew{Secret: otherSecret})
	if r.s.Me().UUID != otherID {
		t.Errorf("%+v", r.s.Me())
	}

	r = online(t)
	r.do(Received{1, talk.Reconnect{}})
	r.pass(time.Second)
	r.do(Opened{2})
	r.do(Closed{Conn: 2, Code: 1006}) // has taken over, and this one does not know
	r.do(Closed{Conn: 1, Code: talk.CloseSuperseded})
	none(t, take[Notice](r))
	if r.s.State().Session == known().Session {
		t.Error("keeps the session's name")
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

// oldState is what a window of an older version kept.
const oldState = `{"Hello":{"client":"tuitalk-state-1","uuid":"0198c0de-0b5e-8c1a-b0f1-2e0d6a7c9f35","token":"k1.c2VjcmV0","session":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717"}}
{"JoinRoom":{"room_id":3,"uuid":"0198c0de-0b5e-8c1a-b0f1-2e0d6a7c9f35","username":"ada","unixtime":0}}
{"PostMessage":{"message":{"uuid":"0198c0de-0b5e-8c1a-b0f1-2e0d6a7c9f35","username":"ada","text":"for nobody knows whom","room_id":3,"unixtime":5,"id":"5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717"}}}
`

// TestOldStateOfTheSameServer is what a browser has: its storage belongs to one
// origin. Who it was cannot come back; what is unsent waits for the user's word.
func TestOldStateOfTheSameServer(t *testing.T) {
	st, err := decodeState([]byte(oldState))
	if err != nil || !st.Secret.IsZero() || st.Name != "ada" || len(st.Outbox) != 1 {
		t.Fatalf("%+v, %v", st, err)
	}
	st.Room = 1
	st.Outbox[0].RoomID = 1
	st.Secret = mySecret
	r := newRig(t, st, nil)
	r.do(Start{})
	r.open(1)
	r.join(1, 0, 0)
	none(t, sent[talk.Entry](r))
	if o := r.s.Outbox(); len(o) != 1 || o[0].Delivery != Failed || o[0].Reason != formerAuthor {
		t.Fatalf("%+v", o)
	}
	r.do(Retry{ID: st.Outbox[0].ID})
	if e := one(t, sent[talk.Entry](r)); e.Author != meID || e.Text != st.Outbox[0].Text {
		t.Errorf("%+v", e)
	}
}
