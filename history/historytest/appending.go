package historytest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"tuitalk/history"
	"tuitalk/talk"
)

func appendNumbersFromOne(e *env) {
	e.SetTime(1000)
	results := e.append(e.store(),
		Post(1, "ada", "a", "one"), Post(2, "ada", "b", "other room"), Post(-7, "bob", "c", "negative"),
		Post(1, "bob", "d", "two"), Post(math.MinInt32, "ada", "e", ""), Post(math.MaxInt32, "ada", "f", "x"))
	for i, want := range []int64{1, 1, 1, 2, 1, 1} {
		if r := results[i]; r != (history.Result{Seq: want, UnixTime: 1000}) {
			e.Errorf("entry %d: %+v, want seq %d", i, r, want)
		}
	}
	if r := e.append(e.store(), Post(1, "ada", "g", "three")); r[0].Seq != 3 {
		e.Errorf("the next batch begins at %d, not at 3", r[0].Seq)
	}
	want := Post(1, "bob", "d", "two")
	want.Seq, want.UnixTime = 2, 1000
	if log := e.log(1); len(log) != 3 || log[1] != want {
		e.Errorf("stored %+v", log)
	}
	if results, err := e.store().Append(e.ctx, nil); err != nil || len(results) != 0 {
		e.Errorf("an empty batch: %v, %v", results, err)
	}
}

func appendRepeats(e *env) {
	e.SetTime(1000)
	e.append(e.store(), Post(1, "ada", "a", "first"), Post(1, "ada", "b", "second"))
	e.SetTime(2000)
	results := e.append(e.store(),
		Post(1, "ada", "c", "new"),
		Post(1, "ada", "b", "the text of a repeat does not matter"),
		Post(1, "bob", "b", "the same id of another author is another entry"),
		Post(1, "ada", "d", "twice in one batch"),
		Post(1, "ada", "d", "twice in one batch"),
		Post(2, "ada", "b", "the same id in another room too"),
		Post(1, "ada", "d", "even three times"),
		Post(1, "ada", "e", "last"))
	for i, want := range []history.Result{
		{Seq: 3, UnixTime: 2000},
		{Seq: 2, UnixTime: 1000, Repeat: true},
		{Seq: 4, UnixTime: 2000},
		{Seq: 5, UnixTime: 2000},
		{Seq: 5, UnixTime: 2000, Repeat: true},
		{Seq: 1, UnixTime: 2000},
		{Seq: 5, UnixTime: 2000, Repeat: true},
		{Seq: 6, UnixTime: 2000},
	} {
		if results[i] != want {
			e.Errorf("entry %d: %+v, want %+v", i, results[i], want)
		}
	}
	log := e.log(1)
	if len(log) != 6 || log[1].Text != "second" || log[4].Text != "twice in one batch" {
		e.Errorf("stored %+v", log)
	}
}

func appendLeavesEntriesAlone(e *env) {
	e.SetTime(1000)
	in := Post(1, "ada", "a", "from the spool")
	in.SentAt, in.UnixTime, in.Seq, in.Round = 777, 5, 99, 3
	entries := []talk.Entry{in}
	e.append(e.store(), entries...)
	if entries[0] != in {
		e.Errorf("the caller's entry became %+v", entries[0])
	}
	want := Post(1, "ada", "a", "from the spool")
	want.SentAt, want.UnixTime, want.Seq = 777, 1000, 1
	if log := e.log(1); len(log) != 1 || log[0] != want {
		e.Errorf("stored %+v, want %+v", log, want)
	}
}

// badEntries are entries that no store takes.
func badEntries() map[string]talk.Entry {
	bad := make(map[string]talk.Entry)
	for name, spoil := range map[string]func(*talk.Entry){
		"NUL in text":      func(b *talk.Entry) { b.Text = "a\x00b" },
		"NUL in name":      func(b *talk.Entry) { b.Name = "\x00" },
		"broken UTF-8":     func(b *talk.Entry) { b.Text = "a\xffb" },
		"surrogate":        func(b *talk.Entry) { b.Text = "\xed\xa0\x80" },
		"overlong form":    func(b *talk.Entry) { b.Text = "\xc0\x80" },
		"broken name":      func(b *talk.Entry) { b.Name = "\xe2\x82" },
		"long text":        func(b *talk.Entry) { b.Text = strings.Repeat("x", talk.MaxTextBytes+1) },
		"long name":        func(b *talk.Entry) { b.Name = strings.Repeat("é", talk.MaxNameBytes/2) + "x" },
		"no author":        func(b *talk.Entry) { b.Author = talk.UUID{} },
		"no id":            func(b *talk.Entry) { b.ID = talk.UUID{} },
		"a join":           func(b *talk.Entry) { b.Kind = talk.KindJoined },
		"unknown kind":     func(b *talk.Entry) { b.Kind = 99 },
		"time beyond time": func(b *talk.Entry) { b.SentAt = math.MaxInt64 + 1 },
	} {
		entry := Post(1, "mallory", name, "fine")
		spoil(&entry)
		bad[name] = entry
	}
	return bad
}

func appendRefusesBadEntriesOnly(e *env) {
	var entries []talk.Entry
	good := 0
	isBad := make(map[int]string)
	addGood := func() {
		good++
		entries = append(entries, Post(1, "ada", fmt.Sprint("good", good), fmt.Sprint(good)))
	}
	addGood()
	for name, bad := range badEntries() {
		isBad[len(entries)] = name
		entries = append(entries, bad)
		addGood()
	}
	results, err := e.store().Append(e.ctx, entries)
	if err != nil {
		e.Fatal(err)
	}
	seq := int64(0)
	for i, r := range results {
		if name, bad := isBad[i]; bad {
			if !errors.Is(r.Err, history.ErrBadEntry) || r.Seq != 0 {
				e.Errorf("%s: %+v", name, r)
			}
			continue
		}
		seq++
		if r.Err != nil || r.Seq != seq {
			e.Errorf("good entry %d: %+v", seq, r)
		}
	}
	if log := e.log(1); len(log) != good {
		e.Errorf("%d entries stored, want %d", len(log), good)
	}
	largest := Post(1, "ada", "largest", strings.Repeat("é", talk.MaxTextBytes/2))
	largest.Name = strings.Repeat("n", talk.MaxNameBytes)
	e.append(e.store(), largest)
}

func appendTenThousand(e *env) {
	n := 10_000
	if testing.Short() {
		n = 2000
	}
	entries := make([]talk.Entry, n)
	for i := range entries {
		entries[i] = Post(int32(i%7), "ada", fmt.Sprint(i), fmt.Sprint("text ", i))
	}
	entries[n/2] = entries[17] // a repeat far behind the first
	entries[n-1] = entries[0]
	results := e.append(e.store(), entries...)
	for _, pair := range [][2]int{{n / 2, 17}, {n - 1, 0}} {
		if r, first := results[pair[0]], results[pair[1]]; !r.Repeat || r.Seq != first.Seq || first.Repeat {
			e.Errorf("repeat %+v of %+v", r, first)
		}
	}
	logs := make(map[int32][]talk.Entry)
	total := 0
	for room := range int32(7) {
		logs[room] = e.log(room)
		total += len(logs[room])
	}
	if total != n-2 {
		e.Errorf("%d entries stored, want %d", total, n-2)
	}
	for i, r := range results {
		if got := logs[entries[i].RoomID][r.Seq-1]; got.Text != entries[i].Text {
			e.Fatalf("entry %d has seq %d, where %q stands", i, r.Seq, got.Text)
		}
	}
	for i, r := range e.append(e.store(), entries...) {
		if !r.Repeat || r.Seq != results[i].Seq {
			e.Fatalf("entry %d again: %+v, want seq %d", i, r, results[i].Seq)
		}
	}
}

func appendTimeNeverRunsBack(e *env) {
	for i, step := range []struct{ now, want uint64 }{{1000, 1000}, {1005, 1005}, {900, 1005}, {1, 1005}, {1006, 1006}} {
		e.SetTime(int64(step.now))
		entry := Post(1, "ada", fmt.Sprint(i), "tick")
		if r := e.append(e.store(), entry); r[0].UnixTime != step.want {
			e.Errorf("at %d: time %d, want %d", step.now, r[0].UnixTime, step.want)
		}
	}
	e.SetTime(3)
	if r := e.append(e.store(), Post(2, "ada", "other", "another room has its own time")); r[0].UnixTime != 3 {
		e.Errorf("time %d in a new room, want 3", r[0].UnixTime)
	}
	moved := e.move(0, history.Move{Action: history.Enter, Key: key(1, "bob", "w"), Name: "bob"})
	if moved.Entry == nil || moved.Entry.UnixTime != 1006 {
		e.Errorf("joined: %+v, want time 1006", moved.Entry)
	}
	e.log(1)
}

// appendSurvivesReopen is a gateway that dies between storing and publishing.
func appendSurvivesReopen(e *env) {
	batch := []talk.Entry{Post(1, "ada", "a", "one"), Post(1, "ada", "b", "two"), Post(2, "ada", "c", "three")}
	first := e.append(e.store(), batch...)
	entered := e.move(0, history.Move{Action: history.Enter, Key: key(1, "ada", "w"), Name: "ada"})
	e.Reopen()
	again := e.append(e.store(), batch...)
	for i := range batch {
		if !again[i].Repeat || again[i].Seq != first[i].Seq || again[i].UnixTime != first[i].UnixTime {
			e.Errorf("entry %d: %+v after %+v", i, again[i], first[i])
		}
	}
	if log := e.log(1); len(log) != 3 || log[2] != *entered.Entry {
		e.Errorf("stored %+v", log)
	}
	left := e.move(0, history.Move{Action: history.Leave, Key: key(1, "ada", "w"), Epoch: entered.Epoch})
	if !left.Applied || !left.First || left.Entry == nil || left.Entry.Seq != 4 {
		e.Errorf("left: %+v", left)
	}
}

func contextThatHasEnded(e *env) {
	ended, cancel := context.WithCancel(e.ctx)
	cancel()
	s := e.store()
	entry := Post(1, "ada", "a", "x")
	_, appendErr := s.Append(ended, []talk.Entry{entry})
	_, moveErr := s.Move(ended, []history.Move{{Action: history.Enter, Key: key(1, "ada", "w"), Gateway: UUID("g"), EntryID: UUID("e")}})
	_, afterErr := s.After(ended, 1, 0, 1)
	_, _, beforeErr := s.Before(ended, 1, 0, 1)
	_, _, spanErr := s.SpanBefore(ended, 1, 1, 1)
	_, headsErr := s.Heads(ended, []int32{1})
	_, roomErr := s.Room(ended, 1, 1)
	_, _, atErr := s.EntryAt(ended, 1, 1)
	_, brokenErr := s.Broken(ended, history.SessionKey{}, 1)
	for name, err := range map[string]error{
		"Append": appendErr, "Move": moveErr, "After": afterErr, "Before": beforeErr, "SpanBefore": spanErr, "Heads": headsErr, "Room": roomErr,
		"EntryAt": atErr, "Broken": brokenErr, "Renew": s.Renew(ended, UUID("g")),
		"Retire": s.Retire(ended, UUID("g")), "Check": s.Check(ended),
	} {
		if !errors.Is(err, history.ErrUnavailable) {
			e.Errorf("%s: %v, want ErrUnavailable", name, err)
		}
	}
	if r := e.append(s, entry); r[0].Seq != 1 {
		e.Errorf("afterwards: %+v", r[0])
	}
}

func check(e *env) {
	if err := e.store().Check(e.ctx); err != nil {
		e.Fatal(err)
	}
	e.append(e.store(), Post(1, "ada", "a", "x"))
	if r := e.append(e.store(), Post(1, "ada", "b", "x")); r[0].Seq != 2 {
		e.Errorf("Check wrote an entry: %+v", r[0])
	}
	s := e.store()
	if err := s.Close(); err != nil {
		e.Fatal(err)
	}
	if err := s.Close(); err != nil {
		e.Errorf("Close again: %v", err)
	}
	if err := s.Check(e.ctx); !errors.Is(err, history.ErrUnavailable) {
		e.Errorf("Check of a closed store: %v", err)
	}
	if _, err := s.Append(e.ctx, []talk.Entry{Post(1, "ada", "c", "x")}); !errors.Is(err, history.ErrUnavailable) {
		e.Errorf("Append to a closed store: %v", err)
	}
	if _, err := s.After(e.ctx, 1, 0, 1); !errors.Is(err, history.ErrUnavailable) {
		e.Errorf("After of a closed store: %v", err)
	}
}
