package checker

import (
	"slices"
	"strings"

	"tuitalk/talk"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// ofView are mutations of what one client shows.
var ofView = []mutation{
	{"an entry is not shown", Hole, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool { return e.Verb == Shown && m.nextInView(i, Shown) >= 0 })
		return m.removed(i, k)
	}},
	{"the last entry is not shown", Lost, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Shown && m.lastOfAll(i) && m.entryAt(i).Seq <= m.head(m.entryAt(i).Room)
		})
		return m.removed(i, k)
	}},
	{"an older entry is not shown", Hole, []Kind{Lost}, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool { return e.Verb == Older && m.nextInView(i, Older) == i+1 })
		return m.removed(i, k)
	}},
	{"an entry is shown twice at once", Duplicate, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pickVerb(Shown)
		return m.copied(i, i+1, k)
	}},
	{"an entry is shown again later", Duplicate, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool { return e.Verb == Shown && m.nextInView(i, Shown) >= 0 })
		if i < 0 {
			return Violation{}, false
		}
		return m.copied(i, m.nextInView(i, Shown)+1, k)
	}},
	{"an older entry is shown twice", Duplicate, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pickVerb(Older)
		if i < 0 {
			return Violation{}, false
		}
		return m.copied(i, i+1, k)
	}},
	{"two entries are shown in the wrong order", Reordered, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Shown && m.nextInView(i, Shown) == m.next(i) && m.next(i) > 0
		})
		if i < 0 {
			return Violation{}, false
		}
		j := m.next(i)
		want := m.about(i, k) // comes late
		m.Events[i].Entry, m.Events[j].Entry = m.Events[j].Entry, m.Events[i].Entry
		return want, true
	}},
	{"a pending entry stays when it is stored", Duplicate, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == PendingGone && m.Events[i+1].Verb == Shown && m.entryAt(i+1).ID == m.entryAt(i).ID
		})
		if i < 0 {
			return Violation{}, false
		}
		want := m.about(i+1, k)
		m.remove(i)
		return want, true
	}},
	{"a pending entry is shown twice", Duplicate, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pickVerb(PendingShown)
		if i < 0 {
			return Violation{}, false
		}
		return m.copied(i, i+1, k)
	}},
	{"a stored entry is shown as pending", Duplicate, []Kind{Duplicate}, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool { return e.Verb == Shown && m.entryAt(i).Kind == talk.KindPosted })
		m.insert(i+1, m.Events[i])
		m.Events[i+1].Verb = PendingShown
		m.alter(i+1, func(e *Entry) { e.Seq, e.UnixTime = 0, 0 })
		return m.about(i+1, k), true
	}},
	{"what is never stored is shown as pending to the end", Phantom, nil, func(m *mutator, k Kind) (Violation, bool) {
		end := m.pick(func(_ int, e *Event) bool { return e.Verb == Ended && m.wants(e.Client) })
		room := m.roomAtEnd(m.Events[end].Client)
		i := m.pick(func(_ int, e *Event) bool { return e.Verb == Sent && e.Room == room && m.storedAs(e.ID) < 0 })
		if i < 0 {
			return Violation{}, false
		}
		sent, who := m.Events[i], m.userOf(m.Events[i].Client)
		m.Entries = append(m.Entries, Entry{Room: room, Kind: talk.KindPosted, Author: who.id, ID: sent.ID, Text: sent.Hash, Name: who.name})
		m.insert(end, Event{Verb: PendingShown, At: m.Events[end].At, Client: m.Events[end].Client, Entry: int32(len(m.Entries) - 1)})
		return m.about(end, k), true
	}},
}

// ofContent are mutations of an entry as one client shows it.
var ofContent = []mutation{
	{"another text is shown", Forged, nil, altered(func(m *mutator, e *Entry) { e.Text++ })},
	{"another name is shown", Forged, nil, altered(func(m *mutator, e *Entry) { e.Name++ })},
	{"another author is shown", Forged, nil, altered(func(m *mutator, e *Entry) { e.Author = m.uuid() })},
	{"another kind is shown", Forged, nil, altered(func(m *mutator, e *Entry) { e.Kind = (e.Kind + 1) & 1 })},
	{"what nobody stored is shown", Phantom, nil, altered(func(m *mutator, e *Entry) { e.ID = m.uuid() })},
	{"something else is shown", Phantom, nil, altered(func(m *mutator, e *Entry) { e.ID, e.Author = m.uuid(), m.uuid() })},
	{"another time is shown", Disagreement, nil, altered(func(m *mutator, e *Entry) { e.UnixTime++ })},
	{"another time of sending is shown", Disagreement, nil, altered(func(m *mutator, e *Entry) { e.SentAt++ })},
	{"another room's entry is shown", Phantom, nil, altered(func(m *mutator, e *Entry) { e.Room = 12345 })},
	{"another entry is shown in its place", Disagreement, []Kind{Duplicate}, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(_ int, e *Event) bool { return e.Verb == Shown })
		j := m.pick(func(j int, e *Event) bool {
			return e.Verb == Kept && m.entryAt(j).Room == m.entryAt(i).Room && m.entryAt(j).Seq != m.entryAt(i).Seq
		})
		if j < 0 {
			return Violation{}, false
		}
		seq := m.entryAt(i).Seq
		m.Events[i].Entry = m.Events[j].Entry
		m.alter(i, func(e *Entry) { e.Seq = seq })
		return m.about(i, k), true
	}},
	{"another text is shown as pending", Forged, nil, alteredPending(func(m *mutator, e *Entry) { e.Text++ })},
	{"another name is shown as pending", Forged, nil, alteredPending(func(m *mutator, e *Entry) { e.Name++ })},
	{"what nobody sent is shown as pending", Forged, []Kind{Phantom, Duplicate}, alteredPending(func(m *mutator, e *Entry) { e.ID = m.uuid() })},
}

func altered(change func(*mutator, *Entry)) func(*mutator, Kind) (Violation, bool) {
	return func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool { return e.Verb == Shown || e.Verb == Older })
		m.alter(i, func(e *Entry) { change(m, e) })
		return m.about(i, k), true
	}
}

func alteredPending(change func(*mutator, *Entry)) func(*mutator, Kind) (Violation, bool) {
	return func(m *mutator, k Kind) (Violation, bool) {
		i := m.pickVerb(PendingShown)
		if i < 0 {
			return Violation{}, false
		}
		m.alter(i, func(e *Entry) { change(m, e) })
		return m.about(i, k), true
	}
}

// ofWord are mutations of what authors do and are told.
var ofWord = []mutation{
	{"a wrong seq is told", FalseStored, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pickVerb(Stored)
		m.Events[i].Seq++
		return m.about(i, k), true
	}},
	{"a foreign message is told stored", FalseStored, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pickVerb(Stored)
		m.insert(i+1, m.Events[i])
		m.Events[i+1].ID = m.uuid()
		return m.about(i+1, k), true
	}},
	{"what is stored is told refused", FalseRefused, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pickVerb(Stored)
		want := m.about(i, k)
		want.Client = ""
		m.insert(i+1, m.Events[i])
		m.Events[i+1].Verb, m.Events[i+1].Flag = Refused, true
		return want, true
	}},
	{"a message is sent and gone", Lost, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(_ int, e *Event) bool { return e.Verb == Sent && !m.isOriginal(e.Client) })
		m.insert(i+1, m.Events[i])
		m.Events[i+1].ID = m.uuid()
		return m.about(i+1, k), true
	}},
	{"a message is told stored and is not", Lost, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(_ int, e *Event) bool { return e.Verb == Sent && !m.isOriginal(e.Client) })
		m.insert(i+1, m.Events[i])
		m.Events[i+1].ID = m.uuid()
		m.insert(i+2, m.Events[i+1])
		m.Events[i+2].Verb, m.Events[i+2].Seq = Stored, 1<<40
		return m.about(i+2, k), true
	}},
	{"a message is sent with another text than is stored", Forged, []Kind{Forged}, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(_ int, e *Event) bool { return e.Verb == Sent && !e.Flag && m.storedAs(e.ID) >= 0 })
		if i < 0 {
			return Violation{}, false
		}
		m.Events[i].Hash++
		return m.about(m.storedAs(m.Events[i].ID), k), true
	}},
	{"two messages are stored in the wrong order", AuthorOrder, []Kind{TimeBack}, func(m *mutator, k Kind) (Violation, bool) {
		i, j := m.twoSends()
		if i < 0 {
			return Violation{}, false
		}
		want := m.about(m.storedAs(m.Events[j].ID), k)
		a, b := &m.Events[i], &m.Events[j]
		a.ID, b.ID, a.Hash, b.Hash = b.ID, a.ID, b.Hash, a.Hash
		return want, true
	}},
	{"a message is left in an outbox", Stuck, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool { return e.Verb == Sent && m.storedAs(e.ID) >= 0 })
		owed := m.Events[i]
		owed.Verb = Owed
		for m.Events[i].Verb != Ended {
			i = m.next(i)
		}
		m.insert(i, owed)
		return m.about(i, k), true
	}},
	{"a client does not come back", Absent, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool { return e.Verb == Ended && m.wants(e.Client) })
		m.Events[i].Flag = false
		want := m.about(i, k)
		want.Room = m.roomAtEnd(m.Events[i].Client)
		return want, true
	}},
}

// ofStore are mutations of what the store has.
var ofStore = []mutation{
	{"the store loses its last entry", Lost, []Kind{Phantom, Noise, WrongMembers, TornPage}, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Kept && m.Events[(i+1)%len(m.Events)].Verb != Kept && m.toldStored(m.entryAt(i)) >= 0
		})
		if i < 0 {
			return Violation{}, false
		}
		want := m.about(m.toldStored(m.entryAt(i)), k)
		m.remove(i)
		return want, true
	}},
	{"the store has a hole", Hole, []Kind{Phantom, Lost, Noise, WrongMembers, TornPage}, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Kept && i+1 < len(m.Events) && m.Events[i+1].Verb == Kept
		})
		want := m.about(i, k)
		want.ID = talk.UUID{} // nobody can know
		m.remove(i)
		return want, true
	}},
	{"the store gives an entry twice", Duplicate, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pickVerb(Kept)
		return m.copied(i, i+1, k)
	}},
	{"the store gives two entries in the wrong order", Reordered, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Kept && i+1 < len(m.Events) && m.Events[i+1].Verb == Kept
		})
		want := m.about(i, k)
		m.Events[i], m.Events[i+1] = m.Events[i+1], m.Events[i]
		return want, true
	}},
	{"a message is stored twice", Duplicate, []Kind{Phantom, Disagreement, Lost, FalseStored, Noise, Forged, Hole, Reordered, TornPage, WrongMembers, NeverLeft}, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Kept && i+1 < len(m.Events) && m.Events[i+1].Verb == Kept && m.entryAt(i+1).Seq > 1
		})
		seq := m.entryAt(i + 1).Seq
		m.Events[i+1].Entry = m.Events[i].Entry
		m.alter(i+1, func(e *Entry) { e.Seq = seq })
		return m.about(i+1, k), true
	}},
	{"the store has another text than was sent", Forged, nil, everywhere(func(m *mutator, e *Entry) { e.Text++ })},
	{"the store has a name that nobody took", Forged, nil, everywhere(func(m *mutator, e *Entry) { e.Name++ })},
	{"the store has a message by nobody", Forged, []Kind{Forged, Lost, FalseStored}, everywhere(func(m *mutator, e *Entry) { e.Author = m.uuid() })},
	{"the store has a message that its author did not send", Forged, []Kind{Forged, Lost, FalseStored}, everywhere(func(m *mutator, e *Entry) { e.ID = m.uuid() })},
	{"the time runs back", TimeBack, []Kind{TornPage}, everywhere(func(m *mutator, e *Entry) { e.UnixTime -= 1000 })},
	{"two readings differ", Disagreement, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(_ int, e *Event) bool { return e.Verb == Kept })
		e := m.entryAt(i)
		at := Event{Verb: Reading, At: m.Events[i].At, Client: -1, Room: e.Room, Seq: e.Seq - 1}
		end := len(m.Events)
		m.insert(end, at)
		m.insert(end+1, m.Events[i])
		m.alter(end+1, func(e *Entry) { e.Text++ })
		return m.about(end+1, k), true
	}},
}

// everywhere changes a message for all who have it.
func everywhere(change func(*mutator, *Entry)) func(*mutator, Kind) (Violation, bool) {
	return func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Kept && m.entryAt(i).Kind == talk.KindPosted && m.entryAt(i).Seq > 1 && m.toldStored(m.entryAt(i)) >= 0
		})
		if i < 0 {
			return Violation{}, false
		}
		e := m.entryAt(i)
		changed := e
		change(m, &changed)
		m.alterAll(e, func(e *Entry) { *e = changed })
		m.alterAll(bare(e), func(e *Entry) { *e = bare(changed) })
		return m.about(i, k), true
	}
}

var mutations = slices.Concat(ofView, ofContent, ofWord, ofStore, ofLine, ofAnswers, ofOriginals, ofPages, ofPeople)

// removed takes event i out.
func (m *mutator) removed(i int, k Kind) (Violation, bool) {
	if i < 0 {
		return Violation{}, false
	}
	want := m.about(i, k)
	m.remove(i)
	return want, true
}

// copied puts a copy of event i before event to.
func (m *mutator) copied(i, to int, k Kind) (Violation, bool) {
	want := m.about(i, k)
	m.insert(to, m.Events[i])
	return want, true
}

// lastOfAll tells that after event i its client shows nothing more of its kind.
func (m *mutator) lastOfAll(i int) bool {
	for k := m.next(i); k >= 0; k = m.next(k) {
		switch m.Events[k].Verb {
		case Ended:
			return true
		case m.Events[i].Verb, Restarted, Cleared, Entered, Left, Attached, Trimmed, Killed:
			return false
		}
	}
	return false
}

func (m *mutator) head(room int32) (seq int64) {
	for i := range m.Events {
		if e := &m.Events[i]; e.Verb == Head && e.Room == room {
			seq = e.Seq
		}
	}
	return seq
}

// storedAs finds the event that says that the store has an entry.
func (m *mutator) storedAs(id talk.UUID) int {
	return slices.IndexFunc(m.Events, func(e Event) bool { return e.Verb == Kept && m.Entries[e.Entry].ID == id })
}

func (m *mutator) toldStored(e Entry) int {
	return slices.IndexFunc(m.Events, func(o Event) bool { return o.Verb == Stored && o.ID == e.ID })
}

// twoSends finds two messages of one client to one room, one sent after the
// other, about which there is nothing special.
func (m *mutator) twoSends() (i, j int) {
	special := map[talk.UUID]bool{}
	for k := range m.Events {
		switch e := &m.Events[k]; {
		case e.Verb == Retried, e.Verb == Withdrawn, e.Verb == Sent && e.Flag:
			special[e.ID] = true
		}
	}
	plain := func(k int) bool {
		e := &m.Events[k]
		return e.Verb == Sent && !special[e.ID] && m.storedAs(e.ID) >= 0
	}
	j = -1
	i = m.pick(func(i int, e *Event) bool {
		if !plain(i) {
			return false
		}
		for k := m.next(i); k >= 0; k = m.next(k) {
			if m.Events[k].Verb == Sent {
				j = k
				return m.Events[k].Room == e.Room && plain(k)
			}
		}
		return false
	})
	return i, j
}

func (m *mutator) wants(client int32) bool {
	wants := false
	for i := range m.Events {
		switch e := &m.Events[i]; {
		case e.Client == client && e.Verb == Entered:
			wants = true
		case e.Client == client && (e.Verb == Left || e.Verb == Killed):
			wants = false
		}
	}
	return wants
}

func (m *mutator) roomAtEnd(client int32) (room int32) {
	for i := range m.Events {
		if e := &m.Events[i]; e.Client == client && e.Verb == Entered {
			room = e.Room
		}
	}
	return room
}

// userOf is the user of a client, with one of his names.
func (m *mutator) userOf(client int32) (u modelUser) {
	for i := range m.Events {
		switch e := &m.Events[i]; {
		case e.Client == client && e.Verb == Identified:
			u.id = e.ID
		case e.Client == client && e.Verb == Named:
			u.name = e.Hash
		}
	}
	return u
}
