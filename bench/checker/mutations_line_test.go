package checker

import (
	"slices"

	"tuitalk/talk"
)

// ofLine are mutations of what comes over one line. A model's lines are whole, so
// that nothing is written of them.
var ofLine = []mutation{
	{"an entry is left out on a line", Skipped, nil, strayed(func(m *mutator, i, j int) []Event {
		return []Event{m.stray(j, m.entryAt(i).Seq-1)}
	})},
	{"an entry is sent twice on a line", Repeated, nil, strayed(func(m *mutator, i, _ int) []Event {
		return []Event{m.stray(i, m.entryAt(i).Seq)}
	})},
	{"an entry is sent again later on a line", Repeated, nil, strayed(func(m *mutator, i, j int) []Event {
		return []Event{m.stray(i, m.entryAt(j).Seq+7)}
	})},
	{"two entries are sent in the wrong order on a line", Misplaced, nil, strayed(func(m *mutator, i, j int) []Event {
		return []Event{m.stray(j, m.entryAt(i).Seq-1), m.stray(i, m.entryAt(j).Seq)}
	})},
}

// strayed puts what strays on a line behind two entries, i and j, that are shown
// one after the other. Then a line follows on which nothing does.
func strayed(what func(m *mutator, i, j int) []Event) func(*mutator, Kind) (Violation, bool) {
	return func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Shown && m.entryAt(i).Kind == talk.KindPosted && m.nextInView(i, Shown) >= 0
		})
		if i < 0 {
			return Violation{}, false
		}
		j := m.nextInView(i, Shown)
		want, e := m.about(i, k), m.entryAt(i)
		line := Event{Verb: Streams, At: m.Events[j].At, Client: m.Events[j].Client, Room: e.Room, Seq: e.Seq - 1}
		m.Events = slices.Insert(m.Events, j+1, slices.Concat([]Event{line}, what(m, i, j), []Event{line})...)
		return want, true
	}
}

// stray is an event in which the entry of event i strays.
func (m *mutator) stray(i int, behind int64) Event {
	e := m.Events[i]
	return Event{Verb: Strayed, At: e.At, Client: e.Client, Seq: behind, Entry: e.Entry}
}
