package recorder_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/recorder"
	"tuitalk/talk"
)

// old is a client of the original's forms, in a room of a log that is written by hand.
type old struct {
	t     *testing.T
	out   bytes.Buffer
	rec   *recorder.Recorder
	who   *recorder.Original
	now   time.Time
	log   []talk.Entry
	other int
}

var (
	oldUser   = talk.MakeUUID(4, [16]byte{7})
	oldFriend = talk.MakeUUID(4, [16]byte{8})
)

const oldRoom = 7

func newOld(t *testing.T) *old {
	o := &old{t: t, now: time.Unix(1_700_000_000, 0)}
	o.rec = recorder.New(&o.out)
	o.rec.Outsider(oldFriend)
	o.who = o.rec.Original(o.now, "old", oldUser, "ada")
	return o
}

func (o *old) pass(d time.Duration) { o.now = o.now.Add(d) }

// store gives an entry the next seq.
func (o *old) store(e talk.Entry) talk.Entry {
	e.RoomID, e.Seq, e.UnixTime = oldRoom, int64(len(o.log)+1), uint64(o.now.Unix())
	e.ID = talk.UUID{9, byte(e.Seq), byte(e.Seq >> 8)}
	o.log = append(o.log, e)
	return e
}

// tell sends an entry as such a client gets it.
func (o *old) tell(e talk.Entry) {
	e.Seq, e.ID = 0, talk.UUID{}
	if e.Kind == talk.KindRenamed {
		e.RoomID = 0
	}
	o.who.Received(o.now, e)
	o.pass(time.Millisecond)
}

func (o *old) join() {
	o.who.Opened(o.now, 1)
	o.who.Said(o.now, talk.JoinRoom{RoomID: oldRoom, UUID: oldUser, Username: "ada"})
	o.tell(o.store(talk.Entry{Kind: talk.KindJoined, Author: oldUser, Name: "ada"}))
}

func (o *old) friendSays() talk.Entry {
	o.other++
	o.pass(300 * time.Millisecond)
	return o.store(talk.Entry{Kind: talk.KindPosted, Author: oldFriend, Name: "ben", Text: fmt.Sprint("ben ", o.other)})
}

func (o *old) says(text string) talk.Entry {
	e := talk.Entry{Kind: talk.KindPosted, RoomID: oldRoom, Author: oldUser, Name: "ada", Text: text}
	o.who.Said(o.now, e)
	return e
}

// fetch asks for a page.
func (o *old) fetch(limit int64, before uint64) {
	o.who.Said(o.now, talk.Fetch{RoomID: oldRoom, Limit: limit, FetchBefore: before})
	o.pass(10 * time.Millisecond)
}

// part sends entries from to to, by seq.
func (o *old) part(from, to int) {
	h := talk.History{}
	for _, e := range o.log[from-1 : to] {
		e.Seq, e.ID = 0, talk.UUID{}
		h.Text = append(h.Text, e)
	}
	o.who.Received(o.now, h)
	o.pass(10 * time.Millisecond)
}

// end ends the recording and judges it.
func (o *old) end() *checker.Report {
	o.t.Helper()
	o.rec.Head(oldRoom, int64(len(o.log)))
	o.who.End(o.now)
	o.rec.Truth(oldRoom, 0, o.log)
	if err := o.rec.Close(); err != nil {
		o.t.Fatal(err)
	}
	r, err := checker.Decode(o.out.Bytes())
	if err != nil {
		o.t.Fatal(err)
	}
	// the head is noted by the machine's clock, behind which all of this lies
	if i := slices.IndexFunc(r.Events, func(e checker.Event) bool { return e.Verb == checker.Head }); i >= 0 {
		r.Events[i].At = checker.Micro(o.now) - 1
	}
	return checker.Check(checker.Options{}, r)
}

// TestOriginalsAreJudged: what such a client was told, and what comes of it.
func TestOriginalsAreJudged(t *testing.T) {
	for name, tc := range map[string]struct {
		live func(o *old)
		want []checker.Kind
	}{
		"all is well": {func(o *old) {
			o.tell(o.friendSays())
			o.says("hello")
			o.tell(o.store(talk.Entry{Kind: talk.KindPosted, Author: oldUser, Name: "ada", Text: "hello"}))
			o.who.Said(o.now, talk.ChangeName{UUID: oldUser, Username: "lovelace", OldUsername: "ada"})
			o.tell(o.store(talk.Entry{Kind: talk.KindRenamed, Author: oldUser, Name: "lovelace", Text: "ada"}))
			o.says("more")
			o.tell(o.store(talk.Entry{Kind: talk.KindPosted, Author: oldUser, Name: "lovelace", Text: "more"}))
		}, nil},
		"left out":            {func(o *old) { o.friendSays(); o.tell(o.friendSays()) }, []checker.Kind{checker.Hole}},
		"the last is missing": {func(o *old) { o.tell(o.friendSays()); o.friendSays() }, []checker.Kind{checker.Lost}},
		"twice":               {func(o *old) { e := o.friendSays(); o.tell(e); o.tell(e) }, []checker.Kind{checker.Duplicate}},
		"late": {func(o *old) {
			a, b := o.friendSays(), o.friendSays()
			o.tell(b)
			o.tell(a)
		}, []checker.Kind{checker.Reordered}},
		"of another room": {func(o *old) {
			e := o.friendSays()
			o.tell(e)
			e.RoomID = 8
			o.tell(e)
		}, []checker.Kind{checker.Leak}},
		"refused, and stored": {func(o *old) {
			o.says("hello")
			o.who.Received(o.now, talk.Error{Code: talk.CodeUnavailable, Message: "unavailable"})
			o.tell(o.store(talk.Entry{Kind: talk.KindPosted, Author: oldUser, Name: "ada", Text: "hello"}))
		}, []checker.Kind{checker.FalseRefused}},
		"refused": {func(o *old) {
			o.says("hello")
			o.who.Received(o.now, talk.Error{Code: talk.CodeUnavailable, Message: "unavailable"})
			o.pass(time.Minute)
		}, nil},
		"sent and gone": {func(o *old) { o.says("hello"); o.pass(time.Minute) }, []checker.Kind{checker.Lost}},
		"sent, and the line broke": {func(o *old) {
			o.says("hello")
			o.who.Closed(o.now, false)
			o.store(talk.Entry{Kind: talk.KindLeft, Author: oldUser, Name: "ada"})
			o.pass(time.Minute)
			o.join()
			o.pass(time.Minute)
		}, nil},
		"under the old name": {func(o *old) {
			o.who.Said(o.now, talk.ChangeName{UUID: oldUser, Username: "lovelace", OldUsername: "ada"})
			o.tell(o.store(talk.Entry{Kind: talk.KindRenamed, Author: oldUser, Name: "lovelace", Text: "ada"}))
			o.says("more")
			o.tell(o.store(talk.Entry{Kind: talk.KindPosted, Author: oldUser, Name: "ada", Text: "more"}))
		}, []checker.Kind{checker.OldName}},
		"a join without an answer": {func(o *old) {
			o.who.Said(o.now, talk.JoinRoom{RoomID: oldRoom, UUID: oldUser, Username: "ada"})
			o.pass(time.Minute)
		}, []checker.Kind{checker.NeverAnswered}},
		"a page without an answer": {func(o *old) {
			o.fetch(10, uint64(o.now.Unix()))
			o.pass(time.Minute)
		}, []checker.Kind{checker.NeverAnswered}},
		"ended, and never left": {func(o *old) {
			o.who.Leave(o.now)
			o.pass(time.Minute)
		}, []checker.Kind{checker.NeverLeft}},
		"ended": {func(o *old) {
			o.who.Leave(o.now)
			o.pass(time.Second)
			o.store(talk.Entry{Kind: talk.KindLeft, Author: oldUser, Name: "ada"})
			o.pass(time.Minute)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOld(t)
			o.join()
			tc.live(o)
			expectKinds(t, o.end(), tc.want)
		})
	}
}

func expectKinds(t *testing.T, report *checker.Report, want []checker.Kind) {
	t.Helper()
	if len(report.Counts) != len(want) || len(report.Unsound) > 0 {
		t.Errorf("want %v: %s", want, report)
	}
	for _, k := range want {
		if report.Counts[k] != 1 {
			t.Errorf("want one %s: %s", k, report)
		}
	}
}

// TestPagesByTimeAreJudged: a log of three entries a second, loaded to its first entry.
func TestPagesByTimeAreJudged(t *testing.T) {
	const perSecond, seconds = 3, 8
	for name, tc := range map[string]struct {
		live func(o *old, last uint64) // last is the last second, which begins with entry 23
		want []checker.Kind
	}{
		"to the first entry": {func(o *old, last uint64) {
			o.fetch(6, last)
			o.part(20, 22)
			o.part(17, 19)
			o.fetch(14, last-2)
			o.part(5, 16)
			o.part(2, 4)
			o.fetch(10, last-7)
			o.part(1, 1)
			o.fetch(10, last-8)
			o.who.Received(o.now, talk.History{})
		}, nil},
		"the rest of a second comes behind the next question": {func(o *old, last uint64) {
			o.fetch(6, last)
			o.part(18, 22)
			o.fetch(3, last-2)
			o.part(17, 17)
			o.part(14, 16)
			o.fetch(3, last-3)
			o.part(11, 13)
		}, nil},
		"a second is split": {func(o *old, last uint64) {
			o.fetch(5, last)
			o.part(18, 22)
			o.fetch(3, last-2)
			o.part(14, 16)
		}, []checker.Kind{checker.TornPage}},
		"the oldest part comes first": {func(o *old, last uint64) {
			o.fetch(6, last)
			o.part(17, 19)
			o.part(20, 22)
		}, []checker.Kind{checker.TornPage}},
		"an entry is left out": {func(o *old, last uint64) {
			o.fetch(6, last)
			o.part(20, 22)
			o.part(17, 18)
		}, []checker.Kind{checker.TornPage}},
		"an entry comes twice": {func(o *old, last uint64) {
			o.fetch(6, last)
			o.part(19, 22)
			o.part(17, 19)
		}, []checker.Kind{checker.TornPage}},
		"what was not asked for": {func(o *old, last uint64) {
			o.fetch(6, last)
			o.part(17, 23)
		}, []checker.Kind{checker.TornPage}},
		"a second too much": {func(o *old, last uint64) {
			o.fetch(6, last)
			o.part(14, 22)
			o.fetch(6, last-3)
			o.part(8, 13)
		}, []checker.Kind{checker.TornPage}},
		"it ends in the middle": {func(o *old, last uint64) {
			o.fetch(12, last)
			o.part(17, 22)
			o.pass(time.Minute)
		}, []checker.Kind{checker.NeverAnswered}},
		"the line breaks in the middle": {func(o *old, last uint64) {
			o.fetch(12, last)
			o.part(17, 22)
			o.who.Closed(o.now, false)
			o.store(talk.Entry{Kind: talk.KindLeft, Author: oldUser, Name: "ada"})
			o.join()
			o.pass(time.Minute)
		}, nil},
		"of another room": {func(o *old, last uint64) {
			o.fetch(6, last)
			o.part(17, 22)
			e := o.log[3]
			e.RoomID = 8
			o.who.Received(o.now, talk.History{Text: []talk.Message{e}})
		}, []checker.Kind{checker.Leak}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOld(t)
			o.join()
			o.pass(700 * time.Millisecond)
			for range seconds {
				for range perSecond {
					o.tell(o.friendSays())
				}
				o.now = o.now.Truncate(time.Second).Add(time.Second)
			}
			last := o.log[22].UnixTime
			if o.log[21].UnixTime != last-1 || o.log[19].UnixTime != last-1 || o.log[0].UnixTime != last-8 {
				t.Fatal("the log is another one than the test means")
			}
			tc.live(o, last)
			expectKinds(t, o.end(), tc.want)
		})
	}
}
