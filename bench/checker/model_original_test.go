package checker

import "tuitalk/talk"

// bare is what a client of the original's forms is told of an entry.
func bare(e Entry) Entry {
	e.Seq, e.SentAt, e.ID = 0, 0, talk.UUID{}
	return e
}

// attach begins a client's program.
func (m *model) attach(c *modelClient) {
	m.say(c, Event{Verb: Attached})
	if c.original {
		m.say(c, Event{Verb: Original})
	} else {
		m.say(c, Event{Verb: Session, ID: talk.UUID{0: 0x5e, 15: byte(c.index)}})
	}
	c.pending = nil
}

// joinAsOriginal lets a client in which is told no seqs: it hears of its own coming.
func (m *model) joinAsOriginal(c *modelClient) {
	m.ask(c, false)
	m.seat(c)
	c.up = true
	c.lo, c.hi = int64(len(c.room.log)), int64(len(c.room.log))
	m.say(c, Event{Verb: Up, Room: c.room.id})
	m.show(c, Heard, bare(c.room.log[c.hi-1]))
}

// hear is deliver for a client that is told no seqs.
func (m *model) hear(c *modelClient) {
	for n := m.rng.IntN(20); n >= 0 && c.hi < int64(len(c.room.log)); n-- {
		m.show(c, Heard, bare(c.room.log[c.hi]))
		c.hi++
		m.pass(10)
	}
}

// breakOriginal ends the connection of a client that has no grace. What it had just
// said may be lost.
func (m *model) breakOriginal(c *modelClient) {
	if m.rng.IntN(2) == 0 {
		c.outbox = nil
	}
	if !m.away {
		m.pumpOriginal(c)
		m.unseat(c)
	}
}

// pumpOriginal stores what a client has said; nobody tells it so.
func (m *model) pumpOriginal(c *modelClient) {
	for _, p := range c.outbox {
		p.entry.ID, p.entry.Name = m.uuid(), c.who.name
		m.append(p.room, p.entry)
	}
	c.outbox = nil
}

// pages loads what was before, second by second, sometimes to the first entry.
func (m *model) pages(c *modelClient) {
	if !c.original || !c.up || m.away {
		return
	}
	before := c.room.log[c.lo-1].UnixTime
	if m.rng.IntN(3) == 0 {
		before = uint64(m.now/second) - 20
	}
	for n := m.rng.IntN(4); n >= 0; n-- {
		limit := 1 + m.rng.IntN(30)
		c.asks++
		m.say(c, Event{Verb: AskedBefore, Room: c.room.id, Seq: c.asks, Entry: int32(limit), Hash: before})
		m.pass(3 * second) // what was stored meanwhile is not owed
		page := pageOf(c.room.log, before, limit)
		m.tellPage(c, page)
		if len(page) == 0 {
			return
		}
		before = page[0].UnixTime
	}
}

// pageOf is what a page has: whole seconds, at least limit entries.
func pageOf(log []Entry, before uint64, limit int) []Entry {
	end := len(log)
	for end > 0 && log[end-1].UnixTime >= before {
		end--
	}
	begin := end
	for begin > 0 && (end-begin < limit || log[begin-1].UnixTime == log[begin].UnixTime) {
		begin--
	}
	return log[begin:end]
}

// tellPage sends a page in parts, the newest first.
func (m *model) tellPage(c *modelClient, page []Entry) {
	for first := true; first || len(page) > 0; first = false {
		n := 0
		if len(page) > 0 {
			n = 1 + m.rng.IntN(len(page))
		}
		m.say(c, Event{Verb: Page, Seq: c.asks})
		for _, e := range page[len(page)-n:] {
			m.show(c, Paged, bare(e))
		}
		page = page[:len(page)-n]
		m.pass(1000)
	}
}

// goForGood ends a client before the others: it says so, or it is killed.
func (m *model) goForGood(c *modelClient) {
	if !c.wanting || m.away || len(m.clients) < 3 || len(c.outbox) > 0 {
		return
	}
	switch killed := m.rng.IntN(2) == 0; {
	case c.up && !killed:
		m.say(c, Event{Verb: Left, Room: c.room.id})
		m.dropPending(c)
		m.unseat(c)
	case c.up:
		m.say(c, Event{Verb: Killed})
		c.lost = m.now
		if c.original {
			m.unseat(c)
		}
	default:
		return
	}
	m.pass(1000)
	m.say(c, Event{Verb: Ended, Flag: true})
	c.up, c.wanting, c.ended, c.pending = false, false, true, nil
}

// list tells a client who is in its room, as of the newest entry that it is told of.
func (m *model) list(c *modelClient, shown bool) {
	if c.original {
		return
	}
	as := Event{Verb: Listed, Room: c.room.id, Flag: shown, Seq: int64(len(c.room.log))}
	for id, there := range c.room.inside {
		if len(there) > 0 {
			as.Hash += memberHash(id, there[0].who.name)
			as.Entry++
		}
	}
	m.say(c, as)
	m.say(c, Event{Verb: Counted, Room: c.room.id, Entry: as.Entry})
}
