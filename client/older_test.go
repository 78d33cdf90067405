package client

import (
	"testing"
	"time"

	"tuitalk/talk"
)

func TestOlderHistory(t *testing.T) {
	r := newRig(t, known(), func(c *Config) { c.History = 3 })
	r.do(FetchOlder{8}) // before there is a room: that many at first
	r.do(Start{})
	r.open(1)
	r.done = nil
	r.join(1, 20, 20)
	if f := one(t, sent[talk.Fetch](r)); f.Limit != 8 || f.BeforeSeq != 21 {
		t.Fatalf("%+v", f)
	}
	r.do(FetchOlder{5})
	none(t, take[Send](r)) // one at a time
	r.get(1, textEntry(21))
	a, b := history(20, entryRun(13, 17)...), history(20, entryRun(18, 20)...)
	a.More = true
	r.get(1, history(40, entryRun(30, 40)...), a) // not asked for; a part
	r.logIs(21, 21)
	r.get(1, b)
	r.logIs(13, 21)
	if r.s.Loading() || r.s.Complete() {
		t.Fatal("loading or complete")
	}
	r.do(FetchOlder{500})
	if f := one(t, sent[talk.Fetch](r)); f.BeforeSeq != 13 {
		t.Fatalf("%+v", f)
	}
	r.do(Closed{Conn: 1}) // the question goes with the line
	r.pass(time.Second)
	r.open(2)
	r.done = nil
	r.join(2, 21, 21)
	if f := one(t, sent[talk.Fetch](r)); f.BeforeSeq != 13 || f.Limit != 500 {
		t.Fatalf("%+v", f)
	}
	r.get(2, history(12, entryRun(1, 12)...))
	r.logIs(1, 21)
	if !r.s.Complete() {
		t.Fatal("not complete")
	}
	r.do(FetchOlder{5})
	none(t, take[Send](r))
}

// TestAnswerThatTheLogHasLeftBehind: what was asked for before the log dropped its
// oldest entries would leave a hole.
func TestAnswerThatTheLogHasLeftBehind(t *testing.T) {
	r := newRig(t, known(), func(c *Config) { c.History, c.Keep = 3, 8 })
	r.do(Start{})
	r.open(1)
	r.done = nil
	r.join(1, 20, 20)
	r.get(1, history(20, entryRun(18, 20)...))
	r.done = nil
	r.do(FetchOlder{5})
	if f := one(t, sent[talk.Fetch](r)); f.BeforeSeq != 18 {
		t.Fatalf("%+v", f)
	}
	for seq := int64(21); seq <= 30; seq++ {
		r.get(1, textEntry(seq))
	}
	r.get(1, history(17, entryRun(13, 17)...))
	r.logIs(22, 30)
	if r.s.Loading() {
		t.Error("still waits for an answer that it does not want")
	}
}

func TestHistoryThatMakesNoSense(t *testing.T) {
	wrongRoom := textEntry(4)
	wrongRoom.RoomID = 2
	for name, list := range map[string][]talk.Message{
		"a hole":        {textEntry(3), textEntry(5)},
		"too short":     {textEntry(3), textEntry(4)},
		"too new":       {textEntry(5), textEntry(6)},
		"no seq":        {talk.Entry{Kind: talk.KindPosted, RoomID: 1}},
		"another room":  {wrongRoom, textEntry(5)},
		"not an entry":  {talk.LocalError{Message: "x"}},
		"twice":         {textEntry(5), textEntry(5)},
		"back to front": {textEntry(5), textEntry(4)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, known(), nil)
			r.do(Start{})
			r.open(1)
			r.join(1, 5, 5)
			r.done = nil
			r.get(1, talk.History{RoomID: 1, BeforeSeq: 6, Text: list})
			one(t, take[Notice](r))
			if r.s.Loading() || r.s.Log().Len() > 0 {
				t.Fatal("taken, or waited for")
			}
			r.do(FetchOlder{5})
			none(t, take[Send](r)) // not at once
			r.pass(3 * time.Second)
			r.do(FetchOlder{5})
			one(t, sent[talk.Fetch](r))
		})
	}
}

func TestFetchRefused(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.open(1)
	r.join(1, 5, 5)
	r.done = nil
	away := talk.Error{Code: talk.CodeUnavailable, Message: "the history is away", Retry: true, RetryMS: 500}
	r.get(1, away)
	if n := one(t, take[Notice](r)); n.Text != away.Message || n.Refused {
		t.Fatalf("%+v", n)
	}
	r.pass(time.Second)
	one(t, sent[talk.Fetch](r))
	r.get(1, away)
	none(t, take[Notice](r)) // said already
	r.pass(2 * time.Second)
	one(t, sent[talk.Fetch](r))
	r.get(1, history(5, entryRun(2, 5)...))
	r.logIs(2, 5)

	r.do(FetchOlder{5})
	r.get(1, talk.Error{Code: talk.CodeBadLimit, Message: "no"})
	one(t, take[Notice](r))
	if r.s.Loading() {
		t.Error("still loading")
	}
	r.pass(3 * time.Second)
	r.do(FetchOlder{5})
	for range 4 {
		r.pass(4 * time.Second)
		r.answer(1)
	}
	if r.s.Loading() {
		t.Error("waits for ever")
	}
}
