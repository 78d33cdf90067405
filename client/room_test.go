package client

import (
	"testing"
	"time"

	"tuitalk/talk"
)

func TestEntriesAreShownOnceAndInOrder(t *testing.T) {
	r := online(t)
	r.get(1, textEntry(6), textEntry(6), textEntry(3), textEntry(7))
	r.logIs(1, 7)
	other := textEntry(8)
	other.RoomID = 2
	unstored := textEntry(8)
	unstored.Seq = 0
	r.get(1, other, unstored)
	r.logIs(1, 7)
	none(t, take[Hangup](r))
}

func TestHoleMakesANewLine(t *testing.T) {
	r := online(t)
	r.pass(4 * time.Second)
	r.get(1, textEntry(7))
	if h := take[Hangup](r); len(h) != 1 || h[0].Conn != 1 {
		t.Fatalf("%+v", h)
	}
	r.logIs(1, 5)
	r.do(Opened{2})
	if j := one(t, sent[talk.JoinRoom](r)); !j.Resume || j.AfterSeq != 5 {
		t.Fatalf("%+v", j)
	}
	r.open(2)
	r.join(2, 5, 7)
	r.get(2, textEntry(6), textEntry(7))
	r.logIs(1, 7)
}

// A server that leaves out the same entry again and again is not stormed.
func TestHoleForEver(t *testing.T) {
	r := online(t)
	dials := 0
	r.get(1, textEntry(7))
	for end := r.now.Add(time.Minute); r.now.Before(end); r.pass(10 * time.Millisecond) {
		for _, d := range take[Dial](r) {
			dials++
			r.open(d.Conn)
			r.join(d.Conn, 5, 7)
			r.get(d.Conn, textEntry(7))
		}
	}
	if dials > 60 {
		t.Errorf("%d dials in a minute", dials)
	}
}

func TestJoinedDecidesWhereTheLogGoesOn(t *testing.T) {
	cases := map[string]struct {
		joined   talk.Joined
		from, to int64 // of the log afterwards
		fetch    int64 // BeforeSeq, 0 for none
	}{
		"goes on":            {talk.Joined{AfterSeq: 5, HeadSeq: 9}, 1, 5, 0},
		"repeats some":       {talk.Joined{AfterSeq: 3, HeadSeq: 9}, 1, 5, 0},
		"leaves some out":    {talk.Joined{AfterSeq: 7, HeadSeq: 9}, 1, 0, 8},
		"is another log":     {talk.Joined{AfterSeq: 4, HeadSeq: 4, Reset: true}, 1, 0, 5},
		"is now empty":       {talk.Joined{Reset: true}, 1, 0, 0},
		"is another, longer": {talk.Joined{AfterSeq: 5, HeadSeq: 8, Reset: true}, 1, 0, 6},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := online(t)
			r.do(Closed{Conn: 1})
			r.pass(time.Second)
			r.open(2)
			r.done = nil
			c.joined.RoomID = 1
			r.get(2, c.joined)
			fetches := sent[talk.Fetch](r)
			r.logIs(c.from, c.to)
			if c.fetch == 0 {
				none(t, fetches)
			} else if one(t, fetches).BeforeSeq != c.fetch {
				t.Fatalf("%+v", fetches)
			}
			next := r.s.last + 1
			r.get(2, textEntry(next))
			if log := r.s.Log(); log.At(log.Len()-1).Seq != next {
				t.Fatalf("entry %d is not shown", next)
			}
		})
	}
}

func TestGapJoinsAnew(t *testing.T) {
	r := online(t)
	r.get(1, talk.Gap{RoomID: 1, From: 6, To: 90}, textEntry(91))
	if j := one(t, sent[talk.JoinRoom](r)); j.Resume || j.RoomID != 1 {
		t.Fatalf("%+v", j)
	}
	r.logIs(1, 5)
	r.join(1, 95, 95)
	if f := one(t, sent[talk.Fetch](r)); f.BeforeSeq != 96 {
		t.Fatalf("%+v", f)
	}
	r.get(1, textEntry(96))
	r.logIs(96, 96)
	r.get(1, talk.Gap{RoomID: 1, From: 2, To: 3}, talk.Gap{RoomID: 2, From: 97, To: 99})
	none(t, take[Send](r)) // neither concerns the log
}

// TestNamedGapGoesOnBehindIt: of what follows the gap nothing is left out and nothing is
// shown twice, whatever comes before the answer, and however often the line is lost.
func TestNamedGapGoesOnBehindIt(t *testing.T) {
	behind := func(t *testing.T, r *rig, seq int64) {
		t.Helper()
		if j := one(t, sent[talk.JoinRoom](r)); !j.Resume || j.AfterSeq != seq || j.AfterID != seqID(seq) || j.AfterTime != uint64(seq) {
			t.Fatalf("%+v", j)
		}
	}
	gap := func(to int64) talk.Gap {
		return talk.Gap{RoomID: 1, From: 6, To: to, ToID: seqID(to), ToTime: uint64(to)}
	}
	for name, lost := range map[string]bool{"answered": false, "the line is lost": true} {
		t.Run(name, func(t *testing.T) {
			r := online(t)
			line := ConnID(1)
			r.get(line, gap(90), textEntry(91), gap(95)) // of the stream that ends with the answer
			behind(t, r, 90)
			if r.s.Log().Len() != 0 || len(r.s.Members()) != 0 {
				t.Fatal("what is shown is of before the gap")
			}
			if lost {
				r.do(Closed{Conn: line})
				r.pass(5 * time.Second)
				line = 2
				r.do(Opened{line})
				behind(t, r, 90)
				r.open(line)
			}
			r.join(line, 90, 92)
			if f := one(t, sent[talk.Fetch](r)); f.BeforeSeq != 91 {
				t.Fatalf("%+v", f)
			}
			if len(r.s.Members()) != 2 {
				t.Fatalf("%d members", len(r.s.Members()))
			}
			r.get(line, textEntry(91), textEntry(92), textEntry(93))
			r.logIs(91, 93)
			r.get(line, history(90, entryRun(41, 90)...))
			r.logIs(41, 93)
			r.get(line, gap(93), gap(80))
			none(t, take[Send](r)) // neither concerns the log
			r.get(line, gap(200))
			behind(t, r, 200)
		})
	}
}

// TestGapBehindJoined: who is too far behind is told so by the answer and the Gap behind
// it. He can go on from there before anything is said.
func TestGapBehindJoined(t *testing.T) {
	r := online(t)
	r.do(Closed{Conn: 1})
	r.pass(time.Second)
	r.open(2)
	r.join(2, 90, 95)
	r.done = nil
	r.get(2, talk.Gap{RoomID: 1, From: 6, To: 90, ToID: seqID(90), ToTime: 90})
	none(t, take[Send](r))
	r.do(Closed{Conn: 2})
	r.pass(5 * time.Second)
	r.do(Opened{3})
	if j := one(t, sent[talk.JoinRoom](r)); !j.Resume || j.AfterSeq != 90 || j.AfterID != seqID(90) || j.AfterTime != 90 {
		t.Fatalf("%+v", j)
	}
}

// TestGapOutOfReach: what no room has is not gone on from.
func TestGapOutOfReach(t *testing.T) {
	r := online(t)
	r.get(1, talk.Gap{RoomID: 1, From: 6, To: maxSeq + 1, ToID: seqID(1)})
	if j := one(t, sent[talk.JoinRoom](r)); j.Resume {
		t.Fatalf("%+v", j)
	}
}

func TestRoomChange(t *testing.T) {
	r := online(t)
	r.do(Join{1})
	if len(r.done) > 0 {
		t.Fatalf("%+v", r.done)
	}
	r.do(Join{2})
	if j := one(t, sent[talk.JoinRoom](r)); j.RoomID != 2 || j.Resume {
		t.Fatalf("%+v", j)
	}
	if r.s.Room() != 2 || r.s.Log().Len() != 0 || len(r.s.Members()) != 0 {
		t.Fatal("the old room is still shown")
	}
	r.do(Join{3}) // before the answer
	none(t, take[Send](r))
	r.get(1, textEntry(6), talk.Joined{RoomID: 2, AfterSeq: 1, HeadSeq: 1})
	if j := one(t, sent[talk.JoinRoom](r)); j.RoomID != 3 {
		t.Fatalf("%+v", j)
	}
	r.phase(Online)
	r.get(1, talk.Joined{RoomID: 2}, talk.Joined{RoomID: 3, AfterSeq: 4, HeadSeq: 4})
	e := textEntry(5)
	e.RoomID = 3
	r.get(1, e)
	r.logIs(5, 5)
	r.pass(2 * time.Second)
	if r.disk.Room != 3 {
		t.Errorf("%+v", r.disk)
	}
}

func TestRoomChangeOffline(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.do(Join{-7})
	r.do(Opened{1})
	if j := one(t, sent[talk.JoinRoom](r)); j.RoomID != -7 {
		t.Fatalf("%+v", j)
	}
}

func TestJoinRefused(t *testing.T) {
	t.Run("for now", func(t *testing.T) {
		r := newRig(t, known(), nil)
		r.do(Start{})
		r.open(1)
		r.done = nil
		r.get(1, talk.Error{Code: talk.CodeFlood, Message: "slow", Retry: true, RetryMS: 700})
		r.pass(650 * time.Millisecond)
		none(t, take[Send](r))
		r.pass(300 * time.Millisecond)
		one(t, sent[talk.JoinRoom](r))
		r.join(1, 0, 0)
		r.phase(Online)
	})
	t.Run("for good", func(t *testing.T) {
		r := newRig(t, known(), nil)
		r.do(Start{})
		r.open(1)
		r.get(1, talk.Error{Code: talk.CodeRefused, Message: "this room cannot be joined"})
		one(t, take[Hangup](r))
		if st := r.s.Status(); st.Reason != "this room cannot be joined" || st.RetryAt.IsZero() {
			t.Fatalf("%+v", st)
		}
	})
	t.Run("the name", func(t *testing.T) {
		r := newRig(t, known(), nil)
		r.do(Start{})
		r.open(1)
		for range 3 {
			r.done = nil
			r.get(1, talk.Error{Code: talk.CodeBadName, Message: "no"})
		}
		one(t, take[Hangup](r)) // two other names were no better
		if r.s.Me().Username == "ada" {
			t.Error("keeps a name that is refused")
		}
	})
}

func TestMembers(t *testing.T) {
	r := online(t)
	is := func(count int, names ...string) {
		t.Helper()
		members := r.s.Members()
		if len(members) != len(names) || r.s.MemberCount() != count {
			t.Fatalf("%d: %+v", r.s.MemberCount(), members)
		}
		for i, m := range members {
			if m.Username != names[i] {
				t.Fatalf("%+v", members)
			}
		}
	}
	is(2, "ada", "bob")
	move := func(seq int64, kind talk.Kind, who, name string) {
		e := textEntry(seq)
		e.Kind, e.Author, e.Name, e.Text = kind, testUUID(who), name, ""
		if who == "other" {
			e.Author = otherID
		}
		r.get(1, e)
	}
	move(6, talk.KindJoined, "cy", "Cy")
	is(3, "ada", "bob", "Cy")
	move(7, talk.KindRenamed, "other", "ZED")
	is(3, "ada", "Cy", "ZED")
	move(8, talk.KindLeft, "cy", "Cy")
	move(9, talk.KindLeft, "cy", "Cy")
	is(2, "ada", "ZED")
	r.get(1, talk.Presence{RoomID: 2, MemberCount: 9}, talk.Presence{RoomID: 1, MemberCount: 400})
	is(400, "ada", "ZED")
	move(10, talk.KindLeft, "other", "ZED")
	is(399, "ada")
	r.do(Closed{Conn: 1})
	r.pass(time.Second)
	r.open(2)
	r.join(2, 10, 12)
	move2 := textEntry(11) // the list has it already, for it is as of 12
	move2.Kind, move2.Author, move2.Name = talk.KindJoined, otherID, "bob"
	r.get(2, move2)
	is(2, "ada", "bob")
}

func TestClear(t *testing.T) {
	r := online(t)
	r.do(Clear{})
	r.logIs(6, 5)
	if r.s.Complete() || r.s.Loading() {
		t.Fatal("complete or loading")
	}
	r.done = nil
	r.do(FetchOlder{2})
	if f := one(t, sent[talk.Fetch](r)); f.BeforeSeq != 6 {
		t.Fatalf("%+v", f)
	}
	r.get(1, textEntry(6))
	r.get(1, history(5, entryRun(4, 5)...))
	r.logIs(4, 6)
	r.do(Clear{})
	r.get(1, textEntry(7))
	r.logIs(7, 7)
	r.done = nil
	r.do(Closed{Conn: 1})
	r.pass(time.Second)
	r.do(Opened{2})
	if j := one(t, sent[talk.JoinRoom](r)); !j.Resume || j.AfterSeq != 7 {
		t.Fatalf("%+v", j)
	}
}

func TestLogIsBounded(t *testing.T) {
	r := newRig(t, known(), func(c *Config) { c.Keep, c.History = 80, -1 })
	r.do(Start{})
	r.open(1)
	r.join(1, 0, 0)
	for seq := int64(1); seq <= 1000; seq++ {
		r.get(1, textEntry(seq))
		if n := r.s.Log().Len(); n > 90 {
			t.Fatalf("%d entries", n)
		}
	}
	if r.s.Complete() {
		t.Error("complete, but trimmed")
	}
	r.done = nil
	r.do(FetchOlder{10})
	r.do(FetchOlder{10})
	if n := one(t, take[Notice](r)); !n.Refused || n.Text == "" {
		t.Fatalf("%+v", n)
	}
}

// Counts of a large room already contain what follows up to the head.
func TestMembersOfALargeRoom(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.open(1)
	r.get(1, talk.Joined{
		RoomID: 1, AfterSeq: 5, HeadSeq: 6, MemberCount: 400,
		Members: []talk.Member{{UUID: meID, Username: "ada"}},
	})
	for seq := int64(6); seq <= 7; seq++ {
		e := textEntry(seq)
		e.Kind, e.Author, e.Name = talk.KindJoined, seqID(seq), "x"
		r.get(1, e)
	}
	if n := r.s.MemberCount(); n != 401 || len(r.s.Members()) != 2 {
		t.Errorf("%d members, %+v", n, r.s.Members())
	}
}

// A line that did not ask to go on where the log ends begins another log, even
// if the old line has shown something of the room meanwhile.
func TestLineThatDidNotResume(t *testing.T) {
	r := online(t)
	r.get(1, talk.Reconnect{})
	r.pass(time.Second)
	r.do(Opened{2})
	r.do(Join{2})
	r.open(2)
	r.get(2, talk.Joined{RoomID: 1, AfterSeq: 5, HeadSeq: 5}) // now it is asked for room 2
	r.get(1, talk.Joined{RoomID: 2, AfterSeq: 3, HeadSeq: 3})
	e := textEntry(4)
	e.RoomID = 2
	r.get(1, e)
	r.logIs(4, 4)
	r.done = nil
	r.get(2, talk.Joined{RoomID: 2, AfterSeq: 4, HeadSeq: 4})
	if f := one(t, sent[talk.Fetch](r)); f.BeforeSeq != 5 || r.s.Log().Len() != 0 {
		t.Fatalf("%+v, %d entries", f, r.s.Log().Len())
	}
}

func TestRoomIsKept(t *testing.T) {
	r := online(t)
	r.pass(2 * time.Second) // what was to be saved at the start is
	r.do(Join{2})
	r.pass(2 * time.Second)
	if r.disk.Room != 2 {
		t.Errorf("%+v", r.disk)
	}
}

// TestUnknownHead: the store is away, and the server knows nothing of the room. It is
// not taken for one without a past: that is asked for until it comes.
func TestUnknownHead(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.open(1)
	r.join(1, 0, -1)
	r.phase(Online)
	if r.s.Complete() {
		t.Fatal("complete, although nobody knows")
	}
	r.do(FetchOlder{})
	if !r.s.Loading() {
		t.Fatal("nothing is asked for")
	}
	r.get(1, talk.Error{Code: talk.CodeUnavailable, Message: "older history is not available now", Retry: true})
	r.get(1, talk.Gap{RoomID: 1, From: 1, To: 40})
	r.join(1, 42, 42)
	if r.s.Complete() {
		t.Fatal("complete, although there is more")
	}
}
