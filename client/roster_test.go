package client

import (
	"testing"
	"time"

	"tuitalk/talk"
)

// TestAListThatIsOlderThanTheLog: the old line says who came while the next one joins, on
// a gateway that has not heard of it yet. The next line says it again.
func TestAListThatIsOlderThanTheLog(t *testing.T) {
	r := online(t)
	r.get(1, talk.Reconnect{})
	r.pass(time.Second)
	r.open(2)
	zoe := talk.Entry{Kind: talk.KindJoined, RoomID: 1, Author: testUUID("zoe"), Name: "zoe", Seq: 6, ID: postID(6)}
	r.get(1, zoe)
	was := len(r.s.Members())
	list := talk.Joined{RoomID: 1, AfterSeq: 5, HeadSeq: 5}
	for _, m := range r.s.Members() {
		if m.UUID != zoe.Author {
			list.Members = append(list.Members, m)
		}
	}
	list.MemberCount = len(list.Members)
	r.get(2, list, zoe)
	if got := len(r.s.Members()); got != was || r.s.MemberCount() != was {
		t.Errorf("%d listed of %d, want %d", got, r.s.MemberCount(), was)
	}
}

// TestAListThatTheServerDoesNotKnow: who resumes keeps the list that he has, which goes
// on with the log. Who begins has none, until he is told one, or the log begins.
func TestAListThatTheServerDoesNotKnow(t *testing.T) {
	unknown := talk.Joined{RoomID: 1, AfterSeq: 5, HeadSeq: 5, MembersUnknown: true}
	came := func(seq int64, who talk.UUID) talk.Entry {
		return talk.Entry{Kind: talk.KindJoined, RoomID: 1, Author: who, Name: "zoe", Seq: seq, ID: postID(int(seq))}
	}
	want := func(r *rig, n int) {
		t.Helper()
		if len(r.s.Members()) != n || r.s.MemberCount() != n {
			t.Errorf("%d listed of %d, want %d", len(r.s.Members()), r.s.MemberCount(), n)
		}
	}
	r := online(t)
	r.get(1, talk.Reconnect{})
	r.pass(time.Second)
	was := r.s.MemberCount()
	r.open(2)
	r.get(2, unknown)
	want(r, was)
	r.get(2, came(6, testUUID("zoe")))
	want(r, was+1)

	r = newRig(t, known(), nil)
	r.do(Start{})
	r.open(1)
	r.get(1, unknown)
	want(r, 0)
	r.get(1, came(6, testUUID("zoe")))
	want(r, 0)
	r.get(1, talk.Joined{RoomID: 1})
	r.get(1, talk.Gap{RoomID: 1, From: 7, To: 9})
	r.get(1, talk.Joined{RoomID: 1, AfterSeq: 9, HeadSeq: 9, MemberCount: 1, Members: []talk.Member{{UUID: meID, Username: "ada"}}})
	want(r, 1)

	r = newRig(t, known(), nil)
	r.do(Start{})
	r.open(1)
	r.get(1, talk.Joined{RoomID: 1, HeadSeq: -1, MembersUnknown: true})
	want(r, 0)
	r.get(1, came(1, meID), came(2, testUUID("zoe")))
	want(r, 2)
}
