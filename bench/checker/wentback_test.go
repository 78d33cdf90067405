package checker

import "testing"

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

// TestWhoBeganInTheLogThatIsGoneBeginsAnew: he has been shown nothing of it.
func TestWhoBeganInTheLogThatIsGoneBeginsAnew(t *testing.T) {
	for _, marked := range []bool{true, false} {
		s := newScript(t, 2)
		for i := range 4 {
			s.show(int64(100*i+20), 0, s.post(int64(100*i), 0))
		}
		s.event(450, 1, Event{Verb: Entered, Room: scriptRoom})
		s.event(450, 1, Event{Verb: Up, Room: scriptRoom})
		s.event(450, 1, Event{Verb: Restarted, Room: scriptRoom, Seq: 4})
		if marked {
			s.event(500, -1, Event{Verb: Taken, Entry: s.w.Entry(s.log[3])})
			s.event(510, 0, Event{Verb: Restarted, Room: scriptRoom, Seq: 3})
			s.log = s.log[:3:3]
		}
		for i := range 3 {
			e := s.post(int64(600+i), 0)
			e.ID = uuidOf(60 + i)
			s.log[len(s.log)-1] = e
			s.event(int64(600+i), 0, Event{Verb: Sent, Room: scriptRoom, ID: e.ID, Hash: e.Text})
			s.show(int64(620+i), 0, e)
		}
		s.event(700, 1, Event{Verb: Restarted, Room: scriptRoom, Seq: int64(len(s.log))})
		missed := 0
		report := Check(lenient, s.end(1000, 2))
		for _, v := range report.Violations {
			if v.Kind == Lost && v.Client == "client b" {
				missed++
			}
		}
		if (missed > 0) == marked {
			t.Errorf("marked: %t: %s", marked, report)
		}
	}
}

func TestOnlyWhatTheStoreTookIsExcused(t *testing.T) {
	report := wentBack(t, 1, true)
	if report.Counts[Phantom] != 2 || report.Counts[Lost] != 1 { // shown to two, told stored to one
		t.Errorf("%s", report)
	}
}
