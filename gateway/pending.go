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
		if s.spooler != nil {
			s.spooler.shown.heard.Add(1) // behind it, for who looks now
		}
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
		s.metrics.withdrawn.Inc()
		r.tell(p)
	}
}

// rescuePending stores what rooms here show as pending since before old although
// the store is there and the spool was drained after that: a Redis node may have
// lost it. A repeat is harmless. It tells whether nothing at all is pending.
func (s *Server) rescuePending(ctx context.Context, old int64) (none bool) {
	none = true
	for _, r := range s.rooms.list() {
		r.mu.Lock()
		waiting := len(r.pending)
		r.mu.Unlock()
		if waiting == 0 {
			continue
		}
		none = false
		if err := s.storeAll(ctx, r.pendingSince(old)); err != nil {
			s.log.Warn("pending entries could not be stored yet", "room", r.id, "err", err)
			return false
		}
	}
	return none
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

// stillPending returns those of entries that were not settled meanwhile.
func (r *room) stillPending(entries []talk.Entry) (still []talk.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range entries {
		if r.isPending(entries[i].Author, entries[i].ID) {
			still = append(still, entries[i])
		}
	}
	return still
}

// storeAll stores pending entries without the spool.
func (s *Server) storeAll(ctx context.Context, entries []talk.Entry) error {
	for len(entries) > 0 {
		n := min(len(entries), drainPage)
		results, err := s.appendPage(ctx, entries[:n])
		if err != nil {
			return err
		}
		s.metrics.rescued.Add(float64(fresh(results)))
		s.showDrained(entries[:n], results)
		entries = entries[n:]
	}
	return nil
}

func (s *Server) pendingEntries() float64 {
	n := 0
	for _, r := range s.rooms.list() {
		r.mu.Lock()
		n += len(r.pending)
		r.mu.Unlock()
	}
	return float64(n)
}
