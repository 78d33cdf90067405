package client

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tuitalk/talk"
)

func postID(n int) talk.UUID { return testUUID("post " + strconv.Itoa(n)) }

// say posts texts 1 to n.
func (r *rig) say(n int) {
	r.t.Helper()
	for i := 1; i <= n; i++ {
		r.do(Post{ID: postID(i), Text: "mine " + strconv.Itoa(i)})
	}
}

// texts are those of the posts that were sent since the last take, as numbers.
func texts(t *testing.T, r *rig) (numbers []int) {
	t.Helper()
	for _, e := range sent[talk.Entry](r) {
		n, err := strconv.Atoi(strings.TrimPrefix(e.Text, "mine "))
		if err != nil || e.Kind != talk.KindPosted || e.Author != meID || e.ID != postID(n) || e.Seq != 0 {
			t.Fatalf("%+v", e)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

func (r *rig) sends(want ...int) {
	r.t.Helper()
	if got := texts(r.t, r); !slices.Equal(got, want) {
		r.t.Fatalf("posts %v, not %v", got, want)
	}
}

func TestPostIsSavedThenSent(t *testing.T) {
	r := online(t)
	r.do(Post{ID: postID(1), Text: "mine 1"})
	order := ""
	for _, e := range r.done {
		switch e.(type) {
		case Save:
			order += "save "
		case Send:
			order += "send "
		}
	}
	if order != "save send " || len(r.disk.Outbox) != 1 || r.disk.Outbox[0].ID != postID(1) || r.disk.Outbox[0].RoomID != 1 {
		t.Fatalf("%q %+v", order, r.disk.Outbox)
	}
	r.sends(1)
	r.outboxIs(Fresh)
	r.do(Post{ID: postID(1), Text: "mine 1"})
	r.outboxIs(Fresh) // the same id is the same post
	r.do(Post{Text: "without an id"})
	if e := one(t, sent[talk.Entry](r)); e.ID.IsZero() || e.ID.Version() != 7 {
		t.Fatalf("%+v", e)
	}
}

func TestPostRefusedAtOnce(t *testing.T) {
	for name, text := range map[string]string{
		"empty": " \n ", "long": strings.Repeat("x", talk.MaxTextBytes+1), "NUL": "a\x00b",
	} {
		t.Run(name, func(t *testing.T) {
			r := online(t)
			r.do(Post{Text: text})
			if n := one(t, take[Notice](r)); !n.Refused || n.Code != talk.CodeBadText || n.Text == "" {
				t.Fatalf("%+v", n)
			}
			r.outboxIs()
		})
	}
	t.Run("server's limit", func(t *testing.T) {
		r := newRig(t, known(), nil)
		r.do(Start{})
		r.do(Opened{1})
		r.get(1, talk.Welcome{UUID: meID, Limits: talk.Limits{TextBytes: 10, FetchEntries: -5}})
		r.do(Post{Text: "more than ten"})
		if n := one(t, take[Notice](r)); !n.Refused {
			t.Fatalf("%+v", n)
		}
		if l := r.s.Limits(); l.TextBytes != 10 || l.NameBytes != talk.MaxNameBytes || l.FetchEntries != talk.MaxFetch {
			t.Fatalf("%+v", l)
		}
	})
	t.Run("too many", func(t *testing.T) {
		r := newRig(t, known(), nil)
		r.say(maxOutbox)
		none(t, take[Notice](r))
		r.do(Post{Text: "one more"})
		if n := one(t, take[Notice](r)); !n.Refused || len(r.s.Outbox()) != maxOutbox {
			t.Fatalf("%+v", n)
		}
	})
	t.Run("too much", func(t *testing.T) {
		r := newRig(t, known(), nil)
		for range maxOutboxBytes / talk.MaxTextBytes {
			r.do(Post{Text: strings.Repeat("x", talk.MaxTextBytes)})
		}
		none(t, take[Notice](r))
		r.do(Post{Text: strings.Repeat("x", talk.MaxTextBytes)})
		one(t, take[Notice](r))
	})
}

func TestOfflinePostsWaitAndGoInOrder(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.say(3)
	r.open(1)
	r.sends()
	r.join(1, 0, 0)
	r.sends(1, 2, 3)
	r.do(Closed{Conn: 1})
	r.pass(time.Second)
	r.open(2)
	r.done = nil
	r.join(2, 0, 0)
	r.sends(1, 2, 3) // the same ids
}

func TestOutboxSurvivesARestart(t *testing.T) {
	r := online(t)
	r.say(3)
	r.get(1, talk.Stored{RoomID: 1, ID: postID(2), Seq: 6})
	r.pass(2 * time.Second)
	again := newRig(t, r.disk, nil)
	again.now = r.now
	again.do(Start{})
	again.open(1)
	again.done = nil
	again.join(1, 6, 6)
	again.sends(1, 3)
	again.outboxIs(Fresh, Fresh)
	if again.s.State().Session != known().Session {
		t.Error("is another session after the restart")
	}
}

func TestStoredStaysUntilTheLogShowsIt(t *testing.T) {
	r := online(t)
	r.say(2)
	r.get(1, talk.Stored{RoomID: 1, ID: postID(1), Seq: 7}, talk.Stored{RoomID: 2, ID: postID(2), Seq: 7},
		talk.Stored{RoomID: 1, ID: postID(9), Seq: 7}, talk.Stored{RoomID: 1, ID: postID(2)})
	r.outboxIs(Fresh, Fresh) // the last three say nothing true
	if kept := r.s.State().Outbox; len(kept) != 1 || kept[0].ID != postID(2) {
		t.Fatalf("%+v", kept)
	}
	r.get(1, textEntry(6))
	r.outboxIs(Fresh, Fresh)
	r.get(1, own(7, postID(1), "mine 1"))
	r.outboxIs(Fresh)
	r.get(1, own(8, postID(2), "mine 2"))
	r.outboxIs()
	r.get(1, talk.Stored{RoomID: 1, ID: postID(2), Seq: 8})
	r.logIs(1, 8)
	r.pass(2 * time.Second)
	if len(r.disk.Outbox) != 0 {
		t.Fatalf("%+v", r.disk.Outbox)
	}
}

// A stranger who uses the same id does not take the user's message away.
func TestStrangerWithTheSameID(t *testing.T) {
	r := online(t)
	r.say(1)
	e := own(6, postID(1), "mine 1")
	e.Author = otherID
	r.get(1, e)
	r.outboxIs(Fresh)
}

func TestStoredButTheLogRestarts(t *testing.T) {
	r := online(t)
	r.say(1)
	r.get(1, talk.Stored{RoomID: 1, ID: postID(1), Seq: 6})
	r.do(Closed{Conn: 1})
	r.pass(time.Second)
	r.open(2)
	r.join(2, 50, 50)
	r.outboxIs()
}

func TestMarks(t *testing.T) {
	r := online(t)
	r.say(1)
	r.outboxIs(Fresh)
	r.pass(250 * time.Millisecond)
	r.outboxIs(Fresh)
	r.done = nil
	r.pass(100 * time.Millisecond)
	r.outboxIs(Waiting)
	if c := one(t, take[Changed](r)); c.What&OutboxChanged == 0 {
		t.Fatal("nobody is told of the mark")
	}
	for range 15 {
		r.pass(4 * time.Second)
		r.answer(1)
	}
	out := r.outboxIs(Failed)
	if out[0].Reason == "" {
		t.Fatal("no reason")
	}
	r.do(Retry{postID(1)})
	r.outboxIs(Fresh)
	for range 16 {
		r.pass(4 * time.Second)
		r.answer(1)
	}
	r.outboxIs(Failed)
	r.get(1, talk.Accepted{RoomID: 2, ID: postID(1)})
	r.outboxIs(Failed)
	r.get(1, talk.Accepted{RoomID: 1, ID: postID(1)})
	r.outboxIs(Accepted)
	r.get(1, own(6, postID(1), "mine 1"))
	r.outboxIs() // it was never given up
}

func TestOwnPendingIsAccepted(t *testing.T) {
	r := online(t)
	r.say(1)
	e := own(0, postID(1), "mine 1")
	e.Pending = true
	r.get(1, e)
	r.outboxIs(Accepted)
	none(t, r.s.Pending())
	r.done = nil
	r.get(1, talk.Withdrawn{RoomID: 1, UUID: meID, ID: postID(1)})
	r.outboxIs(Fresh)
	r.sends(1) // what was taken back is sent again
	two := own(0, postID(2), "from another window")
	two.Pending = true
	r.get(1, two)
	one(t, r.s.Pending())
}

func TestWindow(t *testing.T) {
	r := online(t)
	r.say(100)
	if n := len(texts(t, r)); n != maxInFlight {
		t.Fatalf("%d in flight", n)
	}
	for i := 1; i <= 100; i++ {
		if i%3 == 0 {
			r.get(1, talk.Accepted{RoomID: 1, ID: postID(i)})
		} else {
			r.get(1, talk.Stored{RoomID: 1, ID: postID(i), Seq: int64(5 + i)})
		}
		if want := maxInFlight + i; want <= 100 {
			r.sends(want)
		} else {
			r.sends()
		}
	}
}

func TestRounds(t *testing.T) {
	r := online(t)
	r.say(3)
	r.done = nil
	later := func(n int, code talk.Code) talk.Error {
		return talk.Error{Code: code, Message: "later", ID: postID(n), Retry: true, RetryMS: 400}
	}
	r.get(1, talk.Stored{RoomID: 1, ID: postID(1), Seq: 6}, later(2, talk.CodeUnavailable), later(3, talk.CodeOutOfTurn))
	r.say(4)
	r.sends() // not before it is time
	r.pass(390 * time.Millisecond)
	r.sends()
	r.pass(300 * time.Millisecond)
	list := sent[talk.Entry](r)
	if len(list) != 3 || list[0].ID != postID(2) || list[2].ID != postID(4) {
		t.Fatalf("%+v", list)
	}
	for _, e := range list {
		if e.Round != 1 {
			t.Fatalf("%+v", e)
		}
	}
	// Again, ever slower.
	last := r.now
	for round := int32(2); round < 8; round++ {
		r.get(1, later(2, talk.CodeBusy), later(3, talk.CodeOutOfTurn))
		r.done = nil
		for len(r.done) == 0 || len(texts(t, r)) == 0 {
			r.pass(10 * time.Millisecond)
			r.get(1, talk.Pong{})
		}
		if wait := r.now.Sub(last); wait > 6*time.Second {
			t.Fatalf("round %d after %v", round, wait)
		}
		last = r.now
	}
	if wait := r.s.live.refusals; wait != 7 {
		t.Fatalf("%d refusals", wait)
	}
	r.get(1, talk.Stored{RoomID: 1, ID: postID(2), Seq: 7})
	if r.s.live.refusals != 0 {
		t.Error("success does not end the waiting")
	}
	r.do(Closed{Conn: 1})
	r.pass(time.Second)
	r.open(2)
	r.done = nil
	r.join(2, 5, 5)
	if list := sent[talk.Entry](r); len(list) != 2 || list[0].Round != 0 {
		t.Fatalf("rounds do not begin anew: %+v", list)
	}
}

func TestRefusedForGoodWaitsForTheUser(t *testing.T) {
	r := online(t)
	r.say(3)
	r.done = nil
	r.get(1, talk.Error{Code: talk.CodeRefused, Message: "never", ID: postID(2)}, talk.Error{Code: talk.CodeRefused, ID: postID(9)})
	if out := r.outboxIs(Fresh, Failed, Fresh); out[1].Reason != "never" {
		t.Fatalf("%+v", out)
	}
	r.get(1, talk.Stored{RoomID: 1, ID: postID(3), Seq: 6})
	r.do(Closed{Conn: 1})
	r.pass(time.Second)
	r.open(2)
	r.done = nil
	r.join(2, 6, 6)
	r.sends(1)
	if len(r.disk.Outbox) < 2 {
		t.Fatal("what failed is not kept")
	}
	r.do(Retry{postID(2)})
	r.sends(2)
	r.do(Retry{postID(9)})
	r.get(2, talk.Error{Code: talk.CodeRefused, Message: "never", ID: postID(2)})
	r.do(Discard{postID(9)})
	r.do(Discard{postID(2)})
	r.outboxIs(Waiting)
	if n := len(r.disk.Outbox); n != 1 {
		t.Fatalf("%d kept", n)
	}
}

// A server that does not know where the user is has not refused the message.
func TestNotJoinedIsNotTheMessagesFault(t *testing.T) {
	r := online(t)
	r.pass(4 * time.Second)
	r.say(1)
	r.get(1, talk.Error{Code: talk.CodeNotJoined, Message: "join first", ID: postID(1)})
	r.outboxIs(Fresh)
	r.pass(time.Second)
	r.open(2)
	r.done = nil
	r.join(2, 5, 5)
	r.sends(1)
}

func TestRetryOffline(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.say(1)
	for conn := ConnID(1); conn < 9; conn++ {
		r.do(Closed{Conn: conn})
		r.done = nil
		r.do(Retry{postID(1)})
		one(t, take[Dial](r))
	}
}

func TestCourier(t *testing.T) {
	r := online(t)
	r.say(2)
	r.get(1, talk.Error{Code: talk.CodeBusy, Message: "later", ID: postID(1), Retry: true})
	r.do(Join{2})
	r.outboxIs()
	if owed := r.s.Status().Owed; owed != 2 {
		t.Fatalf("%d owed", owed)
	}
	r.get(1, talk.Error{Code: talk.CodeBadRoom, Message: "another room", ID: postID(2)})
	r.join(1, 0, 0)
	r.done = nil
	r.pass(1500 * time.Millisecond)
	d := one(t, take[Dial](r))
	r.do(Opened{d.Conn})
	list := take[Send](r)
	h, j := list[0].Message.(talk.Hello), list[1].Message.(talk.JoinRoom)
	if h.Session == known().Session || h.Secret != mySecret || j.RoomID != 1 || j.Resume {
		t.Fatalf("%+v %+v", h, j)
	}
	r.get(d.Conn, talk.Welcome{UUID: meID})
	r.done = nil
	r.get(d.Conn, talk.Joined{RoomID: 1, AfterSeq: 5, HeadSeq: 5})
	r.sends(1, 2)
	r.phase(Online)
	if r.s.Room() != 2 || r.s.Log().Len() != 0 {
		t.Fatal("the shown room is disturbed")
	}
	r.get(d.Conn, own(6, postID(1), "mine 1"), talk.Stored{RoomID: 1, ID: postID(2), Seq: 7})
	left := false
	for _, e := range r.done {
		if s, ok := e.(Send); ok && s.Conn == d.Conn {
			l, ok := s.Message.(talk.LeaveRoom)
			left = ok && l.RoomID == 1
		}
	}
	if h := one(t, take[Hangup](r)); h.Conn != d.Conn || !left {
		t.Fatalf("%+v, left: %v", h, left)
	}
	if r.s.Status().Owed != 0 || len(r.s.State().Outbox) != 0 {
		t.Fatal("something is left")
	}
	r.phase(Online)
}

func TestCourierIsNotNeeded(t *testing.T) {
	r := online(t)
	r.say(1)
	r.do(Join{2})
	r.get(1, talk.Stored{RoomID: 1, ID: postID(1), Seq: 6})
	r.join(1, 0, 0)
	r.done = nil
	r.pass(4 * time.Second)
	none(t, take[Dial](r))
}

func TestCourierFailsAndGoesAgain(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.say(1)
	r.do(Join{2})
	r.open(1)
	r.join(1, 0, 0)
	for range 5 {
		r.done = nil
		for len(r.done) == 0 || !hasDial(r.done) {
			r.pass(time.Second)
			r.answer(1)
		}
		r.do(Closed{Conn: take[Dial](r)[0].Conn, Code: talk.CloseNotYou})
		r.phase(Online)
	}
	r.done = nil
	for !hasDial(r.done) {
		r.pass(time.Second)
		r.answer(1)
	}
	conn := take[Dial](r)[0].Conn
	r.open(conn)
	r.get(conn, talk.Joined{RoomID: 1})
	r.sends(1)
	r.do(Join{1}) // the user comes back himself
	found := take[Hangup](r)
	if len(found) != 1 || found[0].Conn != conn {
		t.Fatalf("%+v", found)
	}
	r.join(1, 0, 0)
	r.sends(1)
	r.get(1, own(1, postID(1), "mine 1"))
	r.outboxIs()
}

func TestCourierBringsBadNews(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.say(1)
	r.do(Join{2})
	r.open(1)
	r.join(1, 0, 0)
	r.pass(3 * time.Second)
	r.open(2)
	r.get(2, talk.Joined{RoomID: 1})
	r.done = nil
	r.get(2, talk.Error{Code: talk.CodeRefused, Message: "never", ID: postID(1)})
	if n := one(t, take[Notice](r)); !strings.Contains(n.Text, "room 1") || !strings.Contains(n.Text, "never") {
		t.Fatalf("%+v", n)
	}
	r.do(Join{1})
	r.outboxIs(Failed)
}

// An entry is accepted, and the user goes to another room and comes back on the same
// line. Meanwhile it was stored, further back than the page that is loaded.
func TestAcceptedAndStoredWhileTheUserWasElsewhere(t *testing.T) {
	r := online(t)
	r.say(2)
	r.get(1, talk.Accepted{RoomID: 1, ID: postID(1)}, talk.Accepted{RoomID: 1, ID: postID(2)})
	r.do(Join{2})
	r.join(1, 0, 0)
	r.do(Join{1})
	r.done = nil
	r.join(1, 500, 500)
	r.sends(1, 2) // it asks
	r.get(1, history(500, entryRun(451, 500)...))
	r.outboxIs(Accepted, Accepted)
	r.get(1, talk.Stored{RoomID: 1, ID: postID(1), Seq: 6}, talk.Stored{RoomID: 1, ID: postID(2), Seq: 7})
	r.outboxIs()
	r.pass(2 * time.Second)
	if len(r.disk.Outbox) != 0 {
		t.Fatalf("%+v", r.disk.Outbox)
	}
}

// wait lets time go by in which the server answers every ping of a line.
func (r *rig) wait(conn ConnID, d time.Duration) {
	r.t.Helper()
	for end := r.now.Add(d); r.now.Before(end); {
		r.pass(min(4*time.Second, end.Sub(r.now)))
		r.answer(conn)
	}
}

// The word that an entry is stored does not come.
func TestAcceptedIsAskedForAgain(t *testing.T) {
	r := online(t)
	r.say(3)
	for i := 1; i <= 3; i++ {
		r.get(1, talk.Accepted{RoomID: 1, ID: postID(i)})
	}
	r.done = nil
	r.wait(1, askTime-time.Second)
	r.sends()
	r.wait(1, askTime/2+time.Second)
	r.sends(1) // the oldest, once
	r.get(1, talk.Accepted{RoomID: 1, ID: postID(1)})
	r.wait(1, askTime-time.Second)
	r.sends() // it waits on
	r.wait(1, askTime/2+time.Second)
	r.sends(1)
	for i := 1; i <= 3; i++ { // it is stored, and then the others are soon
		r.get(1, talk.Accepted{RoomID: 1, ID: postID(i)}, talk.Stored{RoomID: 1, ID: postID(i), Seq: 5}) // as the log shows
		r.wait(1, askNextTime)
		if i < 3 {
			r.sends(i + 1)
		}
	}
	r.outboxIs()
	r.done = nil
	r.wait(1, 2*askTime)
	r.sends()
}

// courierIn is a rig whose background sender is asking for room 1, on conn, where it has an
// entry to say, while the user is in room 2.
func courierIn(t *testing.T) (r *rig, conn ConnID) {
	t.Helper()
	r = newRig(t, known(), nil)
	r.do(Start{})
	r.say(1)
	r.do(Join{2})
	r.open(1)
	r.join(1, 0, 0)
	r.done = nil
	r.pass(2 * time.Second)
	conn = one(t, take[Dial](r)).Conn
	r.open(conn)
	return r, conn
}

// courierOut is a rig whose background sender has said an entry in room 1, on conn, while the
// user is in room 2.
func courierOut(t *testing.T) (r *rig, conn ConnID) {
	t.Helper()
	r, conn = courierIn(t)
	r.done = nil
	r.get(conn, talk.Joined{RoomID: 1, AfterSeq: 500, HeadSeq: 500})
	r.sends(1)
	return r, conn
}

// What the background sender brings is accepted, and nobody ever says that it is stored.
func TestCourierAsksAgain(t *testing.T) {
	r, conn := courierOut(t)
	r.get(conn, talk.Accepted{RoomID: 1, ID: postID(1)})
	r.done = nil
	for range 10 {
		r.wait(1, 3*time.Second)
		r.answer(conn)
	}
	r.sends(1)
	r.get(conn, talk.Stored{RoomID: 1, ID: postID(1), Seq: 6})
	if h := one(t, take[Hangup](r)); h.Conn != conn || r.s.Status().Owed != 0 {
		t.Fatalf("%+v", h)
	}
}

// the background sender's server asks its users to move, as it alone does not reach the store.
func TestCourierMoves(t *testing.T) {
	r, conn := courierOut(t)
	r.get(conn, talk.Accepted{RoomID: 1, ID: postID(1)})
	r.done = nil
	r.get(conn, talk.Reconnect{WithinMS: 1000})
	left, hungUp := false, false
	for _, e := range r.done {
		switch e := e.(type) {
		case Send:
			_, is := e.Message.(talk.LeaveRoom)
			left = left || is && e.Conn == conn
		case Hangup:
			hungUp = e.Conn == conn
		}
	}
	if !left || !hungUp {
		t.Fatalf("left %v, hung up %v", left, hungUp)
	}
	r.phase(Online)
	r.done = nil
	r.pass(2 * time.Second)
	next := one(t, take[Dial](r)).Conn
	r.open(next)
	r.done = nil
	r.get(next, talk.Joined{RoomID: 1, AfterSeq: 500, HeadSeq: 500})
	r.sends(1)
	r.get(next, talk.Stored{RoomID: 1, ID: postID(1), Seq: 6})
	if r.s.Status().Owed != 0 {
		t.Fatal("something is left")
	}
}
