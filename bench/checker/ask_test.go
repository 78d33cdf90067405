package checker

import "testing"

// TestAsksThatNeedNoAnswer: what was ended by the server, what another connection has
// brought, and what nobody waits for any more. And those that need one.
func TestAsksThatNeedNoAnswer(t *testing.T) {
	ask := Event{Verb: Asked, Room: scriptRoom, Seq: 1}
	answer := func(n int64) Event { return Event{Verb: Answered, Seq: n} }
	again := Event{Verb: Asked, Room: scriptRoom, Seq: 2}
	hungUp := func(n int64) Event { return Event{Verb: Dropped, Seq: n, Flag: true} }
	down := Event{Verb: Down, Room: scriptRoom}
	for name, tc := range map[string]struct {
		events []Event // a second apart
		end    int64   // seconds
		want   int
	}{
		"answered":                       {[]Event{ask, answer(1)}, 60, 0},
		"another is answered":            {[]Event{ask, answer(2)}, 60, 1},
		"not yet answered":               {[]Event{ask}, 10, 0},
		"never answered":                 {[]Event{ask}, 60, 1},
		"a fetch":                        {[]Event{{Verb: Asked, Room: scriptRoom, Seq: 1, Flag: true}}, 60, 1},
		"ended by the server":            {[]Event{ask, {Verb: Dropped, Seq: 1}}, 60, 0},
		"given up and answered":          {[]Event{down, ask, hungUp(1), again, answer(2)}, 60, 0},
		"given up again and again":       {[]Event{down, ask, hungUp(1), again, hungUp(2)}, 60, 1},
		"given up, and asked once more":  {[]Event{down, ask, hungUp(1), again}, 18, 1},
		"given up and ended by a server": {[]Event{down, ask, hungUp(1), again, {Verb: Dropped, Seq: 2}}, 60, 0},
		"another line brought it":        {[]Event{ask, hungUp(1)}, 60, 0},
		"the user went elsewhere":        {[]Event{down, ask, hungUp(1), {Verb: Left, Room: scriptRoom}}, 60, 0},
		"the program ended":              {[]Event{ask, {Verb: Attached}, {Verb: Entered, Room: scriptRoom}}, 60, 0},
		"two, and one is answered":       {[]Event{ask, again, answer(2)}, 60, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, 1)
			for i, e := range tc.events {
				s.event(int64(i+1)*1000, 0, e)
			}
			s.event(tc.end*1000, 0, Event{Verb: Ended, Flag: true})
			s.w.Finish()
			report := Check(lenient, decoded(t, s.w.Take(nil)))
			if got := report.Counts[NeverAnswered]; got != tc.want {
				t.Errorf("%d violations, want %d: %s", got, tc.want, report)
			}
		})
	}
}
