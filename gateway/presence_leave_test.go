package gateway_test

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"tuitalk/gateway"
	"tuitalk/history"
	"tuitalk/talk"
)

// endlessGrace is for those who leave without one: nobody else does.
func endlessGrace(o *gateway.Options) { o.Grace, o.LeaseLost = time.Hour, 10*time.Second }

// TestWhoCannotComeBackHasLeft: a client of the original's forms says nothing when
// it ends, and every connection of it is a session of its own.
func TestWhoCannotComeBackHasLeft(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]talk.Form{"json": talk.JSON, "bincode": talk.Bincode} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := start(t, endlessGrace)
			w := hello(t, n.addr)
			w.join(1, "witness")
			a, line := dialLine(t, n.addr, form)
			a.join(1, "ada")
			a.post(1, "my last word")
			// A socket closed with unread input is reset, and what it sent may be lost.
			if err := line.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			before := w.until("my last word")
			if e := before[len(before)-1]; e.Author != a.uuid {
				t.Errorf("%+v", e)
			}
			if left := w.untilLeft(); left.Author != a.uuid || left.ID.IsZero() {
				t.Errorf("%+v", left)
			}
			again := dial(t, n.addr, form)
			again.uuid = a.uuid
			again.join(1, "ada")
		})
	}
}

// TestNobodyOfTheOriginalsStaysBehind: their gateway died without a word. Those
// who can come back have their grace, the others have left.
func TestNobodyOfTheOriginalsStaysBehind(t *testing.T) {
	t.Parallel()
	n := start(t, endlessGrace)
	w := hello(t, n.addr)
	w.join(1, "witness")
	waits, dead := hello(t, n.addr), newID(4)
	_ = waits.ws.CloseNow()
	gone := newID(4)
	for _, user := range []talk.UUID{waits.uuid, gone} {
		enter := history.Move{
			Action: history.Enter, Key: history.SessionKey{RoomID: 1, UUID: user, Session: newID(4)},
			Gateway: dead, Name: "ada", EntryID: newID(4), Quiet: talk.MaxListed,
		}
		if _, err := n.store.Move(t.Context(), []history.Move{enter}); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.store.Retire(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	if left := w.untilLeft(); left.Author != gone {
		t.Errorf("%+v", left)
	}
	room, err := n.store.Room(t.Context(), 1, talk.MaxListed)
	if err != nil || room.Count != 2 {
		t.Errorf("%+v, %v", room, err)
	}
}

// TestNobodyStaysForEver: who breaks off has spent the id that his leaving would
// have, as far as it can be computed from what he knows: room, uuid, session and
// epoch, as it once was, and the id of his own UserJoined. He leaves all the same.
func TestNobodyStaysForEver(t *testing.T) {
	t.Parallel()
	n := start(t, shortGrace)
	w := hello(t, n.addr)
	w.join(1, "witness")
	session := newID(4)
	a := hello(t, n.addr).comeBack(n.addr, session)
	a.join(1, "ada")
	ids := []talk.UUID{session, a.uuid}
	for epoch := range uint64(20) {
		h := sha256.New()
		h.Write(binary.BigEndian.AppendUint32(nil, 1))
		h.Write(a.uuid[:])
		h.Write(session[:])
		h.Write(binary.BigEndian.AppendUint64(nil, epoch))
		ids = append(ids, talk.MakeUUID(8, [16]byte(h.Sum(nil))))
	}
	for _, id := range ids {
		a.say(talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: a.uuid, Name: "ada", Text: "mine", ID: id})
		for stored := false; !stored; {
			if m, ok := a.hear().(talk.Stored); ok {
				stored = m.ID == id
			}
		}
	}
	_ = a.ws.CloseNow()
	if left := w.untilLeft(); left.Author != a.uuid {
		t.Errorf("%+v", left)
	}
}

// TestAnIdChangesANameOnce: who says another name with the id of an earlier change
// is not shown under a name that nobody was told.
func TestAnIdChangesANameOnce(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	a := hello(t, n.addr)
	a.join(1, "ada")
	id := newID(4)
	a.say(talk.ChangeName{UUID: a.uuid, Username: "lovelace", ID: id})
	a.say(talk.ChangeName{UUID: a.uuid, Username: "somebody", ID: id})
	if e := expect[talk.Error](a); e.Code != talk.CodeRefused || e.ID != id {
		t.Errorf("%+v", e)
	}
	a.post(1, "hello")
	if e := a.heardText("hello"); e.Name != "lovelace" {
		t.Errorf("shown as %q", e.Name)
	}
}
