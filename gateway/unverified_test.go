package gateway

import (
	"testing"

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
