package historytest

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// modelStore is what a Store is, said in the plainest way: no transactions, no
// SQL. The test compares the real one with it; Memory makes a store of it.
type modelStore struct {
	now     uint64
	rooms   map[int32]*modelRoom
	turns   map[history.Turn]modelTurn // the last of each lane
	leaveID func() talk.UUID           // nil: sessions have none
}

type modelTurn struct {
	number int64
	at     uint64 // when it was taken
}

type modelRoom struct {
	log     []talk.Entry
	seqs    map[entryName]int64
	epochs  int64
	members []*modelMember // in the order of joining
}

// entryName names an entry of a room.
type entryName struct{ author, id talk.UUID }

type modelMember struct {
	uuid     talk.UUID
	name     string
	joined   int64
	silent   bool
	sessions []*modelSession
}

type modelSession struct {
	history.Session
	entered talk.UUID
	broken  bool
}

func (m *modelStore) room(id int32) *modelRoom {
	if m.rooms[id] == nil {
		m.rooms[id] = &modelRoom{seqs: map[entryName]int64{}}
	}
	return m.rooms[id]
}

func (m *modelStore) write(e talk.Entry) (*talk.Entry, bool) {
	r := m.room(e.RoomID)
	if known := r.find(e.Author, e.ID); known != nil {
		return known, true
	}
	e.UnixTime = r.nextTime(m.now)
	e.Seq = int64(len(r.log) + 1)
	r.log = append(r.log, e)
	r.seqs[entryName{e.Author, e.ID}] = e.Seq
	return &e, false
}

// nextTime is never earlier than that of the entry before. Where that one is far
// ahead of the clock, a second is full at some time.
func (r *modelRoom) nextTime(now uint64) uint64 {
	n := len(r.log)
	if n == 0 {
		return now
	}
	last := r.log[n-1].UnixTime
	if last <= now+uint64(history.MaxAhead/time.Second) {
		return max(now, last)
	}
	full := n >= history.FullSecond && r.log[n-history.FullSecond].UnixTime == last
	if full {
		last++
	}
	return last
}

// entries is the room's log; a room that nobody was in has none.
func (r *modelRoom) entries() []talk.Entry {
	if r == nil {
		return nil
	}
	return r.log
}

func (r *modelRoom) find(author, id talk.UUID) *talk.Entry {
	seq := r.seqs[entryName{author, id}]
	if seq == 0 {
		return nil
	}
	e := r.log[seq-1]
	return &e
}

func (r *modelRoom) member(uuid talk.UUID) *modelMember {
	for _, who := range r.members {
		if who.uuid == uuid {
			return who
		}
	}
	return nil
}

func (w *modelMember) session(k history.SessionKey) *modelSession {
	if w != nil {
		for _, s := range w.sessions {
			if s.SessionKey == k {
				return s
			}
		}
	}
	return nil
}

// lane is whose turn it is.
func lane(t history.Turn) history.Turn {
	t.Number = 0
	return t
}

// late tells whether a later turn was there already.
func (m *modelStore) late(t history.Turn) bool {
	return t.Number > 0 && t.Number < m.turns[lane(t)].number
}

// took notes that something of a turn was applied.
func (m *modelStore) took(t history.Turn) {
	if t.Number > 0 {
		m.turns[lane(t)] = modelTurn{t.Number, m.now}
	}
}

func (m *modelStore) move(mv history.Move) history.Moved {
	r := m.room(mv.Key.RoomID)
	moved := m.change(r, mv)
	if mv.Action == history.Enter && moved.Applied {
		if moved.Name = r.member(mv.Key.UUID).name; moved.Entry != nil {
			moved.Name = moved.Entry.Name
		}
	}
	if mv.Action == history.Enter || mv.Action == history.Leave {
		if moved.Applied && len(r.members) <= mv.Quiet {
			for _, w := range r.members {
				w.silent = false
			}
		}
	}
	moved.Members = len(r.members)
	return moved
}

func (m *modelStore) change(r *modelRoom, mv history.Move) history.Moved {
	who := r.member(mv.Key.UUID)
	s := who.session(mv.Key)
	var prior *talk.Entry
	if mv.Action != history.Break {
		prior = r.find(mv.Key.UUID, mv.EntryID)
	}
	if prior != nil && !mv.Action.Writes(prior.Kind) {
		return history.Moved{Err: history.ErrBadEntry}
	}
	current := s != nil && s.Epoch == mv.Epoch
	switch {
	case mv.Action == history.Enter:
		return m.enter(r, who, s, prior, mv)
	case prior != nil:
		return history.Moved{Applied: true, First: mv.Action == history.Leave, Entry: prior}
	case !current:
		return history.Moved{}
	case mv.Action == history.Leave:
		return m.leave(r, who, s, mv)
	case mv.Action == history.Break:
		s.broken = true
		return history.Moved{Applied: true}
	default:
		return history.Moved{Applied: true, Entry: m.rename(who, mv, false)}
	}
}

func (m *modelStore) enter(r *modelRoom, who *modelMember, s *modelSession, prior *talk.Entry, mv history.Move) history.Moved {
	repeat := s != nil && s.entered == mv.EntryID && s.Gateway == mv.Gateway
	if who != nil && (mv.KeepName || repeat) {
		mv.Name = who.name
	}
	if !repeat && (prior != nil || s != nil && mv.Epoch > 0 && s.Epoch > mv.Epoch) {
		return history.Moved{Entry: prior}
	}
	if repeat && !s.broken {
		return history.Moved{Applied: true, Epoch: s.Epoch, First: who.joined == s.Epoch, Entry: prior}
	}
	r.epochs++
	moved := history.Moved{Applied: true, Epoch: r.epochs, Entry: prior, First: who == nil}
	if who == nil {
		who = &modelMember{uuid: mv.Key.UUID, name: mv.Name, joined: r.epochs}
		r.members = append(r.members, who)
		if who.silent = len(r.members) > mv.Quiet; !who.silent {
			moved.Entry, _ = m.write(made(mv, talk.KindJoined, mv.Name, ""))
		}
	} else if !repeat {
		moved.Entry = m.rename(who, mv, who.silent && len(r.members) > mv.Quiet)
	}
	if s == nil {
		s = &modelSession{}
		who.sessions = append(who.sessions, s)
	}
	leaveID := s.LeaveID
	if leaveID.IsZero() && m.leaveID != nil {
		leaveID = m.leaveID()
	}
	*s = modelSession{Session: history.Session{SessionKey: mv.Key, Gateway: mv.Gateway, Epoch: r.epochs, LeaveID: leaveID}, entered: mv.EntryID}
	return moved
}

func (m *modelStore) leave(r *modelRoom, who *modelMember, s *modelSession, mv history.Move) history.Moved {
	who.sessions = slices.DeleteFunc(who.sessions, func(o *modelSession) bool { return o == s })
	if len(who.sessions) > 0 {
		return history.Moved{Applied: true}
	}
	moved := history.Moved{Applied: true, First: true}
	if !who.silent || len(r.members) <= mv.Quiet {
		moved.Entry, _ = m.write(made(mv, talk.KindLeft, who.name, ""))
	}
	r.members = slices.DeleteFunc(r.members, func(o *modelMember) bool { return o == who })
	return moved
}

func (m *modelStore) rename(who *modelMember, mv history.Move, silently bool) (entry *talk.Entry) {
	if mv.Name == who.name {
		return nil
	}
	if !silently {
		entry, _ = m.write(made(mv, talk.KindRenamed, mv.Name, who.name))
	}
	who.name = mv.Name
	return entry
}

// made is the entry that a move makes.
func made(mv history.Move, kind talk.Kind, name, text string) talk.Entry {
	return talk.Entry{Kind: kind, RoomID: mv.Key.RoomID, Author: mv.Key.UUID, ID: mv.EntryID, Name: name, Text: text}
}

func (m *modelStore) retire(gateway talk.UUID) {
	maps.DeleteFunc(m.turns, func(_ history.Turn, t modelTurn) bool { return t.at+uint64(history.TurnsKept/time.Second) < m.now })
	for _, r := range m.rooms {
		for _, w := range r.members {
			for _, s := range w.sessions {
				s.broken = s.broken || s.Gateway == gateway
			}
		}
	}
}

// holders are the gateways of sessions that are not broken, some of them repeatedly.
func (m *modelStore) holders() (all []talk.UUID) {
	for _, r := range m.rooms {
		for _, w := range r.members {
			for _, s := range w.sessions {
				if !s.broken {
					all = append(all, s.Gateway)
				}
			}
		}
	}
	return all
}

// clone copies all rooms.
func (m *modelStore) clone() map[int32]*modelRoom {
	rooms := make(map[int32]*modelRoom, len(m.rooms))
	for id, r := range m.rooms {
		c := &modelRoom{log: slices.Clone(r.log), seqs: maps.Clone(r.seqs), epochs: r.epochs}
		for _, w := range r.members {
			who := *w
			who.sessions = nil
			for _, s := range w.sessions {
				same := *s
				who.sessions = append(who.sessions, &same)
			}
			c.members = append(c.members, &who)
		}
		rooms[id] = c
	}
	return rooms
}

func (m *modelStore) allBroken() (all []history.Session) {
	for _, r := range m.rooms {
		for _, w := range r.members {
			for _, s := range w.sessions {
				if s.broken {
					all = append(all, s.Session)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b history.Session) int { return compareKeys(a.SessionKey, b.SessionKey) })
	return all
}

func compareKeys(a, b history.SessionKey) int {
	return cmp.Or(cmp.Compare(a.RoomID, b.RoomID), bytes.Compare(a.UUID[:], b.UUID[:]), bytes.Compare(a.Session[:], b.Session[:]))
}

func (m *modelStore) windows(users []talk.UUID) (all []history.Window) {
	for _, r := range m.rooms {
		for _, w := range r.members {
			for _, s := range w.sessions {
				if slices.Contains(users, w.uuid) {
					all = append(all, history.Window{Session: s.Session, Entered: s.entered, Name: w.name})
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b history.Window) int {
		return cmp.Or(bytes.Compare(a.UUID[:], b.UUID[:]), compareKeys(a.SessionKey, b.SessionKey))
	})
	return all
}
