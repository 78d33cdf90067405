package checker

import (
	"slices"

	"tuitalk/talk"
)

func (m *model) post(c *modelClient) {
	if !c.wanting || c.original && !c.up {
		return
	}
	e := Entry{
		Room: c.room.id, Kind: talk.KindPosted, Author: c.who.id, ID: m.uuid(), Name: c.who.name, Text: m.rng.Uint64(),
	}
	c.outbox = append(c.outbox, modelPost{room: c.room, entry: e})
	m.say(c, Event{Verb: Sent, Room: e.Room, ID: e.ID, Hash: e.Text})
}

// pump sends what is in the outbox, in order. Answers may get lost.
func (m *model) pump(c *modelClient) {
	if !c.up {
		return
	}
	if c.original {
		if !m.away {
			m.pumpOriginal(c)
		}
		return
	}
	for _, p := range slices.Clone(c.outbox) {
		switch {
		case p.failed:
		case m.away:
			m.accept(c, p)
		default:
			m.store(c, p)
		}
	}
}

func (m *model) store(c *modelClient, p modelPost) {
	visit := len(p.room.inside[c.who.id]) == 0 // in a room of before
	if visit {
		m.line(p.room, talk.KindJoined, c.who)
	}
	p.entry.Name = c.who.name
	seq := m.append(p.room, p.entry)
	if visit {
		m.line(p.room, talk.KindLeft, c.who)
	}
	if m.rng.IntN(10) > 0 {
		m.say(c, Event{Verb: Stored, Room: p.room.id, ID: p.entry.ID, Seq: seq})
		c.forget(p.entry.ID)
	}
}

func (c *modelClient) forget(id talk.UUID) {
	c.outbox = slices.DeleteFunc(c.outbox, func(p modelPost) bool { return p.entry.ID == id })
}

func (m *model) accept(c *modelClient, p modelPost) {
	if p.room != c.room {
		return
	}
	e := p.entry
	e.SentAt, e.Name = uint64(m.now/second), c.who.name
	known := slices.ContainsFunc(p.room.spool, func(o Entry) bool { return o.ID == e.ID })
	if !known && p.room.seqs[nameOf(&e)] == 0 {
		p.room.spool = append(p.room.spool, e)
	}
	m.say(c, Event{Verb: Accepted, Room: p.room.id, ID: e.ID})
}

// deliver shows a client what is next, and what is pending.
func (m *model) deliver(c *modelClient) {
	if !c.up {
		return
	}
	if c.original {
		m.hear(c)
		return
	}
	for n := m.rng.IntN(20); n >= 0 && c.hi < int64(len(c.room.log)); n-- {
		e := c.room.log[c.hi]
		c.hi++
		if i := slices.IndexFunc(c.pending, func(p Entry) bool { return p.ID == e.ID }); i >= 0 {
			m.show(c, PendingGone, c.pending[i])
			c.pending = slices.Delete(c.pending, i, i+1)
		}
		m.show(c, Shown, e)
		if e.Author == c.who.id {
			c.forget(e.ID)
		}
		m.pass(10)
	}
	for _, e := range c.room.spool {
		known := slices.ContainsFunc(c.pending, func(p Entry) bool { return p.ID == e.ID })
		if e.Author != c.who.id && !known {
			c.pending = append(c.pending, e)
			m.show(c, PendingShown, e)
		}
	}
}

func (m *model) breakLine(c *modelClient) {
	if c.up {
		heard := m.rng.Int64N(second / 5)
		m.say(c, Event{Verb: Down, Room: c.room.id, Seq: heard})
		c.up, c.lost = false, m.now-heard
		if c.original {
			m.breakOriginal(c)
		}
	}
}

// flap breaks a client's line, or mends it.
func (m *model) flap(c *modelClient) {
	if c.up {
		m.breakLine(c)
		return
	}
	m.reconnect(c)
}

// longAway is longer than the grace, for one client and everybody's clock.
func (m *model) longAway(c *modelClient) {
	m.breakLine(c)
	m.pass(modelGrace + m.rng.Int64N(30*second))
	m.sweep()
	m.reconnect(c)
}

// wander goes to another room, or away, or comes again.
func (m *model) wander(c *modelClient) {
	if c.ended || c.original && m.away {
		return
	}
	if c.wanting {
		if c.original {
			m.pumpOriginal(c)
		}
		m.say(c, Event{Verb: Left, Room: c.room.id})
		m.dropPending(c)
		if m.away {
			m.breakLine(c) // the fleet will find out
			c.wanting = false
			return
		}
		if c.up || m.now < c.lost+modelGrace {
			m.unseat(c)
		}
		c.up, c.wanting = false, false
		if m.rng.IntN(3) == 0 {
			return
		}
	}
	if !c.seated {
		m.enter(c, m.rooms[m.rng.IntN(len(m.rooms))])
		m.pass(second / 100)
		m.reconnect(c)
	}
}

// outage takes the store away, or brings it back.
func (m *model) outage(c *modelClient) {
	if !m.away {
		m.away = true
		m.fault = m.w.Fault(Fault{What: "store stopped", Evidence: "it does not listen", Held: true, At: m.now})
		for range 20 { // life goes on
			m.post(c)
			m.pump(c)
			m.pass(second / 4)
		}
		return
	}
	m.storeBack()
}

func (m *model) storeBack() {
	if !m.away {
		return
	}
	m.away = false
	m.w.FaultOver(m.fault, m.now)
	for _, r := range m.rooms {
		if n := len(r.spool); n > 0 && m.rng.IntN(4) == 0 {
			m.withdraw(r, r.spool[n-1])
		}
		for _, e := range r.spool {
			m.append(r, e)
		}
		r.spool = nil
	}
}

// withdraw loses an entry of the spool, and says so.
func (m *model) withdraw(r *modelRoom, e Entry) {
	r.spool = slices.DeleteFunc(r.spool, func(o Entry) bool { return o.ID == e.ID })
	for _, c := range m.clients {
		if i := slices.IndexFunc(c.pending, func(p Entry) bool { return p.ID == e.ID }); i >= 0 {
			m.show(c, PendingGone, e)
			c.pending = slices.Delete(c.pending, i, i+1)
		}
		if c.who.id == e.Author && slices.ContainsFunc(c.outbox, func(p modelPost) bool { return p.entry.ID == e.ID }) {
			m.say(c, Event{Verb: Withdrawn, Room: r.id, ID: e.ID})
		}
	}
}

// restart ends a client's program and starts it again, with its outbox.
func (m *model) restart(c *modelClient) {
	if !c.wanting || m.away {
		return
	}
	m.breakLine(c)
	m.attach(c)
	if c.original {
		c.outbox = nil
	}
	for _, p := range c.outbox {
		m.say(c, Event{Verb: Sent, Room: p.room.id, ID: p.entry.ID, Hash: p.entry.Text, Flag: true})
	}
	m.enter(c, c.room)
	m.pass(second)
	m.reconnect(c)
}

// reset shows a client the room anew: cleared by the user, left out by the
// server, or since the server did not know where it was.
func (m *model) reset(c *modelClient) {
	if !c.up || c.original {
		return
	}
	head := int64(len(c.room.log))
	switch m.rng.IntN(3) {
	case 0:
		m.dropPending(c)
		m.say(c, Event{Verb: Cleared})
		c.lo = c.hi + 1
	case 1:
		m.restartView(c, head, true, head-c.hi+m.rng.Int64N(5))
	default:
		m.restartView(c, head, false, head-c.hi)
	}
}

func (m *model) rename(c *modelClient) {
	if !c.up || m.away {
		return
	}
	old := c.who.name
	c.who.name = m.rng.Uint64()
	m.say(c, Event{Verb: Named, Hash: c.who.name})
	for _, r := range m.rooms {
		if len(r.inside[c.who.id]) > 0 {
			m.append(r, Entry{Room: r.id, Kind: talk.KindRenamed, Author: c.who.id, ID: m.uuid(), Name: c.who.name, Text: old})
		}
	}
}

// refuse refuses what is in the outbox for good, or lets the user deal with it.
func (m *model) refuse(c *modelClient) {
	if c.original {
		return
	}
	for i := range c.outbox {
		p := &c.outbox[i]
		ev := Event{Room: p.room.id, ID: p.entry.ID}
		switch {
		case p.failed && m.rng.IntN(2) == 0:
			ev.Verb = Retried
			p.failed = false
			m.say(c, ev)
			return
		case p.failed:
			ev.Verb = Discarded
			m.say(c, ev)
			c.forget(p.entry.ID)
			return
		case c.up && !m.away && p.room.seqs[nameOf(&p.entry)] == 0:
			ev.Verb, ev.Flag = Refused, true
			p.failed = true
			m.say(c, ev)
			return
		}
	}
}

func (m *model) trim(c *modelClient) {
	if c.up && c.lo < c.hi && !c.original {
		c.lo += m.rng.Int64N(c.hi - c.lo)
		m.say(c, Event{Verb: Trimmed, Seq: c.lo})
	}
}

// end heals everything, lets everybody see everything, and reads the store.
func (m *model) end() []byte {
	m.storeBack()
	for range 8 { // pumping may bring lines that others have to see
		for _, c := range m.clients {
			m.reconnect(c)
			m.pump(c)
		}
	}
	for _, r := range m.rooms {
		m.w.Event(Event{Verb: Head, At: m.now, Client: -1, Room: r.id, Seq: int64(len(r.log))})
	}
	for range 2000 {
		for _, c := range m.clients {
			m.deliver(c)
		}
		if !slices.ContainsFunc(m.clients, func(c *modelClient) bool { return c.up && c.hi < int64(len(c.room.log)) }) {
			break
		}
	}
	for _, c := range m.clients {
		if c.ended {
			continue
		}
		if c.up {
			m.list(c, true)
		}
		for _, p := range c.outbox {
			if c.up || p.failed {
				m.say(c, Event{Verb: Owed, Room: p.room.id, ID: p.entry.ID})
			} else {
				m.say(c, Event{Verb: Discarded, Room: p.room.id, ID: p.entry.ID})
			}
		}
		m.pass(second)
		m.say(c, Event{Verb: Ended, Flag: true})
	}
	m.pass(second)
	for _, r := range m.rooms {
		m.w.Event(Event{Verb: Reading, At: m.now, Client: -1, Room: r.id})
		for _, e := range r.log {
			m.w.Event(Event{Verb: Kept, At: m.now, Client: -1, Entry: m.w.Entry(e)})
		}
	}
	m.w.Finish()
	return m.w.Take(nil)
}
