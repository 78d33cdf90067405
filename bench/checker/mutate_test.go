package checker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tuitalk/talk"
)

// mutator changes one event of a good history.
type mutator struct {
	*Recording
	rng  *rand.Rand
	good *good
}

func newMutator(rec *Recording, rng *rand.Rand) *mutator { return &mutator{rec, rng, lookUp(rec)} }

func (m *mutator) clone() *mutator {
	rec := *m.Recording
	rec.Entries, rec.Events = slices.Clone(rec.Entries), slices.Clone(rec.Events)
	return &mutator{&rec, m.rng, m.good}
}

// pick finds a random event that is fit; -1 if there is none.
func (m *mutator) pick(fit func(i int, e *Event) bool) int {
	start := m.rng.IntN(len(m.Events))
	for k := range m.Events {
		i := (start + k) % len(m.Events)
		if fit(i, &m.Events[i]) {
			return i
		}
	}
	return -1
}

func (m *mutator) pickVerb(v Verb) int {
	return m.pick(func(_ int, e *Event) bool { return e.Verb == v })
}

func (m *mutator) entryAt(i int) Entry { return m.Entries[m.Events[i].Entry] }

// next is the next event of the same client after i, -1 if there is none.
func (m *mutator) next(i int) int {
	for k := i + 1; k < len(m.Events); k++ {
		if m.Events[k].Client == m.Events[i].Client {
			return k
		}
	}
	return -1
}

// nextInView is the next event that shows what follows i in the same view.
func (m *mutator) nextInView(i int, v Verb) int {
	for k := m.next(i); k >= 0; k = m.next(k) {
		switch m.Events[k].Verb {
		case v:
			return k
		case Restarted, Cleared, Trimmed, Entered, Left, Attached, Ended:
			return -1
		}
	}
	return -1
}

func (m *mutator) remove(i int)          { m.Events = slices.Delete(m.Events, i, i+1) }
func (m *mutator) insert(i int, e Event) { m.Events = slices.Insert(m.Events, i, e) }

// alter changes the entry of one event.
func (m *mutator) alter(i int, change func(*Entry)) {
	e := m.entryAt(i)
	change(&e)
	m.Entries = append(m.Entries, e)
	m.Events[i].Entry = int32(len(m.Entries) - 1)
}

// alterAll changes an entry wherever it is spoken of.
func (m *mutator) alterAll(e Entry, change func(*Entry)) {
	for i := range m.Entries {
		if m.Entries[i] == e {
			change(&m.Entries[i])
		}
	}
}

func (m *mutator) uuid() (id talk.UUID) {
	for i := range id {
		id[i] = byte(m.rng.Uint32())
	}
	return id
}

// about is what a violation has to point to.
func (m *mutator) about(i int, k Kind) Violation {
	e := m.Events[i]
	v := Violation{Kind: k, Room: e.Room, Seq: e.Seq, ID: e.ID}
	switch e.Verb {
	case Shown, Older, PendingShown, PendingGone, Kept, Heard, Paged, Leaked:
		entry := m.entryAt(i)
		v.Room, v.Seq, v.ID = entry.Room, entry.Seq, entry.ID
	}
	if e.Client >= 0 {
		v.Client = m.Clients[e.Client]
	}
	return v
}

// mutation is one way to break a promise.
type mutation struct {
	name string
	kind Kind
	also []Kind // what it breaks besides; else there must be the one violation only
	// do changes an event and tells what must be found; ok: there was one to change.
	do func(m *mutator, k Kind) (want Violation, ok bool)
}

// mutate breaks a good history and checks that it is caught, as what it is, and
// where it is. It tells whether there was something to break.
func mutate(t *testing.T, good *mutator, mu mutation) bool {
	t.Helper()
	m := good.clone()
	want, ok := mu.do(m, mu.kind)
	if !ok {
		return false
	}
	opts := lenient
	opts.Keep = 1 << 30
	report := Check(opts, m.Recording)
	found := func(v Violation) bool {
		return v.Kind == want.Kind && v.Room == want.Room && v.Seq <= want.Seq && want.Seq <= v.To &&
			v.ID == want.ID && v.Client == want.Client && len(v.Story) > 0 && v.What != ""
	}
	if !slices.ContainsFunc(report.Violations, found) {
		t.Errorf("%s: not found: %+v\n%s", mu.name, want, brief(report))
	}
	for k, n := range report.Counts {
		if k != mu.kind && !slices.Contains(mu.also, k) || len(mu.also) == 0 && n != 1 {
			t.Errorf("%s: also found: %s %d\n%s", mu.name, k, n, brief(report))
		}
	}
	if report.Err() == nil {
		t.Errorf("%s: the report has no error", mu.name)
	}
	return true
}

func brief(r *Report) string {
	s := r.String()
	return s[:min(len(s), 30000)]
}

func TestEveryMutationIsCaught(t *testing.T) {
	done := map[string]int{}
	for seed := range uint64(4) {
		for _, sh := range []shape{shapes[2], shapes[4], shapes[6], shapes[7], shapes[8]} {
			good := newMutator(decoded(t, history(seed, sh)), rand.New(rand.NewPCG(seed, 3)))
			list := mutations
			if sh.name == "windows" {
				list = ofWindows
			}
			for _, mu := range list {
				if mutate(t, good, mu) {
					done[mu.name]++
				}
				if t.Failed() {
					t.Fatalf("seed %d, %s", seed, sh.name)
				}
			}
		}
	}
	kinds := map[Kind]bool{Noise: true} // see TestNoiseIsCaught
	for _, mu := range slices.Concat(mutations, ofWindows) {
		if done[mu.name] < 2 {
			t.Errorf("%s: tried %d times only", mu.name, done[mu.name])
		}
		kinds[mu.kind] = true
	}
	for k := Lost; k <= lastKind; k++ {
		if !kinds[k] {
			t.Errorf("no mutation for %s", k)
		}
	}
}

// crowd has more than 100,000 events.
var crowd = shape{
	name: "crowd", clients: 60, rooms: 2, steps: 16000, post: 10, pump: 15, deliver: 60, flap: 4, outage: 1, resets: 1, rename: 1,
	originals: 6, pages: 3, list: 1, ends: 1,
}

func TestOneEventInAHundredThousandIsCaught(t *testing.T) {
	good := newMutator(decoded(t, history(7, crowd)), rand.New(rand.NewPCG(7, 7)))
	if n := len(good.Events); n < 100_000 {
		t.Fatalf("only %d events", n)
	}
	if report := Check(lenient, good.Recording); report.Err() != nil {
		t.Fatal(report)
	}
	var untried []string
	for _, mu := range mutations {
		if !mutate(t, good, mu) {
			untried = append(untried, mu.name)
		}
	}
	if len(untried) > 8 { // some need a time without faults, which a crowd hardly has
		t.Errorf("%d of %d mutations could not be tried: %q", len(untried), len(mutations), untried)
	}
}

func TestNoiseIsCaught(t *testing.T) {
	for _, lies := range []lie{sentAway, twiceIn} {
		caught, lied := 0, 0
		for seed := range uint64(30) {
			sh := shape{clients: 8, rooms: 2, steps: 1500, post: 10, pump: 15, deliver: 30, flap: 25}
			m := newModel(seed, sh)
			m.pass(10 * second)
			m.lies = lies
			report := Check(lenient, decoded(t, m.run(sh)))
			if m.lies == honest {
				lied++
			}
			for k := range report.Counts {
				if k != Noise {
					t.Fatalf("lie %d, seed %d: also found: %s", lies, seed, brief(report))
				}
			}
			caught += min(1, report.Counts[Noise])
		}
		if caught < lied || lied < 20 {
			t.Errorf("lie %d: caught %d times of %d", lies, caught, lied)
		}
	}
}

func TestStoryTellsWhoWhenAndTheNearestFault(t *testing.T) {
	good := newMutator(decoded(t, history(3, shapes[4])), rand.New(rand.NewPCG(3, 3)))
	i := good.pick(func(i int, e *Event) bool {
		return e.Verb == Shown && good.entryAt(i).Kind == talk.KindPosted && good.nextInView(i, Shown) > 0
	})
	want := good.about(i, Hole)
	good.remove(i)
	v := Check(lenient, good.Recording).Violations
	if len(v) != 1 || len(v[0].Story) < 5 || len(v[0].Story) > 12 {
		t.Fatalf("%+v", v)
	}
	all := fmt.Sprint(v[0].Story)
	for _, part := range []string{want.Client, shortID(want.ID), "FAULT", "sends", "shows"} {
		if !slices.ContainsFunc(v[0].Story, func(s string) bool { return len(s) > 0 }) || !contains(all, part) {
			t.Errorf("the story does not speak of %q:\n%s", part, all)
		}
	}
}
