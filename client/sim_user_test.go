package client

import (
	"fmt"
	"slices"
	"time"

	"tuitalk/talk"
)

// simUser is one window of somebody: a Session, and what executes its effects.
type simUser struct {
	w       *world
	number  int
	s       *Session
	life    int   // grows with each restart
	disk    State // what the last Save kept
	wires   map[ConnID]*wire
	posted  []simPost
	texts   int
	dials   int
	outbox  map[talk.UUID]bool // as of the last Handle
	checked int64              // seq up to which the log was compared
}

// simPost is something that the user said.
type simPost struct {
	id        talk.UUID
	room      int32
	text      string
	discarded bool
}

func (w *world) addUser(state State, room int32) *simUser {
	u := &simUser{w: w, number: len(w.users), disk: state}
	w.users = append(w.users, u)
	u.begin(room)
	return u
}

// begin starts the program anew with what the disk has.
func (u *simUser) begin(room int32) {
	u.life++
	u.wires = map[ConnID]*wire{}
	u.outbox = map[talk.UUID]bool{}
	u.checked = 0
	s, err := New(Config{
		Servers: []string{"ws://a/ws", "ws://b/ws"}, Name: u.disk.Name, Room: room,
		History: 1 + u.w.rng.IntN(30), Seed: u.w.rng.Uint64(),
	}, u.disk)
	if err != nil {
		u.w.fail("user %d: %v", u.number, err)
		return
	}
	u.s = s
	life := u.life
	u.w.after(u.w.upTo(50*time.Millisecond), func() {
		if u.life == life {
			u.handle(Start{})
		}
	})
}

// restart is a crash and a new start.
func (u *simUser) restart() {
	for _, x := range u.wiresInOrder() {
		x.gone = true
		x.sever(true)
	}
	u.w.logf("user %d starts anew", u.number)
	u.begin(u.disk.Room)
}

func (u *simUser) wiresInOrder() (all []*wire) {
	for _, x := range u.wires {
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b *wire) int { return int(a.conn) - int(b.conn) })
	return all
}

func (u *simUser) handle(ev Event) {
	if u.w.verbose {
		u.w.logf("user %d <- %T %+v", u.number, ev, ev)
	}
	for _, effect := range u.s.Handle(u.w.now, ev) {
		if u.w.verbose {
			u.w.logf("user %d -> %T %+v", u.number, effect, effect)
		}
		u.do(effect)
	}
	u.check()
}

func (u *simUser) fromWire(x *wire, ev Event) {
	if x.life != u.life || x.gone {
		return
	}
	if _, ok := ev.(Closed); ok {
		x.gone = true
		delete(u.wires, x.conn)
	}
	u.handle(ev)
}

func (u *simUser) do(effect Effect) {
	switch e := effect.(type) {
	case Dial:
		u.dial(e)
	case Send:
		x := u.wires[e.Conn]
		if x == nil {
			u.w.fail("user %d sends %T on connection %d, which is not there", u.number, e.Message, e.Conn)
			return
		}
		if p, ok := e.Message.(talk.Entry); ok && !slices.ContainsFunc(u.disk.Outbox, func(o OutboxEntry) bool { return o.ID == p.ID }) {
			u.w.fail("user %d sends %q before it is saved", u.number, p.Text)
		}
		x.toGateway(e.Message)
	case Hangup:
		if x := u.wires[e.Conn]; x != nil {
			x.gone = true
			delete(u.wires, e.Conn)
			x.toGateway(nil)
		}
	case Save:
		u.disk = u.s.State()
	case WakeAt:
		if !e.At.After(u.w.now) {
			u.w.fail("user %d asks to be woken at once, again and again", u.number)
		}
		life := u.life
		u.w.at(e.At.Add(u.w.upTo(2*time.Millisecond)), func() {
			if u.life == life {
				u.handle(Tick{})
			}
		})
	}
}

// dial opens a connection, or does not.
func (u *simUser) dial(e Dial) {
	u.dials++
	x := &wire{w: u.w, user: u, life: u.life, conn: e.Conn}
	u.wires[e.Conn] = x
	switch {
	case u.w.chance(12): // frozen: never a word
	case u.w.chance(6):
		u.w.after(u.w.upTo(30*time.Millisecond), func() {
			u.fromWire(x, Closed{Conn: e.Conn, Reason: "connection refused"})
		})
	default:
		delay := u.w.upTo(10 * time.Millisecond)
		if u.w.chance(12) {
			delay += u.w.upTo(4 * time.Second)
		}
		u.w.after(delay, func() {
			if x.gone {
				return
			}
			x.seat = u.w.fleet.open(x)
			u.fromWire(x, Opened{e.Conn})
		})
	}
}

// act does something that people do.
func (u *simUser) act() {
	rng := u.w.rng
	switch n := rng.IntN(100); {
	case n < 62:
		for range 1 + rng.IntN(3) {
			u.post()
		}
	case n < 70:
		u.handle(Join{int32(1 + rng.IntN(2))})
	case n < 76:
		u.handle(SetName{Name: fmt.Sprintf("user%d-%d", u.number, rng.IntN(5))})
	case n < 84:
		u.handle(FetchOlder{1 + rng.IntN(20)})
	case n < 86:
		u.handle(Clear{})
	case n < 90:
		u.handle(Probe{})
	case n < 94:
		if out := u.s.Outbox(); len(out) > 0 {
			u.handle(Retry{out[rng.IntN(len(out))].ID})
		}
	case n < 97:
		if out := u.s.Outbox(); len(out) > 0 {
			u.discard(out[rng.IntN(len(out))].ID)
		}
	default:
		u.restart()
	}
}

func (u *simUser) post() {
	u.texts++
	p := simPost{id: u.w.uuid(), room: u.s.Room(), text: fmt.Sprintf("user %d says %d", u.number, u.texts)}
	u.posted = append(u.posted, p)
	u.handle(Post{ID: p.id, Text: p.text})
	if !slices.ContainsFunc(u.s.Outbox(), func(o Outgoing) bool { return o.ID == p.id }) {
		u.w.fail("user %d: a post is not in the outbox", u.number)
	}
}

func (u *simUser) discard(id talk.UUID) {
	for i := range u.posted {
		if u.posted[i].id == id {
			u.posted[i].discarded = true
		}
	}
	u.handle(Discard{id})
}

// check holds what must be true after every event.
func (u *simUser) check() {
	r := u.w.fleet.room(u.s.Room())
	log := u.s.Log()
	n := log.Len()
	first := 0
	if u.s.what&Reset != 0 {
		u.checked = 0
	}
	if n > 0 && u.checked >= log.At(0).Seq && u.s.what&(Reset|Prepended) == 0 {
		first = int(u.checked - log.At(0).Seq + 1)
	}
	for i := first; i < n; i++ {
		e := log.At(i)
		if i > 0 && e.Seq != log.At(i-1).Seq+1 {
			u.w.fail("user %d: seq %d follows %d", u.number, e.Seq, log.At(i-1).Seq)
		}
		if e.Seq < 1 || e.Seq > int64(len(r.log)) || *e != r.log[e.Seq-1] {
			u.w.fail("user %d: room %d shows %+v, which is not stored so", u.number, r.id, *e)
		}
		u.checked = e.Seq
	}
	if u.s.what&(Appended|Prepended|Reset|OutboxChanged) != 0 {
		u.checkOutbox(r, log)
	}
}

func (u *simUser) checkOutbox(r *simRoom, log *Log) {
	for _, p := range u.s.Pending() {
		if seq := r.seqs[entryKey{p.Author, p.ID}]; seq > 0 && log.Len() > 0 && seq >= log.At(0).Seq && seq <= u.checked {
			u.w.fail("user %d: %q is shown as stored and as pending", u.number, p.Text)
		}
	}
	now := map[talk.UUID]bool{}
	for _, o := range u.s.State().Outbox {
		now[o.ID] = true
	}
	for _, o := range u.s.Outbox() {
		seq := r.seqs[entryKey{u.s.Me().UUID, o.ID}]
		if seq > 0 && log.Len() > 0 && seq >= log.At(0).Seq && seq <= u.checked {
			u.w.fail("user %d: %q is in the log and in the outbox", u.number, o.Text)
		}
	}
	for id := range u.outbox {
		if now[id] {
			continue
		}
		p := u.posted[slices.IndexFunc(u.posted, func(p simPost) bool { return p.id == id })]
		if !p.discarded && u.w.fleet.room(p.room).seqs[entryKey{u.s.Me().UUID, id}] == 0 {
			u.w.fail("user %d: %q left the outbox, and is not stored", u.number, p.text)
		}
	}
	u.outbox = now
}
