package gateway

import (
	"context"
	"time"

	"tuitalk/fanout"
	"tuitalk/talk"
)

// maxPending bounds the pending entries that a room keeps.
const maxPending = 2000

// rescueAfter is how long an entry may be shown as pending although the store is
// there and the spool was drained, before this node stores it itself.
const rescueAfter = 2 * time.Second

// pendingEntry is an entry that is accepted, but not stored.
type pendingEntry struct {
	talk.Entry
	since int64 // coarse time
}

// showPending shows entries of the spool below the log. An entry that is stored
// already is not shown: a stored id beats a pending one, whichever comes first.
func (s *Server) showPending(room int32, entries []talk.Entry) {
	r := s.rooms.get(room)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range entries {
		e := &entries[i]
		if r.isPending(e.Author, e.ID) || r.recent.has(e.Author, e.ID) || len(r.pending) >= maxPending {
			continue
		}
		r.pending = append(r.pending, pendingEntry{*e, s.clock.coarse()})
		r.tell(entryPacket(e, talk.Extended))
	}
}

func (r *room) isPending(author, id talk.UUID) bool {
	for i := range r.pending {
		if r.pending[i].ID == id && r.pending[i].Author == author {
			return true
		}
	}
	return false
}

// settlePending forgets a pending entry. Call with mu held.
func (r *room) settlePending(author, id talk.UUID) (was bool) {
	for i := range r.pending {
		if r.pending[i].ID == id && r.pending[i].Author == author {
			r.pending = append(r.pending[:i], r.pending[i+1:]...)
			return true
		}
	}
	return false
}

// has tells whether an entry is among the recent ones.
func (r *recent) has(author, id talk.UUID) bool {
	for _, e := range r.list {
		if e.ID == id && e.Author == author {
			return true
		}
	}
	return false
}

// withdraw takes pending entries back, visibly.
func (s *Server) withdraw(room int32, gone []fanout.Gone) {
	r := s.rooms.get(room)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range gone {
		if !r.settlePending(g.Author, g.ID) {
			continue
		}
		p, err := messagePacket(talk.Withdrawn{RoomID: room, UUID: g.Author, ID: g.ID}, talk.Extended)
		if err != nil {
			s.log.Error("cannot encode a withdrawal", "err", err)
			continue
		}
		r.tell(p)
	}
}

// rescuePending appends what this node has shown as pending and what is not
// stored although the store is there and the spool is drained: a Redis node may
// have lost it. A repeat is harmless.
func (s *Server) rescuePending(ctx context.Context) {
	old := s.clock.coarse() - int64(rescueAfter)
	for _, r := range s.rooms.list() {
		if err := s.storeAll(ctx, r.pendingSince(old)); err != nil {
			s.log.Warn("pending entries could not be stored yet", "room", r.id, "err", err)
			return
		}
	}
}

// storePending appends all that this node has shown as pending in a room.
func (s *Server) storePending(ctx context.Context, room int32) error {
	r := s.rooms.get(room)
	if r == nil {
		return nil
	}
	return s.storeAll(ctx, r.pendingSince(s.clock.coarse()))
}

// pendingSince returns the room's pending entries that are no younger.
func (r *room) pendingSince(at int64) (entries []talk.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.pending {
		if r.pending[i].since <= at {
			e := r.pending[i].Entry
			e.Pending = false
			entries = append(entries, e)
		}
	}
	return entries
}

func (s *Server) storeAll(ctx context.Context, entries []talk.Entry) error {
	for len(entries) > 0 {
		n := min(len(entries), drainPage)
		results, err := s.store.Append(ctx, entries[:n])
		s.health.store(err)
		if err != nil {
			return err
		}
		s.metrics.rescued.Add(float64(n))
		s.showDrained(entries[:n], results)
		entries = entries[n:]
	}
	return nil
}
