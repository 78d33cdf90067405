package gateway

import (
	"testing"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// TestACatchUpOfBeforeServesNobodyWhoIsHeld: a member joins again while the store is away,
// and the catch-up of its membership before is still on its way.
func TestACatchUpOfBeforeServesNobodyWhoIsHeld(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	r := &room{id: 1, srv: s, state: roomOpen}
	c := &conn{srv: s}
	r.locked(func() {
		for seq := range int64(5) {
			r.place(talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: newUUID(), ID: newUUID(), Seq: seq + 1})
		}
		r.addMember(c, newUUID(), talk.Extended, 3)
		c.membership.state = memberUnverified
		if _, done := r.serveRecent(c); !done || c.membership.state != memberUnverified || c.membership.cursor != 3 {
			t.Errorf("from memory: done %v, %+v", done, c.membership)
		}
		r.serveStored(c, []talk.Entry{{Seq: 4}})
		if c.membership.cursor != 3 {
			t.Errorf("from the store: %+v", c.membership)
		}
	})
}

// TestWhatARightClaimSays: the entry with which a member's log ends is known then. A cursor
// that somebody else's wrong claim has put above all entries is not right.
func TestWhatARightClaimSays(t *testing.T) {
	t.Parallel()
	id := newUUID()
	for _, c := range []struct {
		cursor int64
		claim  *history.Head
		head   int64
		right  bool
		last   history.Head
	}{
		{7, &history.Head{Seq: 7, ID: id, UnixTime: 5}, 9, true, history.Head{Seq: 7, ID: id, UnixTime: 5}},
		{7, &history.Head{Seq: 7, ID: id}, 5, true, history.Head{Seq: 7, ID: id}}, // the room has not placed it yet
		{9, &history.Head{Seq: 7, ID: id}, 9, true, history.Head{}},
		{1 << 40, &history.Head{Seq: 7, ID: id}, 9, false, history.Head{}},
		{9, nil, 9, true, history.Head{}},
		{10, nil, 9, false, history.Head{}},
	} {
		m := membership{cursor: c.cursor}
		if right := m.ends(c.claim, c.head); right != c.right || m.last != c.last {
			t.Errorf("%+v: %v, last %v", c, right, m.last)
		}
	}
}

// TestAnUnverifiedRoomOfAStoreThatWentBack: something was placed behind what a joiner had
// said to have, and the store has less than that now. The room is read anew, and not
// over and over until the log has grown back.
func TestAnUnverifiedRoomOfAStoreThatWentBack(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	r := &room{id: 1, srv: s, state: roomOpening}
	r.on(r.beginUnverified(50))
	r.locked(func() {
		r.place(talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: newUUID(), ID: newUUID(), Seq: 51})
		r.verifyAgainst(history.Room{HeadSeq: 20}, nil, history.Head{Seq: 20})
		if r.head != 20 || r.state != roomOpen {
			t.Errorf("the room is at %d, in state %d", r.head, r.state)
		}
	})
}

// TestASetBackDuringAReset: what is noted while gateways are asked who is where is not
// forgotten.
func TestASetBackDuringAReset(t *testing.T) {
	t.Parallel()
	var w wentBack
	now := time.Now()
	w.note(now)
	rooms, wanted := w.wantsReset(now)
	w.note(now)
	w.resetDone(rooms, now)
	if _, again := w.wantsReset(now.Add(2 * resetPresenceEvery)); !wanted || !again {
		t.Errorf("wanted %v, and again %v", wanted, again)
	}
}
