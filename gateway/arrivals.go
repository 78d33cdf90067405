package gateway

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"sync"
	"time"

	"tuitalk/gateway/commit"
	"tuitalk/history"
	"tuitalk/talk"
)

// A session is in one room, and a name is a person's, also where no note between the
// nodes comes through: the store knows all windows of a person. So the lease manager looks,
// once for each that has come and for each rename, where else the person is. Where
// the same session is still in another room, it is taken out of it; the node that has
// its connection there finds it gone, and the newer one, and closes that as
// superseded. Who comes takes the name by which he is known elsewhere, unless he chose
// one himself; and a rename is written in all rooms of its user.

// enterID makes the id of an Enter. It says when the connection came (version 7), by
// the clock of its gateway: epochs tell which of two Enters of a session is the newer
// one in the same room only. The rest is random, and nobody can compute it.
func enterID(at time.Time) talk.UUID {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(at.UnixMilli())<<16)
	return enterIDOf(talk.MakeUUID(7, b))
}

// enterIDOf makes another id for the same connection.
func enterIDOf(entered talk.UUID) talk.UUID {
	b := [16]byte(newUUID())
	copy(b[:6], entered[:6])
	return talk.MakeUUID(7, b)
}

// enteredBefore tells whether one connection came before another, by their ids. An
// older version's ids tell no time, and are older.
func enteredBefore(a, b talk.UUID) bool { return enteredAt(a) < enteredAt(b) }

func enteredAt(id talk.UUID) uint64 {
	if id.Version() != 7 {
		return 0
	}
	return binary.BigEndian.Uint64(id[:]) >> 16
}

// arrivals are connections that have come to a room, each once, until the lease manager has
// looked where else their users are, or they are gone: so there are never more than
// connections, however long the store does not say.
type arrivals struct {
	mu  sync.Mutex
	set map[*conn]struct{}
}

func (a *arrivals) add(c *conn) {
	c.locked(func(u *user) {
		if u.async == asyncClosed || !u.uuid.Proven() {
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.set == nil {
			a.set = map[*conn]struct{}{}
		}
		a.set[c] = struct{}{}
	})
}

// take takes at most n of them. Who comes to a room again meanwhile is there again.
func (a *arrivals) take(n int) (page []*conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.set {
		if len(page) == n {
			break
		}
		page = append(page, c)
		delete(a.set, c)
	}
	return page
}

func (a *arrivals) remove(c *conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.set, c)
}

// maxRenames bounds the users whose renames wait for the lease manager; the others have the
// notes between the nodes.
const maxRenames = 10_000

// renames are the newest names of users that are to be told in all of their rooms.
type renames struct {
	mu sync.Mutex
	of map[talk.UUID]renamed
}

type renamed struct {
	name string
	room int32  // where it was stored
	at   uint64 // and when, in Unix seconds
}

// add notes a rename, unless a newer one of the user is noted. newest: so it did not.
func (r *renames) add(user talk.UUID, n renamed) (newest bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if noted, known := r.of[user]; known && noted.at > n.at {
		return false
	}
	r.note(user, n)
	return true
}

// note has the lease manager tell a rename. Call with mu held.
func (r *renames) note(user talk.UUID, n renamed) {
	if r.of == nil {
		r.of = make(map[talk.UUID]renamed)
	}
	if _, known := r.of[user]; known || len(r.of) < maxRenames {
		r.of[user] = n
	}
}

func (r *renames) all() map[talk.UUID]renamed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.of)
}

// putBack notes a rename that was not done, unless a newer one is noted.
func (r *renames) putBack(user talk.UUID, n renamed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if noted, known := r.of[user]; !known || noted.at < n.at {
		r.note(user, n)
	}
}

// remove takes those away that are as they were.
func (r *renames) remove(done map[talk.UUID]renamed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.of, func(user talk.UUID, now renamed) bool { return done[user] == now })
}

// syncNames looks where else those are who have come, and in which rooms others were
// renamed.
func (k *leaseManager) syncNames(ctx context.Context) error {
	s := k.srv
	if names := s.renames.all(); len(names) > 0 {
		for page := range slices.Chunk(slices.Collect(maps.Keys(names)), maxLookUp) {
			windows, err := s.presence.Windows(ctx, page)
			if err != nil {
				return err
			}
			due := make(map[talk.UUID]renamed, len(page))
			for _, user := range page {
				due[user] = names[user]
			}
			s.renames.remove(due) // first: what turns out not to be done is put back
			s.renameEverywhere(due, windows)
		}
	}
	for {
		page := s.arrivals.take(maxLookUp)
		if len(page) == 0 {
			return nil
		}
		if err := s.findOtherSessions(ctx, page); err != nil {
			for _, c := range page {
				s.arrivals.add(c)
			}
			return err
		}
	}
}

// renameEverywhere has the store write new names in the rooms that do not know them. One
// that the room where it was stored knows no longer is not the newest; nor is one that
// was stored before a window came elsewhere, which came by a newer one or has been looked
// after since (findOtherSessions). An outage may lie between a rename and this.
func (s *Server) renameEverywhere(names map[talk.UUID]renamed, windows []history.Window) {
	outdated := map[talk.UUID]bool{}
	for _, w := range windows {
		if n := names[w.UUID]; w.RoomID == n.room && w.Name != n.name {
			outdated[w.UUID] = true
		}
	}
	last := history.SessionKey{}
	for _, w := range windows {
		n := names[w.UUID]
		again := w.UUID == last.UUID && w.RoomID == last.RoomID
		last = w.SessionKey
		came := enteredAt(w.Entered) / 1000
		if again || outdated[w.UUID] || w.RoomID == n.room || w.Name == n.name || came > n.at+clockSkew {
			continue
		}
		user := w.UUID
		s.moveElsewhere(history.Move{
			Action: history.Rename, Key: w.SessionKey, Epoch: w.Epoch, Name: n.name, EntryID: newUUID(), Quiet: talk.MaxListed,
		}, func(a history.Moved) {
			if a.Err == nil && !a.Applied { // the session has another epoch since, or has ended
				s.renames.putBack(user, n)
			}
		})
	}
}

// moveElsewhere is a move of a session that may be on another node, in a room that
// may be open here or not.
func (s *Server) moveElsewhere(m history.Move, answered func(history.Moved)) {
	s.commit.Move(commit.Move{Move: m, Done: func(a history.Moved) {
		s.publishLeft(m.Key.RoomID, a)
		answered(a)
	}})
}

func (s *Server) findOtherSessions(ctx context.Context, arrived []*conn) error {
	users := make([]talk.UUID, len(arrived))
	for i, c := range arrived {
		c.locked(func(u *user) { users[i] = u.uuid })
	}
	windows, err := s.presence.Windows(ctx, users)
	if err != nil {
		return err
	}
	of := make(map[talk.UUID][]history.Window, len(users))
	for _, w := range windows {
		of[w.UUID] = append(of[w.UUID], w)
	}
	for i, c := range arrived {
		s.resolveArrival(c, of[users[i]])
	}
	return nil
}

// resolveArrival ends what the session was before, and takes the name that its user
// has elsewhere, as of the window that came last.
func (s *Server) resolveArrival(c *conn, windows []history.Window) {
	var former []history.Window
	c.locked(func(u *user) {
		if u.place == placeNowhere || u.place == placeProvisional {
			return
		}
		var known history.Window
		for _, w := range windows {
			switch {
			case w.RoomID == u.room.id:
			case w.SessionKey.Session == u.session:
				if enteredBefore(w.Entered, u.entered) {
					former = append(former, w)
				}
			case enteredBefore(known.Entered, w.Entered) && enteredBefore(w.Entered, u.entered):
				known = w
			}
		}
		switch {
		case known.Name == "" || known.Name == u.name || u.wishedName != nil || u.renaming != nil:
		case u.place.isReregistering():
			u.place.on(placeNameFound) // until that is done; see renameHere
		default:
			u.name = known.Name
			c.announceName(u.room)
		}
	})
	for _, w := range former {
		s.moveElsewhere(history.Move{
			Action: history.Leave, Key: w.SessionKey, Epoch: w.Epoch, EntryID: w.LeaveID, Quiet: talk.MaxListed,
		}, func(history.Moved) {}) // who has another epoch since has come back there
	}
}

// compareGone ends the connections whose sessions are gone since they are newer in
// another room, and registers the others again.
func (s *Server) compareGone(ctx context.Context, gone []ownSession) error {
	if len(gone) == 0 {
		return nil
	}
	users := make([]talk.UUID, len(gone))
	for i := range gone {
		users[i] = gone[i].key.UUID
	}
	windows, err := s.presence.Windows(ctx, users)
	if err != nil {
		return err
	}
	for i := range gone {
		o := &gone[i]
		moved := slices.ContainsFunc(windows, func(w history.Window) bool {
			return sessionIDOf(w.SessionKey) == sessionIDOf(o.key) && w.RoomID != o.key.RoomID && enteredBefore(o.entered, w.Entered)
		})
		if !moved {
			o.compare(history.Session{SessionKey: o.key})
			continue
		}
		current := false
		o.conn.locked(func(u *user) { current = u.room != nil && u.room.id == o.key.RoomID && u.epoch == o.epoch })
		if current {
			o.conn.closeFor(reasonSuperseded)
		}
	}
	return nil
}
