package recorder_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

// fleet is a gateway with a store, in memory, as far as clients can tell.
type fleet struct {
	mu     sync.Mutex
	rng    *rand.Rand
	rooms  map[int32]*fleetRoom
	seats  []*seat
	away   bool // the store is, and there is a spool
	resume int  // more entries than that are left out of a resume
	mangle func(s *seat, m talk.Message) []talk.Message

	pardoned map[talk.UUID]bool // messages that are taken at last
	open     sync.WaitGroup
}

type fleetRoom struct {
	id    int32
	log   []talk.Entry // log[i] has seq i+1
	spool []talk.Entry
	there map[talk.UUID]int // sessions
	names map[talk.UUID]string
}

// seat is the fleet's side of one line.
type seat struct {
	f       *fleet
	wire    *wire
	conn    client.ConnID
	deliver func(client.Event)
	user    talk.UUID
	in      *fleetRoom
	gone    bool

	queue []client.Event // to deliver
	wake  *sync.Cond
}

const fleetGrace = 30 * time.Second

func newFleet(seed uint64) *fleet {
	return &fleet{rng: rand.New(rand.NewPCG(seed, 1)), rooms: map[int32]*fleetRoom{}, resume: 1000, pardoned: map[talk.UUID]bool{}}
}

func (f *fleet) room(id int32) *fleetRoom {
	if f.rooms[id] == nil {
		f.rooms[id] = &fleetRoom{id: id, there: map[talk.UUID]int{}, names: map[talk.UUID]string{}}
	}
	return f.rooms[id]
}

func (f *fleet) uuid() (id talk.UUID) {
	for i := range id {
		id[i] = byte(f.rng.Uint32())
	}
	return talk.MakeUUID(8, id)
}

// wire is somebody's way to the fleet.
type wire struct {
	*fleet
	cut bool // guarded by mu of fleet
}

// Dial implements client.Dialer.
func (w *wire) Dial(conn client.ConnID, _ string, deliver func(client.Event)) client.Line {
	s := &seat{f: w.fleet, conn: conn, deliver: deliver, wire: w, wake: sync.NewCond(&w.mu)}
	w.mu.Lock()
	w.seats = append(w.seats, s)
	if w.cut {
		s.end()
	} else {
		s.tell(client.Opened{Conn: conn})
	}
	w.mu.Unlock()
	w.open.Go(s.run)
	return s
}

// snap cuts the wire, or mends it. Call with mu held.
func (w *wire) snap(cut bool) {
	w.cut = cut
	for _, s := range slices.Clone(w.seats) {
		if cut && s.wire == w {
			s.end()
		}
	}
}

// run delivers until the line is closed.
func (s *seat) run() {
	for {
		s.f.mu.Lock()
		for len(s.queue) == 0 {
			s.wake.Wait()
		}
		ev := s.queue[0]
		s.queue = s.queue[1:]
		s.f.mu.Unlock()
		time.Sleep(time.Millisecond) // of virtual time: the way through the network
		s.deliver(ev)
		if _, last := ev.(client.Closed); last {
			return
		}
	}
}

func (s *seat) tell(ev client.Event) {
	s.queue = append(s.queue, ev)
	s.wake.Signal()
}

// send tells a message, or what becomes of it on the way.
func (s *seat) send(m talk.Message) {
	if s.gone {
		return
	}
	out := []talk.Message{m}
	if s.f.mangle != nil {
		out = s.f.mangle(s, m)
	}
	for _, m := range out {
		s.tell(client.Received{Conn: s.conn, Message: m})
	}
}

// Close implements client.Line.
func (s *seat) Close() {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.end()
}

// end breaks the line. The user has the grace to come back.
func (s *seat) end() {
	if s.gone {
		return
	}
	s.gone = true
	s.tell(client.Closed{Conn: s.conn})
	s.f.seats = slices.DeleteFunc(s.f.seats, func(o *seat) bool { return o == s })
	if r := s.in; r != nil {
		s.in = nil
		time.AfterFunc(fleetGrace, func() {
			s.f.mu.Lock()
			defer s.f.mu.Unlock()
			s.f.leave(r, s)
		})
	}
}

func (f *fleet) leave(r *fleetRoom, s *seat) {
	if r.there[s.user]--; r.there[s.user] == 0 {
		f.append(r, talk.Entry{Kind: talk.KindLeft, Author: s.user, Name: r.names[s.user], ID: f.uuid()})
		delete(r.there, s.user)
		delete(r.names, s.user)
	}
}

// rename gives a user another name in a room where he is.
func (f *fleet) rename(r *fleetRoom, user talk.UUID, name string, id talk.UUID) {
	old := r.names[user]
	if r.there[user] == 0 || old == name {
		return
	}
	r.names[user] = name
	f.append(r, talk.Entry{Kind: talk.KindRenamed, Author: user, Name: name, Text: old, ID: id})
}

func (r *fleetRoom) members() (all []talk.Member) {
	for user, name := range r.names {
		all = append(all, talk.Member{UUID: user, Username: name})
	}
	return all
}

// append stores an entry, unless it is stored, and shows it.
func (f *fleet) append(r *fleetRoom, e talk.Entry) int64 {
	for i := range r.log {
		if r.log[i].ID == e.ID && r.log[i].Author == e.Author {
			return r.log[i].Seq
		}
	}
	e.RoomID, e.Seq, e.UnixTime, e.Round = r.id, int64(len(r.log)+1), uint64(time.Now().Unix()), 0
	r.log = append(r.log, e)
	for _, s := range f.seats {
		if s.in == r {
			s.send(e)
		}
	}
	return e.Seq
}

// Send implements client.Line.
func (s *seat) Send(m talk.Message) error {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if s.gone {
		return nil
	}
	switch m := m.(type) {
	case talk.Hello:
		s.user = m.Secret.UUID()
		s.send(talk.Welcome{UUID: s.user, Server: "fleet", Limits: talk.DefaultLimits()})
	case talk.JoinRoom:
		s.join(m)
	case talk.LeaveRoom:
		if s.in != nil && s.in.id == m.RoomID {
			s.f.leave(s.in, s)
			s.in = nil
		}
	case talk.ChangeName:
		s.f.rename(s.in, s.user, m.Username, m.ID)
		for _, r := range s.f.rooms {
			s.f.rename(r, s.user, m.Username, s.f.uuid())
		}
	case talk.Fetch:
		s.fetch(m)
	case talk.Ping:
		s.send(talk.Pong(m))
	case talk.Entry:
		s.post(m)
	}
	return nil
}

func (s *seat) join(m talk.JoinRoom) {
	if s.in != nil && s.in.id != m.RoomID {
		s.f.leave(s.in, s)
		s.in = nil
	}
	r := s.f.room(m.RoomID)
	s.f.rename(r, s.user, m.Username, s.f.uuid())
	head := int64(len(r.log))
	after := head
	if s.in == nil {
		s.in = r
		if r.there[s.user]++; r.there[s.user] == 1 {
			r.names[s.user] = m.Username
			r.log = append(r.log, talk.Entry{
				Kind: talk.KindJoined, RoomID: r.id, Author: s.user, Name: m.Username, ID: s.f.uuid(),
				Seq: head + 1, UnixTime: uint64(time.Now().Unix()),
			})
			for _, o := range s.f.seats {
				if o.in == r && o != s {
					o.send(r.log[head])
				}
			}
		}
	}
	reset := m.Resume && (m.AfterSeq > head || m.AfterSeq > 0 && r.log[m.AfterSeq-1].ID != m.AfterID)
	if m.Resume && !reset {
		after = m.AfterSeq
	}
	gap := m.Resume && !reset && len(r.log)-int(after) > s.f.resume
	to := int64(len(r.log) - 3)
	if gap {
		after = to
	}
	s.send(talk.Joined{
		RoomID: r.id, HeadSeq: int64(len(r.log)), AfterSeq: after, Reset: reset,
		Members: r.members(), MemberCount: len(r.names),
	})
	if gap {
		s.send(talk.Gap{RoomID: r.id, From: m.AfterSeq + 1, To: to, ToID: r.log[to-1].ID})
	}
	for _, e := range r.log[after:] {
		s.send(e)
	}
	for _, e := range r.spool {
		s.send(e)
	}
}

func (s *seat) fetch(m talk.Fetch) {
	log := s.f.room(m.RoomID).log
	to := min(m.BeforeSeq-1, int64(len(log)))
	from := max(0, to-m.Limit)
	h := talk.History{RoomID: m.RoomID, BeforeSeq: m.BeforeSeq, Complete: from == 0}
	for _, e := range log[from:to] {
		h.Text = append(h.Text, e)
	}
	s.send(h)
}

func (s *seat) post(m talk.Entry) {
	r := s.in
	switch {
	case r == nil || r.id != m.RoomID:
		s.send(talk.Error{Code: talk.CodeBadRoom, Message: "elsewhere", ID: m.ID})
		return
	case strings.HasPrefix(m.Text, "refuse me") && !s.f.pardoned[m.ID]:
		s.send(talk.Error{Code: talk.CodeRefused, Message: "no", ID: m.ID})
		return
	}
	m.Name = r.names[s.user]
	known := func(e talk.Entry) bool { return e.ID == m.ID && e.Author == m.Author }
	if !s.f.away || slices.ContainsFunc(r.log, known) {
		seq := s.f.append(r, m)
		s.send(talk.Stored{RoomID: r.id, ID: m.ID, Seq: seq})
		return
	}
	if !slices.ContainsFunc(r.spool, known) {
		m.Pending, m.SentAt, m.Round = true, uint64(time.Now().Unix()), 0
		r.spool = append(r.spool, m)
		for _, o := range s.f.seats {
			if o.in == r {
				o.send(m)
			}
		}
	}
	s.send(talk.Accepted{RoomID: r.id, ID: m.ID})
}

// storeBack stores what was spooled. With lossy the spool has lost its last entry.
func (f *fleet) storeBack(lossy bool) {
	f.away = false
	for _, r := range f.rooms {
		spool := r.spool
		r.spool = nil
		if n := len(spool) - 1; lossy && n >= 0 {
			for _, s := range f.seats {
				if s.in == r {
					s.send(talk.Withdrawn{RoomID: r.id, UUID: spool[n].Author, ID: spool[n].ID})
				}
			}
			spool = spool[:n]
		}
		for _, e := range spool {
			e.Pending = false
			seq := f.append(r, e)
			for _, s := range f.seats {
				if s.in == r && s.user == e.Author {
					s.send(talk.Stored{RoomID: r.id, ID: e.ID, Seq: seq})
				}
			}
		}
	}
}
