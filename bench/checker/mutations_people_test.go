package checker

import (
	"slices"

	"tuitalk/talk"
)

// ofPeople are mutations of who is where, called what.
var ofPeople = []mutation{
	{"a left line never comes", NeverLeft, []Kind{WrongMembers}, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Kept && m.entryAt(i).Kind == talk.KindLeft && m.goneForGood(m.entryAt(i))
		})
		if i < 0 {
			return Violation{}, false
		}
		e := m.entryAt(i)
		came := m.lastCame(e)
		m.givenToStranger(e)
		return Violation{Kind: k, Client: m.Clients[m.clientOf(e.Author)], Room: e.Room, Seq: came.Seq, ID: came.ID}, true
	}},
	{"a joined line is not there", WrongMembers, []Kind{WrongMembers, OldName, Noise, Phantom, Hole, Lost}, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Kept && m.entryAt(i).Kind == talk.KindJoined && m.staysThere(m.entryAt(i))
		})
		if i < 0 {
			return Violation{}, false
		}
		e := m.entryAt(i)
		m.givenToStranger(e)
		return Violation{Kind: k, Client: m.Clients[m.clientOf(e.Author)], Room: e.Room}, true
	}},
	{"a message is stored under an old name", OldName, nil, func(m *mutator, k Kind) (Violation, bool) {
		old := uint64(0)
		i := m.pick(func(i int, e *Event) (fits bool) {
			old, fits = m.oldName(i)
			return fits
		})
		if i < 0 {
			return Violation{}, false
		}
		e := m.entryAt(m.storedAs(m.Events[i].ID))
		m.alterBoth(e, func(e *Entry) { e.Name = old })
		want := m.about(i, k)
		want.Seq = e.Seq
		return want, true
	}},
	{"a list of members has another name in it", WrongMembers, nil, inList(func(e *Event) { e.Hash++ })},
	{"a list of members is one too short", WrongMembers, nil, inList(func(e *Event) { e.Entry-- })},
	{"far too many members are counted", WrongMembers, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(_ int, e *Event) bool { return e.Verb == Counted && m.calm(e.At) })
		if i < 0 {
			return Violation{}, false
		}
		m.Events[i].Entry += 100
		want := m.about(i, k)
		want.Seq = 0
		return want, true
	}},
	{"an entry leaks into another room", Leak, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pickVerb(Shown)
		leak := m.Events[i]
		leak.Verb, leak.Room = Leaked, 4711
		m.insert(i+1, leak)
		return m.about(i, k), true
	}},
	{"an entry is dated ahead", TimeAhead, nil, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			return e.Verb == Kept && m.entryAt(i).Kind == talk.KindPosted && m.Events[(i+1)%len(m.Events)].Verb != Kept
		})
		if i < 0 {
			return Violation{}, false
		}
		e := m.entryAt(i)
		m.alterBoth(e, func(e *Entry) { e.UnixTime += 1000 })
		return Violation{Kind: k, Room: e.Room, Seq: e.Seq, ID: e.ID}, true // of the store: that is read first
	}},
	{"an entry is dated before it was sent", TimeBack, []Kind{TornPage}, func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(i int, e *Event) bool {
			if e.Verb != Kept || m.entryAt(i).Kind != talk.KindPosted || m.entryAt(i).Seq < 2 {
				return false
			}
			e1 := m.entryAt(i)
			sent := slices.IndexFunc(m.Events, func(o Event) bool { return o.Verb == Sent && !o.Flag && o.ID == e1.ID })
			return sent >= 0 && int64(m.kept(e1.Room, e1.Seq-1).UnixTime)*second < m.Events[sent].At-5*second && !m.foundInOutbox(e1.ID)
		})
		if i < 0 {
			return Violation{}, false
		}
		e := m.entryAt(i)
		time := m.kept(e.Room, e.Seq-1).UnixTime
		m.alterBoth(e, func(e *Entry) { e.UnixTime = time })
		return m.about(i, k), true
	}},
}

// ofWindows are mutations of users who have two windows to the end; see the shape "windows".
var ofWindows = []mutation{
	{"a new name does not come to the user's other room", OldName, []Kind{WrongMembers, Noise, OldName}, func(m *mutator, k Kind) (Violation, bool) {
		var client int32
		var older Entry
		i := m.pick(func(i int, e *Event) (fits bool) {
			client, older, fits = m.sharedName(i)
			return fits
		})
		if i < 0 {
			return Violation{}, false
		}
		m.givenToStranger(m.entryAt(i))
		return Violation{Kind: k, Client: m.Clients[client], Room: older.Room, Seq: older.Seq, ID: older.ID}, true
	}},
	{"two windows are one session", TwiceServed, nil, func(m *mutator, k Kind) (Violation, bool) {
		var older, newer int32
		i := m.pick(func(_ int, e *Event) (fits bool) {
			if e.Verb != Session {
				return false
			}
			older = e.Client
			newer, fits = m.otherWindow(older)
			from := max(m.lastUp(older), m.lastUp(newer))
			return fits && m.lastUp(newer) > m.lastUp(older) && m.calm(from) && m.calm(m.end()) && from+15*second < m.end()
		})
		if i < 0 {
			return Violation{}, false
		}
		id := m.Events[i].ID
		for j := range m.Events {
			if e := &m.Events[j]; e.Verb == Session && e.Client == newer {
				e.ID = id
			}
		}
		return Violation{Kind: k, Client: m.Clients[older], Room: m.roomAtEnd(older)}, true
	}},
}

func inList(change func(*Event)) func(*mutator, Kind) (Violation, bool) {
	return func(m *mutator, k Kind) (Violation, bool) {
		i := m.pick(func(_ int, e *Event) bool { return e.Verb == Listed && m.calm(e.At) })
		if i < 0 {
			return Violation{}, false
		}
		change(&m.Events[i])
		want := m.about(i, k)
		want.ID = m.kept(want.Room, want.Seq).ID
		return want, true
	}
}

// calm tells that no fault was near, nor is.
func (m *mutator) calm(at int64) bool {
	return !slices.ContainsFunc(m.Faults, func(f Fault) bool { return f.At < at+60*second && at-60*second < max(f.At, f.Over) })
}

// clientOf is the only client of a user; -1: there is none, or another.
func (m *mutator) clientOf(user talk.UUID) int32 {
	client, n := int32(-1), 0
	for i := range m.Events {
		if e := &m.Events[i]; e.Verb == Identified && e.ID == user {
			client = e.Client
			n++
		}
	}
	if n != 1 {
		return -1
	}
	return client
}

func (m *mutator) end() (at int64) {
	for i := range m.Events {
		if e := &m.Events[i]; e.Verb == Head {
			at = max(at, e.At)
		}
	}
	return at
}

// goneForGood tells that a left line is the last of a user of one client, which ended
// in this room long before the others, with calm behind.
func (m *mutator) goneForGood(left Entry) bool {
	client := m.clientOf(left.Author)
	if client < 0 || m.lastOf(left) != left {
		return false
	}
	room, ended := int32(0), int64(0)
	for i := range m.Events {
		switch e := &m.Events[i]; {
		case e.Client != client:
		case e.Verb == Entered:
			room = e.Room
		case e.Verb == Ended:
			ended = e.At
		}
	}
	last := int64(0)
	for _, f := range m.Faults {
		last = max(last, f.At, f.Over)
	}
	return room == left.Room && max(ended, last)+45*second < m.end() && m.end()-ended > 60*second && !m.hasUnstored(client)
}

// hasUnstored tells of a client that sent something which is not stored.
func (m *mutator) hasUnstored(client int32) bool {
	return slices.ContainsFunc(m.Events, func(e Event) bool { return e.Client == client && e.Verb == Sent && m.storedAs(e.ID) < 0 })
}

// lastOf is the last line about a user's being in a room.
func (m *mutator) lastOf(line Entry) (last Entry) {
	for i := range m.Events {
		if m.Events[i].Verb != Kept {
			continue
		}
		if e := m.entryAt(i); e.Room == line.Room && e.Author == line.Author && (e.Kind == talk.KindJoined || e.Kind == talk.KindLeft) {
			last = e
		}
	}
	return last
}

func (m *mutator) lastCame(left Entry) (came Entry) {
	for i := range m.Events {
		if m.Events[i].Verb != Kept {
			continue
		}
		if e := m.entryAt(i); e.Room == left.Room && e.Author == left.Author && e.Kind == talk.KindJoined {
			came = e
		}
	}
	return came
}

// givenToStranger makes an entry that of somebody who is not recorded.
func (m *mutator) givenToStranger(e Entry) {
	stranger := m.uuid()
	m.alterBoth(e, func(e *Entry) { e.Author = stranger })
	m.insert(0, Event{Verb: Outsider, At: m.Events[0].At, Client: -1, ID: stranger})
}

// staysThere tells that a joined line is the only one of a user of one client who stays
// in this room to the end, and that his client has been there for long.
func (m *mutator) staysThere(joined Entry) bool {
	client := m.clientOf(joined.Author)
	if client < 0 || m.isOriginal(client) || m.lastOf(joined) != joined || !m.wants(client) || m.roomAtEnd(client) != joined.Room {
		return false
	}
	up, last := int64(0), int64(0)
	for i := range m.Events {
		if e := &m.Events[i]; e.Client == client && e.Verb == Up {
			up = e.At
		}
	}
	for _, f := range m.Faults {
		last = max(last, f.At, f.Over)
	}
	return last+15*second < up && up+15*second < m.end()
}

// oldName is a name that the author of a sending had given up, as he was shown, if the
// message is stored.
func (m *mutator) oldName(i int) (old uint64, ok bool) {
	e := &m.Events[i]
	if e.Verb != Sent || e.Flag || m.storedAs(e.ID) < 0 || m.foundInOutbox(e.ID) {
		return 0, false
	}
	stored := m.entryAt(m.storedAs(e.ID))
	for k := i - 1; k >= 0; k-- {
		o := &m.Events[k]
		switch {
		case o.Client != e.Client:
		case o.Verb == Attached:
			return 0, false
		case o.Verb == Shown && m.entryAt(k).Kind == talk.KindRenamed && m.entryAt(k).Author == stored.Author && m.entryAt(k).Room == e.Room:
			return m.entryAt(k).Text, m.entryAt(k).Seq < stored.Seq
		}
	}
	return 0, false
}

func (m *mutator) foundInOutbox(id talk.UUID) bool { return m.good.found[id] }

// otherWindow is another client of the same user, if both are there to the end.
func (m *mutator) otherWindow(client int32) (other int32, ok bool) {
	user := m.userOf(client).id
	for other := range int32(len(m.Clients)) {
		if other != client && m.userOf(other).id == user && m.wants(client) && m.wants(other) {
			return other, true
		}
	}
	return 0, false
}

// lastUp is when a client was let in for the last time.
func (m *mutator) lastUp(client int32) (at int64) {
	for i := range m.Events {
		if e := &m.Events[i]; e.Client == client && e.Verb == Up {
			at = e.At
		}
	}
	return at
}

// namings are what the store has of a user's names in a room.
func (m *mutator) namings(user talk.UUID, room int32) (all []Entry) {
	for i := range m.Events {
		if m.Events[i].Verb != Kept {
			continue
		}
		e := m.entryAt(i)
		if e.Author == user && e.Room == room && (e.Kind == talk.KindJoined || e.Kind == talk.KindRenamed) {
			all = append(all, e)
		}
	}
	return all
}

// sharedName tells that event i is the last name that a room knows of a user who is there
// to the end, given in his other window's room at the same time, long before the end and
// with calm behind; and who is there, and what the room called him before.
func (m *mutator) sharedName(i int) (client int32, older Entry, ok bool) {
	if m.Events[i].Verb != Kept || m.entryAt(i).Kind != talk.KindRenamed {
		return 0, Entry{}, false
	}
	e := m.entryAt(i)
	for client := range int32(len(m.Clients)) {
		other, two := m.otherWindow(client)
		if !two || m.userOf(client).id != e.Author || m.roomAtEnd(client) != e.Room || m.roomAtEnd(other) == e.Room {
			continue
		}
		here, there := m.namings(e.Author, e.Room), m.namings(e.Author, m.roomAtEnd(other))
		if len(here) < 2 || len(there) == 0 || here[len(here)-1] != e || there[len(there)-1].Name != e.Name {
			return 0, Entry{}, false
		}
		older, given := here[len(here)-2], dateOf(e.UnixTime)
		ups := max(m.lastUp(client), m.lastUp(other))
		return client, older, older.Name != e.Name && dateOf(older.UnixTime) < given-5*second && ups < given-5*second &&
			given+15*second < m.end() && m.calm(given) && m.calm(m.end())
	}
	return 0, Entry{}, false
}
