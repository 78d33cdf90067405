package gateway

import (
	"testing"
	"time"

	"tuitalk/history"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

// TestAListThatNobodyKnowsIsNotSaidToBeEmpty: of a room that was opened without the
// store, and of one that is not yet where the joiner is.
func TestAListThatNobodyKnowsIsNotSaidToBeEmpty(t *testing.T) {
	t.Parallel()
	r := &room{id: 1, srv: bareServer(t), state: roomOpen, head: 7}
	r.memberList = memberList{members: []talk.Member{{Username: "ada"}}, count: 1, asOf: 7}
	for cursor, unknown := range map[int64]bool{0: false, 7: false, 8: true} {
		if j := r.joinedMessage(cursor, false); j.MembersUnknown != unknown {
			t.Errorf("behind %d of 7: %+v", cursor, j)
		}
	}
	blind := &room{id: 1, srv: r.srv, state: roomOpening}
	blind.on(blind.beginUnverified(7))
	if j := blind.joinedMessage(7, false); !j.MembersUnknown || j.HeadSeq != 7 {
		t.Errorf("opened without the store: %+v", j)
	}
}

// TestABlindRoomReadsItsListAsOfWhatItKeeps: what was placed between the reading and now
// is in the list only if the room still has all of it.
func TestABlindRoomReadsItsListAsOfWhatItKeeps(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	s.opts.RecentCount = 2
	r := &room{id: 1, srv: s, state: roomOpening}
	r.on(r.beginUnverified(5))
	for seq := range int64(4) {
		r.place(talk.Entry{Kind: talk.KindJoined, RoomID: 1, Author: newUUID(), ID: newUUID(), Name: "ada", Seq: 6 + seq})
	}
	for read, follows := range map[int64]bool{5: false, 6: false, 7: true, 9: true, 12: true} {
		if r.acceptsClaim(read) != follows {
			t.Errorf("read as of %d, placed up to 9, of which two are kept: %v", read, !follows)
		}
	}
}

// TestWhereThoseBeginWhoHaveNothing of a room that was opened without the store: at what was
// stored since. If that is more than is sent again, or all of it seems to be, as a clock is
// wrong, they begin with what is kept.
func TestWhereThoseBeginWhoHaveNothing(t *testing.T) {
	t.Parallel()
	const length, kept, first, spacing = 10, 3, 100, 5
	seconds := int64(first)
	store := historytest.NewMemory(func() time.Time { return time.Unix(seconds, 0) })
	for _, e := range logBehind(nil, length) {
		if _, err := store.Append(t.Context(), []talk.Entry{e}); err != nil {
			t.Fatal(err)
		}
		seconds += spacing
	}
	log := store.Log(1)
	for name, tc := range map[string]struct {
		headlessAt uint64
		resumeMax  int
		want       int64
	}{
		"since entry 6":                          {first + 5*spacing + 1 + clockSkew, length, 6},
		"since entry 6, more than is sent again": {first + 5*spacing + 1 + clockSkew, 3, length - kept + 1},
		"before all of it":                       {first / 2, length, 0},
		"before all of it, which is too much":    {first / 2, length - 1, length - kept + 1},
		"behind all of it":                       {2 * first, 5, length},
	} {
		s := keeperServer(t, store)
		s.opts.ResumeMax = tc.resumeMax
		r := &room{id: 1, srv: s, state: roomHeadless, headlessAt: tc.headlessAt}
		var want history.Head
		if tc.want > 0 {
			want = history.HeadOf(&log[tc.want-1])
		}
		if start, err := s.startOf(t.Context(), r, log[length-kept:]); err != nil || start != want {
			t.Errorf("%s: behind %+v, %v, want entry %d", name, start, err, tc.want)
		}
	}
}
