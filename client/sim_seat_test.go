package client

import (
	"time"

	"tuitalk/talk"
)

// seat is a gateway's side of one connection.
type seat struct {
	f    *fleet
	wire *wire

	uuid, session talk.UUID
	name          string
	in            *simRoom
	cursor        int64 // the last seq that was sent
	flowing       bool

	inbox    []talk.Message
	busy     bool
	unstored int
	minRound int32
	ended    bool
}

func (f *fleet) open(x *wire) *seat {
	s := &seat{f: f, wire: x}
	f.seats = append(f.seats, s)
	return s
}

func (s *seat) send(m talk.Message) {
	if !s.ended {
		s.wire.toUser(m)
	}
}

// sendIn sends what belongs to a room to those who are still there.
func (s *seat) sendIn(r *simRoom, m talk.Message) {
	if s.in == r {
		s.send(m)
	}
}

func (s *seat) refuse(e talk.Error) { s.send(e) }

// gone cleans up after the connection.
func (s *seat) gone() {
	if s.ended {
		return
	}
	s.ended = true
	for i, other := range s.f.seats {
		if other == s {
			s.f.seats = append(s.f.seats[:i], s.f.seats[i+1:]...)
			break
		}
	}
	if s.in != nil {
		s.f.depart(s, s.in, false)
		s.in = nil
	}
	s.inbox = nil
}

func (s *seat) receive(m talk.Message) {
	if s.ended {
		return
	}
	if p, ok := m.(talk.Ping); ok {
		s.send(talk.Pong(p))
		return
	}
	s.inbox = append(s.inbox, m)
	s.proceed()
}

// proceed handles messages in order, as far as it goes.
func (s *seat) proceed() {
	for len(s.inbox) > 0 && !s.busy && !s.ended {
		m := s.inbox[0]
		switch m.(type) {
		case talk.JoinRoom, talk.LeaveRoom, talk.ChangeName:
			if s.unstored > 0 {
				return
			}
		}
		s.inbox = s.inbox[1:]
		s.handle(m)
	}
}

// later does something after a while during which nothing else is handled.
func (s *seat) later(most time.Duration, do func()) {
	s.busy = true
	s.f.w.after(s.f.w.upTo(most), func() {
		s.busy = false
		if !s.ended {
			do()
			s.proceed()
		}
	})
}

func (s *seat) handle(m talk.Message) {
	switch m := m.(type) {
	case talk.Hello:
		s.hello(m)
	case talk.JoinRoom:
		s.later(5*time.Millisecond, func() { s.join(m) })
	case talk.LeaveRoom:
		if s.in != nil && s.in.id == m.RoomID {
			s.f.depart(s, s.in, true)
			s.in = nil
		}
	case talk.ChangeName:
		s.later(3*time.Millisecond, func() { s.rename(m) })
	case talk.Fetch:
		s.later(5*time.Millisecond, func() { s.fetch(m) })
	case talk.Entry:
		s.post(m)
	}
}

func (s *seat) hello(m talk.Hello) {
	if m.Secret.IsZero() {
		s.refuse(talk.Error{Code: talk.CodeNotYou, Message: "not you"})
		s.wire.close(talk.CloseNotYou, "not you")
		return
	}
	s.uuid, s.session = m.Secret.UUID(), m.Session
	s.send(talk.Welcome{UUID: s.uuid, Server: "sim", Limits: talk.DefaultLimits()})
}

func (s *seat) join(m talk.JoinRoom) {
	switch {
	case s.uuid.IsZero() || m.UUID != s.uuid:
		s.refuse(talk.Error{Code: talk.CodeNotYou, Message: "not you"})
		return
	case s.f.down && !s.f.spool && s.f.w.chance(2):
		s.refuse(talk.Error{Code: talk.CodeUnavailable, Message: "away", Retry: true, RetryMS: 500})
		s.wire.close(1013, "try again")
		return
	case s.f.w.chance(60):
		s.refuse(talk.Error{Code: talk.CodeFlood, Message: "slow down", Retry: true, RetryMS: 200})
		return
	}
	if s.in != nil {
		if s.in.id != m.RoomID {
			s.f.depart(s, s.in, true)
		}
		s.in = nil
	}
	w, r := s.f.w, s.f.room(m.RoomID)
	s.name = m.Username
	s.f.enter(s, r, m.Username)
	if s.ended {
		return
	}
	s.in = r
	head := int64(len(r.log))
	answer := talk.Joined{RoomID: r.id, HeadSeq: head, AfterSeq: head, Members: r.members(), MemberCount: len(r.people)}
	if head > 0 {
		answer.HeadID = r.log[head-1].ID
	}
	gap := talk.Gap{RoomID: r.id}
	if m.Resume && w.now.After(r.shown) {
		known := m.AfterSeq == 0 || m.AfterSeq <= head && r.log[m.AfterSeq-1].ID == m.AfterID
		answer.Reset = !known
		if known {
			answer.AfterSeq = m.AfterSeq
		}
		if known && head-m.AfterSeq > 40 {
			gap.From, gap.To = m.AfterSeq+1, head-5
			gap.ToID = r.idAt(gap.To)
			answer.AfterSeq = gap.To
		}
	}
	s.cursor = answer.AfterSeq
	s.send(answer)
	if gap.To > 0 && w.rng.IntN(3) > 0 {
		s.send(gap)
	}
	for _, e := range r.spool {
		e.Pending, e.Round = true, 0
		s.send(e)
	}
	s.flow()
}

// flow sends the entries that are next, in a moment.
func (s *seat) flow() {
	if s.flowing || s.in == nil {
		return
	}
	s.flowing = true
	r := s.in
	s.f.w.after(s.f.w.upTo(5*time.Millisecond), func() {
		s.flowing = false
		if s.ended || s.in == nil {
			return
		}
		if s.in != r {
			s.flow()
			return
		}
		for s.cursor < int64(len(r.log)) {
			s.cursor++
			s.flowOne(r, s.cursor)
		}
	})
}

// flowOne sends one entry; now and then none, twice, or the next one first.
func (s *seat) flowOne(r *simRoom, seq int64) {
	w := s.f.w
	switch {
	case w.chance(200) && seq+3 < int64(len(r.log)) && w.now.After(r.shown):
		gap := talk.Gap{RoomID: r.id, From: seq, To: seq + 2}
		if w.rng.IntN(3) > 0 { // else of an older server
			gap.ToID = r.idAt(gap.To)
		}
		s.send(gap)
		s.cursor = gap.To
	case w.chance(150):
		w.logf("gateway leaves out seq %d", seq)
	case w.chance(60):
		s.send(r.log[seq-1])
		s.send(r.log[seq-1])
	case w.chance(150) && seq < int64(len(r.log)):
		s.send(r.log[seq])
		s.send(r.log[seq-1])
	default:
		s.send(r.log[seq-1])
	}
}

func (s *seat) rename(m talk.ChangeName) {
	switch {
	case s.in == nil:
		s.refuse(talk.Error{Code: talk.CodeNotJoined, Message: "join first", ID: m.ID})
		return
	case s.f.w.chance(10):
		s.refuse(talk.Error{Code: talk.CodeFlood, Message: "slow down", ID: m.ID, Retry: true, RetryMS: 100})
		return
	case s.f.w.chance(20):
		s.refuse(talk.Error{Code: talk.CodeBadName, Message: "no such names here", ID: m.ID})
		return
	}
	r := s.in
	if r.seqs[entryKey{s.uuid, m.ID}] > 0 || r.people[s.uuid] == m.Username {
		return
	}
	old := r.people[s.uuid]
	r.people[s.uuid], s.name = m.Username, m.Username
	s.f.append(r, talk.Entry{
		Kind: talk.KindRenamed, RoomID: r.id, Author: s.uuid, Name: m.Username, Text: old, ID: m.ID,
	})
}

func (s *seat) fetch(m talk.Fetch) {
	w := s.f.w
	if s.in == nil || s.in.id != m.RoomID {
		s.refuse(talk.Error{Code: talk.CodeBadRoom, Message: "another room"})
		return
	}
	if w.chance(12) {
		s.refuse(talk.Error{Code: talk.CodeUnavailable, Message: "the history is away", Retry: true, RetryMS: 300})
		return
	}
	if w.chance(40) {
		return // the answer is lost
	}
	log := s.in.log
	end := min(m.BeforeSeq-1, int64(len(log)))
	begin := max(0, end-m.Limit)
	part := log[begin:end]
	for {
		n := len(part)
		if n > 1 && w.rng.IntN(3) == 0 {
			n = 1 + w.rng.IntN(n)
		}
		h := talk.History{RoomID: m.RoomID, BeforeSeq: m.BeforeSeq, More: n < len(part), Complete: begin == 0}
		for _, e := range part[:n] {
			h.Text = append(h.Text, e)
		}
		s.send(h)
		part = part[n:]
		if len(part) == 0 {
			return
		}
	}
}

func (s *seat) post(m talk.Entry) {
	w := s.f.w
	switch {
	case m.Round < s.minRound:
		s.refuse(talk.Error{Code: talk.CodeOutOfTurn, Message: "later", ID: m.ID, Retry: true})
	case s.in == nil:
		s.refuse(talk.Error{Code: talk.CodeNotJoined, Message: "join first", ID: m.ID})
	case s.in.id != m.RoomID:
		s.refuse(talk.Error{Code: talk.CodeBadRoom, Message: "another room", ID: m.ID})
	case m.Author != s.uuid:
		s.refuse(talk.Error{Code: talk.CodeNotYou, Message: "not you", ID: m.ID})
	case w.chance(25):
		s.holdBack(m, talk.CodeFlood)
	default:
		s.unstored++
		m.Name = s.name
		s.f.post(s.in, m, s)
	}
}

// holdBack refuses a post for now, and with it what follows.
func (s *seat) holdBack(m talk.Entry, code talk.Code) {
	s.minRound = max(s.minRound, m.Round+1)
	s.refuse(talk.Error{
		Code: code, Message: "later", ID: m.ID, Retry: true,
		RetryMS: uint32(s.f.w.rng.IntN(300)),
	})
}
