package checker

import (
	"slices"

	"tuitalk/talk"
)

// ofOriginals are mutations of what clients of the original's forms live through.
var ofOriginals = []mutation{
	{"an original's client is not shown an entry", Hole, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Heard && m.only(i) && m.heardBefore(i) && m.heardNext(i) >= 0
		})
		if i < 0 {
			return Violation{}, false
		}
		want := m.aboutStored(i, k)
		m.remove(i)
		return want, true
	}},
	{"an original's client is not shown the last entry", Lost, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Heard && m.only(i) && m.heardBefore(i) && m.heardNext(i) < 0 && m.lastOfAll(i) && m.wants(e.Client)
		})
		if i < 0 {
			return Violation{}, false
		}
		want := m.aboutStored(i, k)
		m.remove(i)
		return want, true
	}},
	{"an original's client is shown an entry twice", Duplicate, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool { return e.Verb == Heard && m.only(i) })
		if i < 0 {
			return Violation{}, false
		}
		m.insert(i+1, m.Events[i])
		return m.aboutStored(i, k), true
	}},
	{"an original's client is shown two entries in the wrong order", Reordered, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Heard && m.only(i) && m.heardNext(i) == m.next(i) && m.next(i) > 0 && m.only(m.next(i))
		})
		if i < 0 {
			return Violation{}, false
		}
		j, want := m.next(i), m.aboutStored(i, k)
		m.Events[i].Entry, m.Events[j].Entry = m.Events[j].Entry, m.Events[i].Entry
		return want, true
	}},
	{"an original's client is shown another text", Phantom, []Kind{Hole, Lost}, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool { return e.Verb == Heard && m.heardBefore(i) })
		if i < 0 {
			return Violation{}, false
		}
		m.alter(i, func(e *Entry) { e.Text++ })
		return m.about(i, k), true
	}},
	{"what an original's client sent is lost", Lost, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Sent && m.isOriginal(e.Client) && m.lineHolds(i, 30*second)
		})
		if i < 0 {
			return Violation{}, false
		}
		m.insert(i+1, m.Events[i])
		m.Events[i+1].ID, m.Events[i+1].Hash = m.uuid(), m.rng.Uint64()
		return m.about(i+1, k), true
	}},
	{"what an original's client sent is stored twice", Duplicate, nil, func(m *mutator, k Kind) (Violation, bool) {
		i, j := m.twoOfOriginal(false)
		if i < 0 {
			return Violation{}, false
		}
		first, second := m.stored(m.Events[i]), m.stored(m.Events[j])
		m.alterBoth(second, func(e *Entry) { e.Text = first.Text })
		m.remove(j)
		return Violation{Kind: k, Room: second.Room, Seq: second.Seq, ID: second.ID}, true
	}},
	{"what an original's client is told to be refused is stored", FalseRefused, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(_ int, e *Event) bool {
			return e.Verb == Sent && m.isOriginal(e.Client) && m.stored(*e).Seq > 0
		})
		if i < 0 {
			return Violation{}, false
		}
		refused := m.Events[i]
		refused.Verb, refused.Flag = Refused, true
		m.insert(i+1, refused)
		e := m.stored(m.Events[i])
		return Violation{Kind: k, Room: e.Room, Seq: e.Seq, ID: e.ID}, true
	}},
	{"what an original's client sent is stored in the wrong order", AuthorOrder, []Kind{TimeBack}, func(m *mutator, k Kind) (Violation, bool) {
		i, j := m.twoOfOriginal(true)
		if i < 0 {
			return Violation{}, false
		}
		e := m.stored(m.Events[j])
		m.Events[i].Hash, m.Events[j].Hash = m.Events[j].Hash, m.Events[i].Hash
		return Violation{Kind: k, Room: e.Room, Seq: e.Seq, ID: e.ID}, true
	}},
}

// ofPages are mutations of pages by time.
var ofPages = []mutation{
	{"a page leaves out an entry", TornPage, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Paged && m.only(i) && m.follows(i, Paged) && m.before(i, Paged)
		})
		if i < 0 {
			return Violation{}, false
		}
		want := m.about(i-1, k) // what comes before it, which is seen first to be wrong
		m.remove(i)
		return want, true
	}},
	{"a page has an entry twice", TornPage, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool { return e.Verb == Paged && m.only(i) })
		if i < 0 {
			return Violation{}, false
		}
		m.insert(i+1, m.Events[i])
		return m.about(i, k), true
	}},
	{"the parts of a page come in the wrong order", TornPage, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			j := m.nextPart(i)
			return e.Verb == Page && j >= 0 && m.follows(i, Paged) && m.follows(j, Paged)
		})
		if i < 0 {
			return Violation{}, false
		}
		j := m.nextPart(i)
		end := m.endOfPart(j)
		want := m.about(m.endOfPart(i)-1, k) // the newest of all comes behind what is older
		swapped := slices.Concat(m.Events[j:end], m.Events[i:j])
		copy(m.Events[i:end], swapped)
		return want, true
	}},
	{"a page ends too early", TornPage, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Paged && m.before(i, Page) && m.follows(i, Paged) && m.lastPart(i) && m.wholePage(i)
		})
		if i < 0 {
			return Violation{}, false
		}
		want := m.about(i-1, k)
		want.Room, want.Seq = m.entryAt(i).Room, 0
		m.remove(i)
		return want, true
	}},
	{"a page has a second too much", TornPage, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			if e.Verb != Paged || !m.before(i, Page) || !m.lastPart(i) || !m.wholePage(i) {
				return false
			}
			older := m.kept(m.entryAt(i).Room, m.storedSeq(i)-1)
			return older.Seq > 0 && older.UnixTime < m.entryAt(i).UnixTime && m.kept(older.Room, older.Seq-1).UnixTime < older.UnixTime
		})
		if i < 0 {
			return Violation{}, false
		}
		older := m.kept(m.entryAt(i).Room, m.storedSeq(i)-1)
		m.insert(i, m.Events[i])
		m.alter(i, func(e *Entry) { *e = bare(older) })
		return Violation{Kind: k, Client: m.Clients[m.Events[i].Client], Room: older.Room}, true
	}},
	{"a page does not begin with the newest entry", TornPage, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Paged && m.firstPart(i) && !m.follows(i, Paged) && m.before(i, Paged) && m.wholePage(i) &&
				int64(m.entryAt(i).UnixTime)*second < e.At-30*second && m.shownEarly(i)
		})
		if i < 0 {
			return Violation{}, false
		}
		want := Violation{Kind: k, Client: m.Clients[m.Events[i].Client], Room: m.entryAt(i).Room}
		m.remove(i)
		return want, true
	}},
	{"a page is not answered", NeverAnswered, []Kind{NeverAnswered}, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == AskedBefore && m.goesOn(i, 30*second)
		})
		if i < 0 {
			return Violation{}, false
		}
		want := m.about(i, k)
		want.Seq = 0
		for m.Events[i+1].Client == m.Events[i].Client && (m.Events[i+1].Verb == Page || m.Events[i+1].Verb == Paged) {
			m.remove(i + 1)
		}
		return want, true
	}},
}

// good is what is looked up in a history before it is changed.
type good struct {
	originals map[int32]bool
	copies    map[Entry]int // entries of the store that say the same without seq and id
	seqs      map[Entry]int64
	kept      map[dated]Entry
	found     map[talk.UUID]bool // messages that were found in an outbox
	said      map[words]Entry    // what is stored, by what its author sent
}

func lookUp(rec *Recording) *good {
	g := &good{
		originals: map[int32]bool{}, copies: map[Entry]int{}, seqs: map[Entry]int64{}, kept: map[dated]Entry{},
		found: map[talk.UUID]bool{}, said: map[words]Entry{},
	}
	for i := range rec.Events {
		switch e := &rec.Events[i]; {
		case e.Verb == Original:
			g.originals[e.Client] = true
		case e.Verb == Kept:
			entry := rec.Entries[e.Entry]
			g.copies[bare(entry)]++
			g.seqs[bare(entry)] = entry.Seq
			g.kept[dated{entry.Room, entry.Seq}] = entry
			g.said[words{entry.Room, entry.Author, entry.Text}] = entry
		case e.Verb == Sent && e.Flag:
			g.found[e.ID] = true
		}
	}
	return g
}

func (m *mutator) isOriginal(client int32) bool { return m.good.originals[client] }

// storedSeq is what the store has the entry of an event as, which says no seq.
func (m *mutator) storedSeq(i int) int64 { return m.good.seqs[m.entryAt(i)] }

// only tells that no other entry has what that of event i says.
func (m *mutator) only(i int) bool { return m.good.copies[m.entryAt(i)] == 1 }

// kept is an entry of the store; the zero one if there is none.
func (m *mutator) kept(room int32, seq int64) Entry { return m.good.kept[dated{room, seq}] }

// aboutStored is about for an event whose entry says no seq.
func (m *mutator) aboutStored(i int, k Kind) Violation {
	want := m.about(i, k)
	e := m.kept(want.Room, m.storedSeq(i))
	want.Seq, want.ID = e.Seq, e.ID
	return want
}

// stored is what the store has of what an original's client sent.
func (m *mutator) stored(sent Event) Entry {
	return m.good.said[words{sent.Room, m.userOf(sent.Client).id, sent.Hash}]
}

// alterBoth changes an entry wherever it is spoken of, with its seq or without.
func (m *mutator) alterBoth(e Entry, change func(*Entry)) {
	m.alterAll(e, change)
	m.alterAll(bare(e), change)
}

// twoOfOriginal finds two messages that an original's client sent to one room, both
// stored; in one line if it has to be.
func (m *mutator) twoOfOriginal(oneLine bool) (i, j int) {
	j = -1
	i = m.pick(func(i int, e *Event) bool {
		if e.Verb != Sent || !m.isOriginal(e.Client) || m.stored(*e).Seq == 0 {
			return false
		}
		for k := m.next(i); k >= 0; k = m.next(k) {
			switch o := &m.Events[k]; {
			case o.Verb == Sent && o.Room == e.Room && m.stored(*o).Seq > m.stored(*e).Seq:
				j = k
				return true
			case oneLine && (o.Verb == Down || o.Verb == Left || o.Verb == Attached):
				return false
			}
		}
		return false
	})
	return i, j
}

// heardBefore and heardNext look for what else is shown in the same view.
func (m *mutator) heardBefore(i int) bool {
	for k := i - 1; k >= 0; k-- {
		if m.Events[k].Client != m.Events[i].Client {
			continue
		}
		switch m.Events[k].Verb {
		case Heard:
			return true
		case Entered, Left, Attached, Down, Up:
			return false
		}
	}
	return false
}

func (m *mutator) heardNext(i int) int {
	for k := m.next(i); k >= 0; k = m.next(k) {
		switch m.Events[k].Verb {
		case Heard:
			return k
		case Entered, Left, Attached, Down, Ended, Killed:
			return -1
		}
	}
	return -1
}

// lineHolds tells that the line of a client holds from event i to its end, so long.
func (m *mutator) lineHolds(i int, long int64) bool {
	up := false
	for k := i - 1; k >= 0 && !up; k-- {
		if m.Events[k].Client == m.Events[i].Client {
			switch m.Events[k].Verb {
			case Up:
				up = true
			case Down, Left, Attached:
				return false
			}
		}
	}
	for k := m.next(i); k >= 0; k = m.next(k) {
		switch m.Events[k].Verb {
		case Down, Left, Attached, Killed:
			return false
		case Ended:
			return up && m.Events[k].At-m.Events[i].At > long
		}
	}
	return false
}

// goesOn tells that the program of a client goes on behind event i, so long.
func (m *mutator) goesOn(i int, long int64) bool {
	for k := m.next(i); k >= 0; k = m.next(k) {
		switch m.Events[k].Verb {
		case Attached, Killed:
			return false
		case Ended:
			return m.Events[k].At-m.Events[i].At > long
		}
	}
	return false
}

// follows and before tell of which verb the event next to i is; a page's events stand
// together.
func (m *mutator) follows(i int, v Verb) bool {
	return i+1 < len(m.Events) && m.Events[i+1].Verb == v && m.Events[i+1].Client == m.Events[i].Client
}

func (m *mutator) before(i int, v Verb) bool {
	return i > 0 && m.Events[i-1].Verb == v && m.Events[i-1].Client == m.Events[i].Client
}

// endOfPart is the first event behind the part of event i.
func (m *mutator) endOfPart(i int) int {
	for i+1 < len(m.Events) && m.follows(i, Paged) {
		i++
	}
	return i + 1
}

// nextPart is where the next part of the same page begins; -1: there is none.
func (m *mutator) nextPart(i int) int {
	j := m.endOfPart(i)
	if j < len(m.Events) && m.Events[j].Verb == Page && m.Events[j].Seq == m.question(i) && m.Events[j].Client == m.Events[i].Client {
		return j
	}
	return -1
}

// question is to which one the part of event i belongs.
func (m *mutator) question(i int) int64 {
	for m.Events[i].Verb == Paged {
		i--
	}
	return m.Events[i].Seq
}

func (m *mutator) lastPart(i int) bool { return m.nextPart(i) < 0 }

func (m *mutator) firstPart(i int) bool {
	for m.Events[i].Verb == Paged {
		i--
	}
	return m.Events[i-1].Verb == AskedBefore
}

// wholePage tells that another page was answered behind that of event i, on the same
// line, so that it must be whole.
func (m *mutator) wholePage(i int) bool {
	for k := m.next(i); k >= 0; k = m.next(k) {
		switch m.Events[k].Verb {
		case Page:
			if m.Events[k].Seq != m.question(i) {
				return true
			}
		case Entered, Left, Attached, Down, Ended, Killed:
			return false
		}
	}
	return false
}

// shownEarly tells that somebody was shown the entry of event i long before it.
func (m *mutator) shownEarly(i int) bool {
	is := m.entryAt(i)
	return slices.ContainsFunc(m.Events, func(e Event) bool {
		return e.Verb == Shown && e.At < m.Events[i].At-10*second && bare(m.Entries[e.Entry]) == is
	})
}
