//go:build integration

package main

import (
	"slices"
	"time"

	"tuitalk/talk"
)

// doubleRoom is a room of the double: its log, which is the truth of the run, and
// who is shown it.
type doubleRoom struct {
	id      int32
	head    int64        // seq
	log     []talk.Entry // ascending by seq
	known   map[doubleName]int64
	members []*seat
	there   []talk.Member // in the order in which they came, also if their line is lost
}

// doubleName names a message before it has a seq.
type doubleName struct{ author, id talk.UUID }

func (d *double) room(id int32) *doubleRoom {
	if d.rooms[id] == nil {
		d.rooms[id] = &doubleRoom{id: id, known: map[doubleName]int64{}}
	}
	return d.rooms[id]
}

// handle answers a message. Call with mu held.
func (s *seat) handle(m talk.Message) {
	switch m := m.(type) {
	case talk.Hello:
		s.user = m.Secret.UUID()
		s.tell(talk.Welcome{UUID: s.user, Server: "double", Limits: talk.DefaultLimits()})
	case talk.JoinRoom:
		s.join(m)
	case talk.LeaveRoom:
		if s.in != nil && s.in.id == m.RoomID {
			s.leaveRoom()
		}
	case talk.Fetch:
		s.fetch(m)
	case talk.Ping:
		s.tell(talk.Pong(m))
	case talk.Entry:
		s.post(m)
	}
}

// from is the place in the log of the first entry behind a seq.
func (r *doubleRoom) from(after int64) int {
	i, _ := slices.BinarySearchFunc(r.log, after+1, func(e talk.Entry, seq int64) int { return int(e.Seq - seq) })
	return i
}

// join shows the room from its head, or from where the client was. Nobody's grace ever
// ends.
func (s *seat) join(m talk.JoinRoom) {
	s.quit()
	r := s.d.room(m.RoomID)
	s.in, s.name = r, m.Username
	r.members = append(r.members, s)
	answer := talk.Joined{
		RoomID: r.id, HeadSeq: r.head, AfterSeq: r.head, Members: slices.Clone(r.there), MemberCount: len(r.there),
	}
	if len(r.log) > 0 {
		answer.HeadID = r.log[len(r.log)-1].ID
	}
	from := len(r.log)
	if m.Resume {
		from = r.from(m.AfterSeq)
		answer.AfterSeq = m.AfterSeq
	}
	if from < len(r.log) {
		answer.AfterSeq = r.log[from].Seq - 1 // what there is not cannot follow
	}
	s.tell(answer)
	for _, e := range r.log[from:] {
		s.tell(e)
	}
	if !slices.ContainsFunc(r.there, func(o talk.Member) bool { return o.UUID == s.user }) {
		r.there = append(r.there, talk.Member{UUID: s.user, Username: s.name})
		s.append(talk.Entry{Kind: talk.KindJoined, ID: talk.MakeUUID(4, [16]byte{byte(len(r.there)), byte(len(r.there) >> 8), 1})})
	}
}

// leaveRoom ends the user's stay.
func (s *seat) leaveRoom() {
	r := s.in
	s.quit()
	i := slices.IndexFunc(r.there, func(o talk.Member) bool { return o.UUID == s.user })
	if i < 0 {
		return
	}
	r.there = slices.Delete(r.there, i, i+1)
	s.in = r
	s.append(talk.Entry{Kind: talk.KindLeft, ID: talk.MakeUUID(4, [16]byte{byte(r.head), byte(r.head >> 8), byte(r.head >> 16), 2})})
	s.in = nil
}

func (s *seat) quit() {
	if s.in != nil {
		s.in.members = slices.DeleteFunc(s.in.members, func(o *seat) bool { return o == s })
		s.in = nil
	}
}

func (s *seat) fetch(m talk.Fetch) {
	if s.d.spoil.mute && s.d.spoilt == 0 && s.in != nil {
		s.d.spoilt++
		return
	}
	log := s.d.room(m.RoomID).log
	to := s.d.room(m.RoomID).from(m.BeforeSeq - 1)
	from := max(0, to-int(m.Limit))
	h := talk.History{RoomID: m.RoomID, BeforeSeq: m.BeforeSeq, Complete: from == 0}
	for _, e := range log[from:to] {
		h.Text = append(h.Text, e)
	}
	s.tell(h)
}

// post takes a message, or a repeat of one.
func (s *seat) post(m talk.Entry) {
	if s.in == nil || s.in.id != m.RoomID {
		s.tell(talk.Error{Code: talk.CodeBadRoom, Message: "You are not in this room.", ID: m.ID})
		return
	}
	if seq, again := s.in.known[doubleName{s.user, m.ID}]; again {
		s.tell(talk.Stored{RoomID: m.RoomID, ID: m.ID, Seq: seq})
		return
	}
	if s.d.armed {
		s.d.armed = false
		s.d.spoilt++
		s.d.spoil.message(s, m)
		return
	}
	s.stored(m, s.store(m))
	if s.wish != nil {
		wish := *s.wish
		s.wish = nil
		s.stored(wish, s.store(wish))
	}
}

func (s *seat) stored(m talk.Entry, seq int64) {
	s.tell(talk.Stored{RoomID: m.RoomID, ID: m.ID, Seq: seq})
}

// store makes a message the next entry.
func (s *seat) store(m talk.Entry) (seq int64) {
	s.in.known[doubleName{s.user, m.ID}] = s.in.head + 1
	return s.append(talk.Entry{Kind: talk.KindPosted, Text: m.Text, ID: m.ID})
}

// append makes something about the user the next entry, and shows it.
func (s *seat) append(e talk.Entry) (seq int64) {
	r := s.in
	r.head++
	e.RoomID, e.Author, e.Name, e.Seq, e.UnixTime = r.id, s.user, s.name, r.head, uint64(time.Now().Unix())
	if n := len(r.log); n > 0 {
		e.UnixTime = max(e.UnixTime, r.log[n-1].UnixTime)
	}
	r.log = append(r.log, e)
	frame := frameOf(e)
	for _, to := range r.members {
		if e.Kind == talk.KindPosted {
			to.deliver(e, frame)
			continue
		}
		s.d.comings++
		to.put(frame)
	}
	return e.Seq
}

// deliver shows a member an entry, unless it is the one to be spoilt.
func (s *seat) deliver(e talk.Entry, frame []byte) {
	s.d.deliveries++
	due := s.d.deliveries == s.d.turn // once, however long a busy machine takes
	switch {
	case due && s.d.spoil.delivery != nil:
		s.d.spoilt++
		s.d.spoil.delivery(s, e, frame)
		return
	case due && s.d.spoil.message != nil:
		s.d.armed = true
	}
	held := s.held
	s.held = nil
	if s.late {
		s.held, frame = frame, nil
	}
	s.put(slices.Concat(frame, held))
}
