package checker

import (
	"testing"

	"tuitalk/talk"
)

// TestWhoIsToldWhereTheLogBegins: a client that has nothing is let in by a gateway that
// cannot ask the store, and is told later behind which entry the log begins for it. What
// was stored before it came is no loss, what was stored since is, and so is what is behind
// that entry and is not shown.
func TestWhoIsToldWhereTheLogBegins(t *testing.T) {
	for name, c := range map[string]struct {
		stored int64 // when the last entry of those left out was, in milliseconds
		let    int64 // when it was let in, behind its coming
		behind int   // entries stored behind that one
		shown  int   // and so many of them it was shown
		lost   bool
	}{
		"before it came":       {900, 0, 0, 0, false},
		"before it was let in": {10_000, 12_000, 0, 0, false},
		"since":                {10_000, 0, 0, 0, true},
		"it goes on":           {900, 0, 2, 2, false},
		"it skips the rest":    {900, 0, 2, 0, true},
	} {
		s := newScript(t, 1)
		for i := range 3 {
			s.show(int64(100*i+20), 0, s.post(int64(100*i), 0))
		}
		last := s.post(c.stored, 0)
		s.show(c.stored+20, 0, last)
		b := s.w.Client("client b")
		s.event(1000, b, Event{Verb: Attached})
		s.event(1000, b, Event{Verb: Identified, ID: uuidOf(101)})
		s.event(1000, b, Event{Verb: Named, Hash: Hash("name")})
		s.event(1000, b, Event{Verb: Entered, Room: scriptRoom})
		s.event(1000+c.let, b, Event{Verb: Up, Room: scriptRoom})
		s.event(1000+c.let, b, Event{Verb: Restarted, Room: scriptRoom})
		told := max(c.stored, 1000+c.let) + 100
		var behind []Entry
		for i := range c.behind {
			behind = append(behind, s.post(told+int64(i), 0))
			s.show(told+int64(i)+20, 0, behind[i])
		}
		s.event(told+200, b, Event{Verb: Restarted, Room: scriptRoom, Seq: last.Seq, Flag: true})
		for _, e := range behind[:c.shown] {
			s.show(told+300, b, e)
		}
		report := Check(lenient, s.end(told+1000, 2))
		if report.Counts[Lost] > 0 != c.lost || report.Counts[Hole]+report.Counts[Duplicate] > 0 {
			t.Errorf("%s: %s", name, report)
		}
	}
}

// TestOwnComingThatIsNotStoredYet: an original's client is told of its coming before that
// is stored. What is stored before it comes behind it then, and the entry itself, which
// would be told twice, does not come.
func TestOwnComingThatIsNotStoredYet(t *testing.T) {
	for name, c := range map[string]struct {
		shown []int // entries, behind the first line
		wrong Kind
	}{
		"not told again":     {[]int{2, 3, 5}, 0},
		"told again":         {[]int{2, 3, 4, 5}, Duplicate},
		"the end is missing": {[]int{2, 3}, Lost},
		"one is missing":     {[]int{2, 5}, Hole},
		"one comes late":     {[]int{3, 2, 5}, Reordered},
	} {
		s := newScript(t, 1)
		for i := range 3 {
			s.show(int64(10*i+20), 0, s.post(int64(10*i), 0))
		}
		coming := Entry{
			Room: scriptRoom, Seq: 4, Author: uuidOf(101), ID: uuidOf(4), Name: Hash("name"), Kind: talk.KindJoined,
		}
		s.log = append(s.log, coming)
		s.show(60, 0, coming)
		s.show(80, 0, s.post(70, 0))
		b := s.w.Client("client b")
		s.event(1, b, Event{Verb: Original})
		s.event(1, b, Event{Verb: Attached})
		s.event(1, b, Event{Verb: Identified, ID: uuidOf(101)})
		s.event(1, b, Event{Verb: Named, Hash: Hash("name")})
		s.event(1, b, Event{Verb: Entered, Room: scriptRoom})
		s.event(2, b, Event{Verb: Up, Room: scriptRoom})
		for at, seq := range append([]int{4}, c.shown...) {
			e := s.log[seq-1]
			e.Seq, e.ID = 0, talk.UUID{}
			s.event(int64(100+at), b, Event{Verb: Heard, Entry: s.w.Entry(e)})
		}
		report := Check(lenient, s.end(1000, 2))
		found := 0
		for _, v := range report.Violations {
			if v.Client == "client b" {
				found++
			}
		}
		if c.wrong == 0 && found > 0 || c.wrong != 0 && report.Counts[c.wrong] == 0 {
			t.Errorf("%s: %s", name, report)
		}
	}
}
