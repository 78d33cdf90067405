package checker

import (
	"strings"
	"testing"
	"time"
)

// steady lets client 0 talk every 100 ms until ms is reached; those to whom it
// is live are shown it 2 ms later.
func (s *script) steady(from, to int64, live ...int32) {
	for ms := from; ms < to; ms += 100 {
		e := s.post(ms, 0)
		for _, c := range live {
			s.show(ms+2, c, e)
		}
	}
}

func (s *script) catchUp(ms int64, client int32, from, to int) {
	for _, e := range s.log[from:to] {
		s.show(ms, client, e)
	}
}

const ms = time.Millisecond

func TestBlackoutOfALostLineEndsWithTheFirstLiveMessage(t *testing.T) {
	s := newScript(t, 3)
	s.steady(1000, 5000, 0, 1, 2)
	s.w.Fault(Fault{What: "gateway killed", Held: true, Evidence: "pid 7 is gone", At: 5_000_500})
	s.steady(5001, 6000, 0, 2) // 10 messages that client 1 misses
	s.event(5003, 1, Event{Verb: Down, Room: scriptRoom, Seq: 2500})
	s.line(5080, 1, Up)
	s.catchUp(5091, 1, 40, 50)
	s.steady(6001, 12000, 0, 1, 2)
	report := Check(Options{}, s.end(12100, 3))
	if err := report.Err(); err != nil {
		t.Fatal(report)
	}
	f := report.Faults[0]
	// The others hear everything 2 ms after it is sent.
	want := Dist{Count: 3, Median: 2 * ms, P99: 90500 * time.Microsecond, Max: 90500 * time.Microsecond}
	if f.Blackout != want {
		t.Errorf("blackout %+v", f.Blackout)
	}
	if f.NotBack+f.Unheard != 0 || f.Sent != 70 || f.QuietSent > 110*ms || f.QuietShown > 110*ms {
		t.Errorf("%+v", f)
	}
	if f.Delay.Count != 3 || f.Delay.Median != 2*ms || f.Delay.Max != 90*ms {
		t.Errorf("delay %+v", f.Delay)
	}
}

func TestBlackoutOfALineThatHoldsEndsWithWhatWasSentAfter(t *testing.T) {
	s := newScript(t, 2)
	s.steady(1000, 2000, 0, 1)
	s.w.Fault(Fault{What: "bus stopped", Held: true, At: 2_000_000})
	for ms := int64(2001); ms < 8000; ms += 100 {
		s.post(ms, 0)
	}
	s.catchUp(2700, 0, 10, 70) // what comes late was sent after the fault
	s.catchUp(2700, 1, 10, 70)
	report := Check(Options{}, s.end(8100, 2))
	// the first of it was sent a millisecond after the fault
	if b := report.Faults[0].Blackout; b.Count != 2 || b.Median != 699*ms || b.Max != 699*ms {
		t.Errorf("blackout %+v", b)
	}
}

func TestPendingMessagesEndABlackout(t *testing.T) {
	s := newScript(t, 2)
	s.steady(1000, 2000, 0, 1)
	n := s.w.Fault(Fault{What: "store stopped", Held: true, At: 2_000_000})
	s.w.FaultOver(n, 2_500_000)
	e := s.post(2010, 0)
	p := e
	p.Seq, p.UnixTime = 0, 0
	s.event(2013, 1, Event{Verb: PendingShown, Entry: s.w.Entry(p)})
	s.event(3000, 1, Event{Verb: PendingGone, Entry: s.w.Entry(p)})
	s.show(3000, 1, e)
	s.show(3000, 0, e)
	report := Check(Options{}, s.end(8100, 2))
	if report.Err() != nil {
		t.Fatal(report)
	}
	if b := report.Faults[0].Blackout; b.Median != 3*ms || b.Max != 990*ms {
		t.Errorf("blackout %+v", b)
	}
}

func TestALaterLossInTheWindowCountsFromWhenNothingCame(t *testing.T) {
	s := newScript(t, 2)
	s.steady(1000, 2000, 0, 1)
	n := s.w.Fault(Fault{What: "gateway cut off from the store", Held: true, At: 2_000_000})
	s.w.FaultOver(n, 6_000_000)
	s.steady(2001, 4000, 0, 1)
	s.event(4300, 1, Event{Verb: Down, Room: scriptRoom, Seq: 300_000})
	missed := s.post(4390, 0)
	s.show(4392, 0, missed)
	s.line(4400, 1, Up)
	s.show(4407, 1, missed)
	s.steady(4410, 8000, 0, 1)
	report := Check(Options{}, s.end(8100, 2))
	if b := report.Faults[0].Blackout; b.Median != 2*ms || b.Max != 407*ms {
		t.Errorf("blackout %+v", b)
	}
}

func TestThoseWhoNeverComeBackAreCounted(t *testing.T) {
	s := newScript(t, 3)
	s.steady(1000, 2000, 0, 1, 2)
	s.w.Fault(Fault{What: "all killed", Held: true, At: 2_000_000})
	s.event(2001, 1, Event{Verb: Down, Room: scriptRoom})
	for ms := int64(2010); ms < 8000; ms += 100 {
		s.event(ms, 0, Event{Verb: Sent, Room: scriptRoom, ID: uuidOf(int(ms))})
	}
	report := Check(Options{}, s.end(8000, 3, true, false, true))
	f := report.Faults[0]
	if f.NotBack != 1 || f.Unheard != 2 || f.Blackout.Count != 0 || report.Counts[Absent] != 1 {
		t.Errorf("%+v %v", f, report.Counts)
	}
}

func TestFaultsOneAfterTheOtherHaveTheirOwnWindows(t *testing.T) {
	s := newScript(t, 2)
	at := int64(1000)
	for i := range 3 {
		s.steady(at, at+1000, 0, 1)
		n := s.w.Fault(Fault{What: "killed", Held: true, At: (at + 1000) * 1000})
		s.steady(at+1000, at+2000, 0, 1)
		s.w.FaultOver(n, (at+2000)*1000)
		s.event(at+2000, 1, Event{Verb: Down, Room: scriptRoom})
		s.line(at+2000+int64(i+1)*10, 1, Up)
		at += 2050
	}
	s.steady(at, at+6000, 0, 1)
	report := Check(Options{}, s.end(at+6000, 2))
	for i, f := range report.Faults {
		if f.Blackout.Count != 2 || f.Blackout.Max != time.Duration(i+1)*10*ms {
			t.Errorf("fault %d: %+v", i, f.Blackout)
		}
	}
}

func TestARunThatProvesNothingIsNotGood(t *testing.T) {
	run := func(change func(s *script)) *Report {
		s := newScript(t, 2)
		s.steady(1000, 2000, 0, 1)
		if change != nil {
			change(s)
		}
		s.steady(2000, 8000, 0, 1)
		return Check(Options{}, s.end(8100, 2))
	}
	if err := run(nil).Err(); err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(s *script){
		"fault 1 (frozen) did not take hold: still runs": func(s *script) {
			s.w.Fault(Fault{What: "frozen", Evidence: "still runs", At: 2_000_000})
		},
		"nobody sent anything for 4.": func(s *script) {
			s.w.Fault(Fault{What: "frozen", Held: true, At: 7_000_000})
		},
		"room 2 was not read": func(s *script) {
			s.event(1500, 1, Event{Verb: Stored, Room: 2, ID: uuidOf(1), Seq: 1})
		},
		"became another user": func(s *script) {
			s.event(1500, 1, Event{Verb: Identified, ID: uuidOf(77)})
		},
	} {
		report := run(change)
		if err := report.Err(); err == nil || len(report.Counts) != 0 || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

func TestHeadsAndReadingsAtTheWrongTimeProveNothing(t *testing.T) {
	s := newScript(t, 1)
	s.steady(1000, 2000, 0)
	s.event(2100, 0, Event{Verb: Ended, Flag: true}) // nobody has said how far the store was
	s.read(2200)
	s.w.Finish()
	report := Check(Options{}, decoded(t, s.w.Take(nil)))
	if err := report.Err(); err == nil || !strings.Contains(err.Error(), "no head of room 1") {
		t.Error(err)
	}

	s = newScript(t, 1)
	s.steady(1000, 2000, 0)
	s.read(2050)
	s.steady(2100, 3000, 0)
	s.event(3100, -1, Event{Verb: Head, Room: scriptRoom, Seq: 19})
	s.event(3100, 0, Event{Verb: Ended, Flag: true})
	s.w.Finish()
	report = Check(Options{}, decoded(t, s.w.Take(nil)))
	if err := report.Err(); err == nil || !strings.Contains(err.Error(), "before its clients had ended") {
		t.Error(err)
	}
}

func TestClocksOfRecordingsAreBroughtTogether(t *testing.T) {
	author, reader := newScript(t, 1), newScript(t, 0)
	c := reader.w.Client("far away")
	off := int64(3_600_000) // the reader's clock is an hour ahead
	reader.event(off, c, Event{Verb: Identified, ID: uuidOf(200)})
	reader.event(off, c, Event{Verb: Named, Hash: Hash("name")})
	reader.event(off, c, Event{Verb: Entered, Room: scriptRoom})
	reader.event(off, c, Event{Verb: Up, Room: scriptRoom})
	reader.event(off, c, Event{Verb: Restarted, Room: scriptRoom})
	author.steady(1000, 2000, 0)
	author.w.Fault(Fault{What: "killed", Held: true, At: 2_000_000})
	author.steady(2001, 8000, 0)
	for _, e := range author.log {
		reader.show(off+1000+100*(e.Seq-1)+50, c, e)
	}
	reader.event(off+8100, c, Event{Verb: Ended, Flag: true})
	reader.w.Finish()
	far := decoded(t, reader.w.Take(nil))
	far.Offset = -time.Hour
	report := Check(Options{}, author.end(8100, 1), far)
	if err := report.Err(); err != nil {
		t.Fatal(report)
	}
	if d := report.Faults[0].Delay; d.Count != 2 || d.Max != 49*ms {
		t.Errorf("%+v", d)
	}
}

func TestDistByNearestRank(t *testing.T) {
	var times []time.Duration
	for i := range 200 {
		times = append(times, time.Duration(200-i))
	}
	if d := distOf(times); d != (Dist{200, 100, 198, 200}) {
		t.Errorf("%+v", d)
	}
	if d := distOf(times[:1]); d != (Dist{1, 1, 1, 1}) {
		t.Errorf("%+v", d)
	}
	if d := distOf(nil); d != (Dist{}) {
		t.Errorf("%+v", d)
	}
}
