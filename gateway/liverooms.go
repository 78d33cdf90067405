package gateway

import (
	"tuitalk/fanout"
	"tuitalk/gateway/commit"
	"tuitalk/history"
	"tuitalk/talk"
)

// liveRooms are the rooms as package commit sees them.
type liveRooms struct{ srv *Server }

var (
	_ commit.Rooms = liveRooms{}
	_ commit.Room  = (*room)(nil)
	_ commit.Store = storeHealth{}
)

// storeHealth is what package commit knows of the store's.
type storeHealth struct{ *health }

func (h storeHealth) Up() bool       { return h.storeUp() }
func (h storeHealth) Outages() int64 { return h.storeOutages() }
func (h storeHealth) Note(err error) { h.store(err) }

func (l liveRooms) Get(id int32) commit.Room {
	if r := l.srv.rooms.get(id); r != nil {
		return r
	}
	return nil
}

func (l liveRooms) List() []commit.Room {
	rooms := l.srv.rooms.list()
	list := make([]commit.Room, len(rooms))
	for i, r := range rooms {
		list[i] = r
	}
	return list
}

func (l liveRooms) Place(room int32, entries []talk.Entry) { l.srv.placeAndPublish(room, entries) }

func (l liveRooms) ShowAccepted(room int32, entries []talk.Entry) {
	behind := l.srv.lastAccepted(room)
	l.srv.showPending(room, entries, true, talk.UUID{})
	l.srv.publishNote(&fanout.Note{Room: room, Entries: entries, Behind: behind})
}

func (l liveRooms) Withdraw(room int32, gone []fanout.Gone) { l.srv.withdraw(room, gone) }

// Replayed shows what was stored, with its seq, and tells its authors, who may
// be past it since long. What the store refuses for good is withdrawn.
func (l liveRooms) Replayed(entries []talk.Entry, results []history.Result) {
	s := l.srv
	byRoom, gone, stored := map[int32][]talk.Entry{}, map[int32][]fanout.Gone{}, map[int32][]fanout.Stored{}
	for i, r := range results {
		e := entries[i]
		e.Seq, e.UnixTime = r.Seq, r.UnixTime
		switch {
		case r.Err != nil:
			s.log.Error("the store refuses an entry that was accepted", "room", e.RoomID, "err", r.Err)
			gone[e.RoomID] = append(gone[e.RoomID], fanout.Gone{Author: e.Author, ID: e.ID})
			// before the withdrawal: else the author sends it once more
			if room := s.rooms.get(e.RoomID); room != nil {
				s.notifyAuthor(room, e.Author, ackRefused, talk.Error{Code: talk.CodeRefused, Message: "this message cannot be stored", ID: e.ID})
			}
		case r.Repeat:
			if room := s.rooms.get(e.RoomID); room != nil {
				room.observeHead(r.Seq)
			}
			// another drain may have shown it, or nobody for long
			stored[e.RoomID] = append(stored[e.RoomID], fanout.Stored{Author: e.Author, ID: e.ID, Seq: r.Seq})
		default:
			byRoom[e.RoomID] = append(byRoom[e.RoomID], e)
		}
	}
	for room, list := range byRoom {
		s.placeAndPublish(room, list)
	}
	for room, list := range gone {
		s.withdraw(room, list)
		s.publishNote(&fanout.Note{Room: room, Gone: list})
	}
	for room, list := range stored {
		s.publishNote(&fanout.Note{Room: room, Stored: list})
	}
	for i, r := range results {
		if e := &entries[i]; r.Err == nil {
			s.ackStoredLater(e.RoomID, fanout.Stored{Author: e.Author, ID: e.ID, Seq: r.Seq})
		}
	}
}

// ackStoredLater tells the author that an entry is stored, and forgets that it is pending:
// in this order, since he would say again what is taken off the screens.
func (s *Server) ackStoredLater(room int32, e fanout.Stored) {
	if r := s.rooms.get(room); r != nil {
		s.notifyAuthor(r, e.Author, ackStoredLater, talk.Stored{RoomID: room, ID: e.ID, Seq: e.Seq})
		r.locked(func() { r.markStored(e.Author, e.ID, e.Seq) })
	}
}

// onStored takes what another node has found in the spool and in the store.
func (s *Server) onStored(r *room, list []fanout.Stored) {
	for _, e := range list {
		r.observeHead(e.Seq)
		s.ackStoredLater(r.id, e)
	}
}

// notifyAuthor tells the windows of an author that are here what has become of an
// entry that waited.
func (s *Server) notifyAuthor(r *room, author talk.UUID, kind ackKind, m talk.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.members {
		if c.membership.uuid != author {
			continue
		}
		if refusal, ok := m.(talk.Error); ok && !c.membership.form.IsExtended() {
			c.answerIn(c.membership.form, talk.Error{Code: refusal.Code, Message: refusal.Message}) // there are no ids
		} else if c.membership.form.IsExtended() && c.answerIn(c.membership.form, m) {
			s.metrics.acked(kind)
		}
	}
}
