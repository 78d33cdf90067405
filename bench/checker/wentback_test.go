package checker

import (
	"testing"

	"tuitalk/talk"
)

// wentBack is a history in which the store goes back to its second entry after it has
// stored two more, of which one client each is the author. marked: the one who set it
// back says which they are. reset: the clients begin anew.
func wentBack(t *testing.T, marked int, reset bool) *Report {
	s := newScript(t, 2)
	both := func(ms int64, e Entry) {
		s.show(ms, 0, e)
		s.show(ms, 1, e)
	}
	for i := range 4 {
		e := s.post(int64(100*i), int32(i%2))
		s.event(int64(100*i+10), int32(i%2), Event{Verb: Stored, Room: scriptRoom, ID: e.ID, Seq: e.Seq})
		both(int64(100*i+20), e)
	}
	gone := s.log[2:]
	s.log = s.log[:2:2]
	for _, e := range gone[:marked] {
		s.event(500, -1, Event{Verb: Taken, Entry: s.w.Entry(e)})
	}
	fresh := s.post(600, 0)
	fresh.ID = uuidOf(50)
	s.log[2] = fresh
	s.event(600, 0, Event{Verb: Sent, Room: scriptRoom, ID: fresh.ID, Hash: fresh.Text})
	if reset {
		for c := range int32(2) {
			s.event(610, c, Event{Verb: Restarted, Room: scriptRoom, Seq: 2})
		}
		both(620, fresh)
	}
	return Check(lenient, s.end(1000, 2))
}

func TestWhatAStoreThatWentBackTookIsNobodysFault(t *testing.T) {
	if report := wentBack(t, 2, true); report.Counts[Phantom]+report.Counts[Lost]+report.Counts[Disagreement] > 0 {
		t.Errorf("%s", report)
	}
}

func TestWhoIsNotResetAfterTheStoreWentBackIsFound(t *testing.T) {
	if report := wentBack(t, 2, false); report.Counts[Phantom] != 2 {
		t.Errorf("%s", report)
	}
}

// TestWhoBeganInTheLogThatIsGoneBeginsAnew: he has been shown nothing of it. A gateway may let
// him in there a while after the store has gone back, as it has not noticed.
func TestWhoBeganInTheLogThatIsGoneBeginsAnew(t *testing.T) {
	for _, c := range []struct {
		comes   int64 // in milliseconds; the store goes back at 500
		marked  bool
		excused bool
	}{{450, true, true}, {450, false, false}, {590, true, true}, {31_000, true, false}} {
		s := newScript(t, 2)
		for i := range 4 {
			s.show(int64(100*i+20), 0, s.post(int64(100*i), 0))
		}
		if c.marked {
			s.event(500, -1, Event{Verb: Taken, Entry: s.w.Entry(s.log[3])})
			s.event(510, 0, Event{Verb: Restarted, Room: scriptRoom, Seq: 3})
			s.log = s.log[:3:3]
		}
		s.event(c.comes, 1, Event{Verb: Entered, Room: scriptRoom})
		s.event(c.comes, 1, Event{Verb: Up, Room: scriptRoom})
		s.event(c.comes, 1, Event{Verb: Restarted, Room: scriptRoom, Seq: 4})
		then := c.comes + 150
		for i := range int64(3) {
			e := s.post(then+i, 0)
			e.ID = uuidOf(60 + int(i))
			s.log[len(s.log)-1] = e
			s.event(then+i, 0, Event{Verb: Sent, Room: scriptRoom, ID: e.ID, Hash: e.Text})
			s.show(then+20+i, 0, e)
		}
		s.event(then+100, 1, Event{Verb: Restarted, Room: scriptRoom, Seq: int64(len(s.log))})
		missed := 0
		report := Check(lenient, s.end(then+400, 2))
		for _, v := range report.Violations {
			if v.Kind == Lost && v.Client == "client b" {
				missed++
			}
		}
		if (missed == 0) != c.excused {
			t.Errorf("%+v: %s", c, report)
		}
	}
}

func TestOnlyWhatTheStoreTookIsExcused(t *testing.T) {
	report := wentBack(t, 1, true)
	if report.Counts[Phantom] != 2 || report.Counts[Lost] != 1 { // shown to two, told stored to one
		t.Errorf("%s", report)
	}
}

// TestTimesInALogThatIsGone: an entry that the store has no longer is held to its own time,
// not to that of the entry that is in its place.
func TestTimesInALogThatIsGone(t *testing.T) {
	for _, ahead := range []uint64{0, 60} {
		s := newScript(t, 1)
		gone := s.post(100, 0)
		gone.UnixTime += ahead
		s.show(120, 0, gone)
		s.event(500, -1, Event{Verb: Taken, Entry: s.w.Entry(gone)})
		s.log = nil
		fresh := s.post(30_000, 0)
		fresh.ID = uuidOf(50)
		s.log[0] = fresh
		s.event(30_000, 0, Event{Verb: Sent, Room: scriptRoom, ID: fresh.ID, Hash: fresh.Text})
		s.event(30_000, 0, Event{Verb: Restarted, Room: scriptRoom})
		s.show(30_020, 0, fresh)
		report := Check(lenient, s.end(31_000, 1))
		if found := report.Counts[TimeAhead] > 0; found != (ahead > 0) {
			t.Errorf("%d s ahead: %s", ahead, report)
		}
	}
}

// TestWhoHasNoGraceWhenTheStoreWentBack: a client of the original's forms leaves and comes
// when gateways ask anew who is where. Nobody else does.
func TestWhoHasNoGraceWhenTheStoreWentBack(t *testing.T) {
	for _, original := range []bool{true, false} {
		for _, back := range []bool{true, false} {
			s := newScript(t, 1)
			b := s.w.Client("client b")
			if original {
				s.event(1, b, Event{Verb: Original})
			}
			s.event(1, b, Event{Verb: Attached})
			s.event(1, b, Event{Verb: Identified, ID: uuidOf(101)})
			s.event(1, b, Event{Verb: Named, Hash: Hash("name")})
			s.event(1, b, Event{Verb: Entered, Room: scriptRoom})
			s.event(2, b, Event{Verb: Up, Room: scriptRoom})
			if back {
				s.event(3, -1, Event{Verb: Taken, Entry: s.w.Entry(Entry{Room: scriptRoom, Seq: 9, ID: uuidOf(9)})})
			}
			left := Entry{Room: scriptRoom, Seq: 1, Author: uuidOf(101), ID: uuidOf(1), Name: Hash("name"), Kind: talk.KindLeft, UnixTime: 20}
			s.log = append(s.log, left)
			report := Check(lenient, s.end(40_000, 2))
			if found := report.Counts[Noise] > 0; found == (original && back) {
				t.Errorf("original: %v, went back: %v: %s", original, back, report)
			}
		}
	}
}

// TestWhatComesBackMayStandBehindNewerOnes: the store lost it, and the spool, which lost that
// it had been stored, brings it again.
func TestWhatComesBackMayStandBehindNewerOnes(t *testing.T) {
	for _, marked := range []bool{true, false} {
		s := newScript(t, 1)
		e := s.post(100, 0)
		s.show(120, 0, e)
		if marked {
			s.event(200, -1, Event{Verb: Taken, Entry: s.w.Entry(e)})
			s.event(210, 0, Event{Verb: Restarted, Room: scriptRoom})
		}
		s.log = nil
		newer := s.post(300, 0)
		newer.ID = uuidOf(60)
		s.event(300, 0, Event{Verb: Sent, Room: scriptRoom, ID: newer.ID, Hash: newer.Text})
		e.Seq = 2
		s.log = []Entry{newer, e}
		if report := Check(lenient, s.end(1000, 1)); (report.Counts[AuthorOrder] > 0) == marked {
			t.Errorf("marked: %t: %s", marked, report)
		}
	}
}
