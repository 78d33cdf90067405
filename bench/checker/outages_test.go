package checker

import "testing"

func TestSilenceOfTheOthersIsNoBlackout(t *testing.T) {
	s := newScript(t, 3)
	s.steady(1000, 2000, 0, 1, 2)
	s.w.Fault(Fault{What: "gateway killed", Held: true, At: 2_000_000})
	s.event(2001, 1, Event{Verb: Down, Room: scriptRoom})
	s.line(2041, 1, Up)
	for _, at := range []int64{5000, 8000} {
		e := s.post(at, 0)
		for c := range int32(3) {
			s.show(at+3, c, e)
		}
	}
	f := Check(Options{}, s.end(8100, 3)).Faults[0]
	if b := f.Blackout; b.Count != 3 || b.Median != 3*ms || b.Max != 40*ms {
		t.Errorf("blackout %+v", b)
	}
}

func TestTheSlowestMessageOfALineThatHoldsCounts(t *testing.T) {
	s := newScript(t, 2)
	s.steady(1000, 2000, 0, 1)
	under := s.post(1990, 0)
	s.w.Fault(Fault{What: "bus cut", Held: true, At: 2_000_000})
	for c := range int32(2) {
		s.show(2020, c, under) // counts from the fault
	}
	s.steady(2100, 3000, 0, 1)
	slow := s.post(3000, 0)
	s.show(3001, 0, slow)
	s.show(3250, 1, slow)
	s.steady(3300, 8000, 0, 1)
	f := Check(Options{}, s.end(8100, 2)).Faults[0]
	if b := f.Blackout; b.Count != 2 || b.Median != 20*ms || b.Max != 250*ms {
		t.Errorf("blackout %+v", b)
	}
}

// What is under way when the next fault comes waits for that one.
func TestTheNextFaultsWaitIsItsOwn(t *testing.T) {
	s := newScript(t, 2)
	s.steady(1000, 2000, 0, 1)
	n := s.w.Fault(Fault{What: "balancer reloaded", Held: true, At: 2_000_000})
	s.w.FaultOver(n, 2_100_000)
	s.steady(2100, 4900, 0, 1)
	under := s.post(4990, 0)
	s.w.Fault(Fault{What: "balancer killed", Held: true, At: 5_000_000})
	for c := range int32(2) {
		s.show(7000, c, under)
	}
	s.steady(7100, 14000, 0, 1)
	faults := Check(Options{}, s.end(14100, 2)).Faults
	if a, b := faults[0].Blackout, faults[1].Blackout; a.Count != 2 || a.Max != 10*ms || b.Max != 2000*ms {
		t.Errorf("blackouts %+v, %+v", a, b)
	}
}

// A gateway that was frozen wakes up, and takes for pending what others have long
// stored.
func TestWhatWasStoredIsNoNewsAsPending(t *testing.T) {
	s := newScript(t, 2)
	s.steady(1000, 2000, 0, 1)
	s.w.Fault(Fault{What: "gateway frozen", Held: true, At: 2_000_000})
	e := s.post(2010, 0)
	for c := range int32(2) {
		s.show(2020, c, e)
	}
	s.steady(2100, 6000, 0, 1)
	p := e
	p.Seq, p.UnixTime = 0, 0
	s.event(6000, 1, Event{Verb: PendingShown, Entry: s.w.Entry(p)})
	s.event(6100, 1, Event{Verb: PendingGone, Entry: s.w.Entry(p)})
	s.steady(6200, 8000, 0, 1)
	if b := Check(Options{}, s.end(8100, 2)).Faults[0].Blackout; b.Count != 2 || b.Max != 10*ms {
		t.Errorf("blackout %+v", b)
	}
}

func TestWhatWasSentInVainBeforeTheLossCountsFromItsSending(t *testing.T) {
	s := newScript(t, 2)
	s.steady(1000, 2000, 0, 1)
	s.w.Fault(Fault{What: "bus cut", Held: true, At: 2_000_000})
	s.steady(2100, 3000, 0)
	s.event(3000, 1, Event{Verb: Down, Room: scriptRoom, Seq: 1000}) // other things had come
	s.line(3030, 1, Up)
	s.catchUp(3040, 1, 10, 19)
	s.steady(3100, 8000, 0, 1)
	f := Check(Options{}, s.end(8100, 2)).Faults[0]
	if b := f.Blackout; b.Count != 2 || b.Median != 2*ms || b.Max != 940*ms {
		t.Errorf("blackout %+v", b)
	}
}

func TestWhatIsShownAgainIsNoNews(t *testing.T) {
	s := newScript(t, 2)
	s.steady(1000, 2000, 0, 1)
	n := s.w.Fault(Fault{What: "gateway killed", Held: true, At: 2_000_000})
	s.steady(2001, 3000, 0, 1)
	s.event(3000, 1, Event{Verb: Down, Room: scriptRoom})
	missed := s.post(3010, 0)
	s.line(3020, 1, Up)
	s.event(3030, 1, Event{Verb: Restarted, Room: scriptRoom})
	s.catchUp(3040, 1, 0, 20)
	s.show(3070, 1, missed)
	s.show(3070, 0, missed)
	s.steady(3100, 8000, 0, 1)
	s.w.FaultOver(n, 8_000_000)
	f := Check(Options{}, s.end(8100, 2)).Faults[0]
	if b := f.Blackout; b.Count != 2 || b.Median != 60*ms || b.Max != 70*ms {
		t.Errorf("blackout %+v", b)
	}
}

func TestWhoHearsOnlyWhatWasUnderWayIsUnheard(t *testing.T) {
	s := newScript(t, 3)
	s.steady(1000, 2000, 0, 1, 2)
	under := s.post(1999, 0)
	s.w.Fault(Fault{What: "bus cut", Held: true, At: 2_000_000})
	for c := range int32(3) {
		s.show(2001, c, under)
	}
	s.event(2002, 2, Event{Verb: Left, Room: scriptRoom}) // nobody owes him anything
	s.steady(2100, 8000, 0)
	f := Check(Options{}, s.end(8100, 3)).Faults[0]
	if f.Unheard != 1 || f.NotBack != 0 || f.Blackout.Count != 1 {
		t.Errorf("%+v", f)
	}
}

// TestAcceptedEndsABlackoutOfTheAuthor: the store is away, and his message accepted.
func TestAcceptedEndsABlackoutOfTheAuthor(t *testing.T) {
	s := newScript(t, 2)
	s.steady(1000, 2000, 0, 1)
	n := s.w.Fault(Fault{What: "store stopped", Held: true, At: 2_000_000})
	s.w.FaultOver(n, 2_500_000)
	e := s.post(2010, 0)
	p := e
	p.Seq, p.UnixTime = 0, 0
	s.event(2013, 1, Event{Verb: PendingShown, Entry: s.w.Entry(p)})
	s.event(2017, 0, Event{Verb: Accepted, Room: scriptRoom, ID: e.ID})
	s.event(3000, 1, Event{Verb: PendingGone, Entry: s.w.Entry(p)})
	s.show(3000, 1, e)
	s.show(3000, 0, e)
	if b := Check(Options{}, s.end(8100, 2)).Faults[0].Blackout; b.Count != 2 || b.Max != 7*ms {
		t.Errorf("blackout %+v", b)
	}
}
