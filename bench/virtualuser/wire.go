package virtualuser

import (
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

// Times that wire keeps: those of a session, where it has such.
const (
	wireHandshake = handshakePatience
	wireJoin      = 15 * time.Second
	wireBackoff   = 100 * time.Millisecond // doubled with each attempt in vain, at random
	wireMaxWait   = 5 * time.Second
	wireLasting   = 3 * time.Second // a connection that lasted so long was a success
	wireInFlight  = 32              // posts that are not answered
	wireUnsent    = 500             // posts that are not stored
)

// wire speaks the extended form and keeps only what is measured: where it is in
// its room, and what it posted and does not know to be stored.
type wire struct {
	dialling

	secret  talk.Secret
	me      talk.UUID
	session talk.UUID
	node    string

	// the room
	wanted   int32 // where it wants to be
	based    bool  // p.last and lastID are of p.room
	lastID   talk.UUID
	lastTime uint64 // 0: not known

	// posts
	unsent []wirePost
	round  int32
	holdAt time.Time // nothing is sent before; zero: no reason to wait
}

var _ protocol = (*wire)(nil)

func newWire(p *user, servers []string, seed uint64) *wire {
	return &wire{dialling: newDialling(p, servers, seed, 1<<43), wanted: p.room}
}

func (w *wire) start() {
	w.secret, w.session = client.NewSecret(), w.p.loop.uuid()
	w.me = w.secret.UUID()
	w.dial()
}

func (w *wire) dial() {
	w.next()
	w.plan()
}

// plan asks for the next tick.
func (w *wire) plan() {
	w.p.wakeAt(soonest(w.dialAt, w.deadline, w.holdAt))
}

// soonest is the first of times; the zero ones do not count.
func soonest(times ...time.Time) (next time.Time) {
	for _, at := range times {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

func reached(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

func (w *wire) tick() {
	now := w.p.loop.now
	switch {
	case reached(w.deadline, now):
		w.p.loop.fault(w.line.silence())
		w.hangup()
	case reached(w.dialAt, now):
		w.dial()
	}
	if reached(w.holdAt, now) {
		w.holdAt = time.Time{}
		w.pump()
	}
	w.plan()
}

// hangup gives up a connection of which nothing good is expected.
func (w *wire) hangup() {
	if w.line != nil {
		w.p.hangup(w.line)
		w.gone()
	}
}

// gone plans the next connection.
func (w *wire) gone() {
	w.lost()
	w.p.serves("")
	w.holdAt = time.Time{}
	w.plan()
}

func (w *wire) closed(l *connection, code int, _ string) {
	if l != w.line {
		return
	}
	if code == talk.CloseSuperseded {
		w.session = w.p.loop.uuid()
	}
	w.gone()
}

func (w *wire) opened(l *connection) {
	w.deadline = w.p.loop.now.Add(wireJoin)
	w.p.loop.send(l, talk.Hello{Client: "tuitalk-bench", Secret: w.secret, Session: w.session})
	w.join()
	w.p.loop.flush()
	w.plan()
}

// join asks for the room, behind what it was shown of it.
func (w *wire) join() {
	p := w.p
	if p.room != w.wanted {
		p.room, p.last, w.based, w.lastID, w.lastTime = w.wanted, 0, false, talk.UUID{}, 0
	}
	m := talk.JoinRoom{RoomID: p.room, UUID: w.me, Username: p.name(), UnixTime: uint64(p.loop.now.Unix())}
	if w.based {
		m.Resume, m.AfterSeq, m.AfterID, m.AfterTime = true, p.last, w.lastID, w.lastTime
	}
	w.joined = false
	p.loop.send(w.line, m)
}

func (w *wire) message(l *connection, opcode byte, payload []byte) {
	if opcode != opcodeOf(l.p.loop.form) || l != w.line {
		return
	}
	d := w.p.loop.cache.decode(payload)
	if d.err != nil {
		w.p.loop.fault("a frame cannot be read: " + d.err.Error())
		return
	}
	w.p.told(&d)
	switch m := d.message.(type) {
	case talk.Entry:
		w.entry(&m, d.stamp)
	case talk.Stored:
		w.settled(m.ID)
	case talk.Accepted:
		w.accepted(m.ID)
	case talk.Welcome:
		w.welcome(m)
	case talk.Joined:
		w.welcomed(l, &m)
	case talk.Error:
		w.refused(m)
	case talk.Gap:
		w.gap(&m)
	case talk.Reconnect:
		w.based = w.based && !m.Reset
	case talk.Ping:
		w.p.loop.send(l, talk.Pong(m))
	}
	w.p.loop.flush()
}

func (w *wire) entry(e *talk.Entry, st *stamp) {
	p := w.p
	switch {
	case e.Pending || e.RoomID != p.room || !w.joined || e.Seq <= p.last:
		return
	case e.Seq > p.last+1:
		p.loop.fault("the server left entries out without a word")
	}
	w.based, w.lastID, w.lastTime = true, e.ID, e.UnixTime
	p.shows(e.Seq, st)
	if e.Author == w.me {
		w.settled(e.ID)
	}
}

// gap goes on behind what the server leaves out, as a session does.
func (w *wire) gap(m *talk.Gap) {
	p := w.p
	if m.RoomID != p.room || !w.joined || m.To < p.last {
		return
	}
	if told := m.To == p.last; !m.ToID.IsZero() || !told {
		w.based, w.lastID, w.lastTime, p.last = !m.ToID.IsZero(), m.ToID, m.ToTime, m.To
		if !told {
			w.join()
		}
	}
}

func (w *wire) welcome(m talk.Welcome) {
	if m.UUID != w.me {
		w.p.loop.fault("the server takes a client for somebody else")
	}
	w.node = m.Server
}

func (w *wire) welcomed(l *connection, m *talk.Joined) {
	if m.RoomID != w.p.room {
		return
	}
	anew := !w.based || m.Reset || m.AfterSeq > w.p.last
	if anew {
		w.lastID, w.lastTime = talk.UUID{}, 0
		if m.AfterSeq == m.HeadSeq {
			w.lastID, w.lastTime = m.HeadID, m.HeadTime
		}
	}
	w.joined, w.deadline = true, time.Time{}
	w.based = !w.lastID.IsZero() || m.AfterSeq == 0
	w.p.serves(w.node)
	w.p.joins(l, m, anew)
	w.round, w.holdAt = 0, time.Time{}
	for i := range w.unsent {
		w.unsent[i].sent, w.unsent[i].answered = false, false
	}
	w.pump()
	w.plan()
}

// enter goes to another room as soon as nothing of its own is under way: the
// server takes messages only for the room that the connection is in.
func (w *wire) enter(room int32) {
	w.wanted = room
	w.moveOn()
	w.p.loop.flush()
}

func (w *wire) moveOn() {
	if w.joined && w.wanted != w.p.room && len(w.unsent) == 0 {
		w.join()
	}
}

func (w *wire) fetch(limit int) {
	if w.joined && w.p.last > 0 {
		w.p.loop.send(w.line, talk.Fetch{RoomID: w.p.room, Limit: int64(limit), BeforeSeq: w.p.last + 1})
		w.p.loop.flush()
	}
}

// rename: one that keeps only what is measured keeps its name.
func (w *wire) rename(string) {}

func (w *wire) quit(bool) {}

func (w *wire) behind(head int64) int { return w.p.behind(head) }

func (w *wire) outbox() int { return len(w.unsent) }

func (w *wire) end() {}
