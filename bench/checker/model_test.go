package checker

import (
	"math/rand/v2"
	"slices"

	"tuitalk/talk"
)

// model is a fleet that keeps its promises, with people on it, in virtual time.
// It writes the histories that their clients would record. Everything in it
// follows from its seed.
type model struct {
	rng     *rand.Rand
	now     int64 // microseconds
	w       *Writer
	rooms   []*modelRoom
	clients []*modelClient
	away    bool // the store is; there is a spool
	fault   int  // the number of the fault that has taken the store away
	lies    lie  // a promise that it breaks, once
}

// lie is a promise that a model breaks.
type lie uint8

const (
	honest   lie = iota
	sentAway     // a user who is back within the grace leaves and joins
	twiceIn      // a user who is there joins again
)

const modelGrace = 30 * second

// modelRoom is the store's side of a room.
type modelRoom struct {
	id    int32
	log   []Entry // log[i] has seq i+1
	seqs  map[entryName]int64
	spool []Entry
	inside
}

// inside is who has a session in a room.
type inside map[talk.UUID][]*modelClient

// modelClient is one window of one user.
type modelClient struct {
	index   int32
	who     *modelUser
	room    *modelRoom
	wanting bool
	up      bool

	original bool // it speaks one of the original's forms
	ended    bool // it has gone for good

	seated bool  // the fleet has its session in room
	lost   int64 // when the line broke
	asks   int64 // so many questions

	based   bool // it has been shown the room
	lo, hi  int64
	outbox  []modelPost
	pending []Entry
}

type modelUser struct {
	id   talk.UUID
	name uint64
}

type modelPost struct {
	room   *modelRoom
	entry  Entry
	failed bool
}

// shape says how many there are and what they do, in parts of all that is done.
type shape struct {
	name                    string
	clients, rooms, steps   int
	post, pump, deliver     int
	flap, long, wander      int
	outage, restart, resets int
	rename, refuse, trim    int

	originals         int // clients besides
	pages, list, ends int
}

var shapes = []shape{
	{name: "calm", clients: 6, rooms: 2, steps: 800, post: 10, pump: 20, deliver: 40, list: 2},
	{name: "alone", clients: 1, rooms: 1, steps: 400, post: 10, pump: 10, deliver: 10, flap: 2, wander: 1, restart: 1},
	{name: "flapping", clients: 12, rooms: 2, steps: 2500, post: 10, pump: 15, deliver: 30, flap: 25, long: 2, list: 2, ends: 1},
	{name: "wandering", clients: 10, rooms: 4, steps: 2500, post: 10, pump: 15, deliver: 30, flap: 4, wander: 12, restart: 3},
	{name: "outages", clients: 8, rooms: 2, steps: 2500, post: 12, pump: 25, deliver: 40, flap: 4, outage: 3},
	{name: "restarts", clients: 8, rooms: 2, steps: 2000, post: 10, pump: 15, deliver: 30, flap: 5, restart: 6, resets: 6, trim: 4},
	{name: "everything", clients: 16, rooms: 3, steps: 5000, post: 12, pump: 25, deliver: 50, flap: 8, long: 1,
		wander: 4, outage: 2, restart: 2, resets: 3, rename: 4, refuse: 3, trim: 2, originals: 4, pages: 3, list: 2, ends: 1},
	{name: "originals", clients: 4, rooms: 2, steps: 2500, post: 12, pump: 15, deliver: 40, flap: 4, wander: 4, outage: 1,
		rename: 3, originals: 8, pages: 6, ends: 1},
	{name: "windows", clients: 13, rooms: 2, steps: 1500, post: 10, pump: 15, deliver: 40, rename: 1, list: 2},
}

func newModel(seed uint64, sh shape) *model {
	m := &model{rng: rand.New(rand.NewPCG(seed, 0x415)), now: 1_700_000_000 * second, w: NewWriter(), fault: -1}
	for i := range sh.rooms {
		m.rooms = append(m.rooms, &modelRoom{id: int32(i*i*1000 - 7), seqs: map[entryName]int64{}, inside: inside{}})
	}
	var last *modelUser
	for i := range sh.clients + sh.originals {
		original := i >= sh.clients
		if last == nil || i%4 != 0 || original { // every fourth is the second window of the user before
			last = &modelUser{id: m.uuid(), name: m.rng.Uint64()}
		}
		if !original {
			last.id = talk.MakeUUID(8, last.id)
		}
		c := &modelClient{index: m.w.Client("client-" + string(rune('a'+i%26))), who: last, original: original}
		m.clients = append(m.clients, c)
		m.attach(c)
		m.say(c, Event{Verb: Named, Hash: c.who.name})
		m.enter(c, m.rooms[i%sh.rooms])
		m.pass(second)
		m.reconnect(c)
		m.say(c, Event{Verb: Identified, ID: c.who.id})
	}
	return m
}

// history is one run of an honest model.
func history(seed uint64, sh shape) []byte { return newModel(seed, sh).run(sh) }

// run lets the people act, and heals everything in the end.
func (m *model) run(sh shape) []byte {
	weights := []int{sh.post, sh.pump, sh.deliver, sh.flap, sh.long, sh.wander, sh.outage, sh.restart, sh.resets, sh.rename, sh.refuse, sh.trim,
		sh.pages, sh.list, sh.ends}
	total := 0
	for _, w := range weights {
		total += w
	}
	acts := []func(*modelClient){
		m.post, m.pump, m.deliver, m.flap, m.longAway, m.wander, m.outage, m.restart, m.reset, m.rename, m.refuse, m.trim,
		m.pages, func(c *modelClient) {
			if c.up && !m.away {
				m.list(c, false)
			}
		}, m.goForGood,
	}
	for range sh.steps {
		m.pass(m.rng.Int64N(second / 5))
		c := m.clients[m.rng.IntN(len(m.clients))]
		n := m.rng.IntN(total)
		for i, w := range weights {
			if n < w {
				acts[i](c)
				break
			}
			n -= w
		}
		m.sweep()
	}
	return m.end()
}

func (m *model) uuid() talk.UUID {
	var b [16]byte
	for i := range b {
		b[i] = byte(m.rng.Uint32())
	}
	return talk.MakeUUID(4, b)
}

func (m *model) pass(d int64) { m.now += d + 1 }

// say writes an event of a client.
func (m *model) say(c *modelClient, e Event) {
	e.At, e.Client = m.now, c.index
	m.w.Event(e)
}

func (m *model) show(c *modelClient, v Verb, e Entry) {
	m.say(c, Event{Verb: v, Entry: m.w.Entry(e)})
}

// append stores an entry, unless it is stored.
func (m *model) append(r *modelRoom, e Entry) int64 {
	if seq := r.seqs[nameOf(&e)]; seq > 0 {
		return seq
	}
	e.Seq, e.UnixTime = int64(len(r.log)+1), uint64(m.now/second)
	r.log = append(r.log, e)
	r.seqs[nameOf(&e)] = e.Seq
	return e.Seq
}

func (m *model) line(r *modelRoom, kind talk.Kind, u *modelUser) {
	m.append(r, Entry{Room: r.id, Kind: kind, Author: u.id, ID: m.uuid(), Name: u.name, Text: Hash("")})
}

// seat gives a client a session, unseat takes it away.
func (m *model) seat(c *modelClient) {
	if c.seated {
		return
	}
	c.seated = true
	c.room.inside[c.who.id] = append(c.room.inside[c.who.id], c)
	if len(c.room.inside[c.who.id]) == 1 {
		m.line(c.room, talk.KindJoined, c.who)
	}
}

func (m *model) unseat(c *modelClient) {
	if !c.seated {
		return
	}
	c.seated = false
	there := c.room.inside[c.who.id]
	i := slices.Index(there, c)
	c.room.inside[c.who.id] = slices.Delete(there, i, i+1)
	if len(there) == 1 {
		m.line(c.room, talk.KindLeft, c.who)
	}
}

// sweep lets those leave whose line has been broken for the grace.
func (m *model) sweep() {
	for _, c := range m.clients {
		if !c.up && c.seated && !m.away && (c.original || m.now > c.lost+modelGrace) {
			m.unseat(c)
		}
	}
}

func (m *model) enter(c *modelClient, r *modelRoom) {
	c.room, c.wanting, c.based = r, true, false
	m.say(c, Event{Verb: Entered, Room: r.id})
}

// dropPending ends what a client shows as pending.
func (m *model) dropPending(c *modelClient) {
	for _, e := range c.pending {
		m.show(c, PendingGone, e)
	}
	c.pending = nil
}

// reconnect brings a client back, if that is possible.
func (m *model) reconnect(c *modelClient) {
	if c.up || !c.wanting || m.away && (!c.seated || c.original) {
		return
	}
	m.sweep()
	if c.original {
		m.joinAsOriginal(c)
		return
	}
	if m.lies == sentAway && c.seated && m.now-c.lost > second && len(c.room.inside[c.who.id]) == 1 {
		m.unseat(c)
		m.lies = honest
	}
	back := c.seated
	m.seat(c)
	if m.lies == twiceIn && back {
		m.line(c.room, talk.KindJoined, c.who)
		m.lies = honest
	}
	m.join(c)
	c.up = true
	m.pass(1000)
	m.say(c, Event{Verb: Up, Room: c.room.id})
	if !c.based {
		m.restartView(c, int64(len(c.room.log)), false, m.rng.Int64N(30))
		c.based = true
	}
}

// restartView shows the room anew, with some of what was before.
func (m *model) restartView(c *modelClient, after int64, gap bool, older int64) {
	m.dropPending(c)
	m.say(c, Event{Verb: Restarted, Room: c.room.id, Seq: after, Flag: gap})
	c.lo, c.hi = after+1, after
	if older > 0 && m.rng.IntN(4) > 0 { // else it has them from before
		m.ask(c, true)
	}
	for range min(older, after) {
		c.lo--
		m.show(c, Older, c.room.log[c.lo-1])
	}
}

// join asks for the room over a new connection. Of some it hangs up first, as
// nothing comes on them, and a server may end one.
func (m *model) join(c *modelClient) {
	for m.rng.IntN(4) == 0 {
		c.asks++
		m.say(c, Event{Verb: Asked, Room: c.room.id, Seq: c.asks})
		m.pass(second / 10)
		m.say(c, Event{Verb: Dropped, Seq: c.asks, Flag: m.rng.IntN(2) == 0})
	}
	m.ask(c, false)
}

func (m *model) ask(c *modelClient, fetch bool) {
	c.asks++
	m.say(c, Event{Verb: Asked, Room: c.room.id, Seq: c.asks, Flag: fetch})
	m.pass(1000)
	m.say(c, Event{Verb: Answered, Seq: c.asks})
}
