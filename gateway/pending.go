package gateway

import (
	"slices"

	"tuitalk/fanout"
	"tuitalk/gateway/commit"
	"tuitalk/talk"
)

// pendingEntry is an entry that is accepted, but not stored.
//
// Those that other nodes accepted may be a part only of what they did: notes get
// lost, and a room is opened in the middle. So they are stored only once the
// spool has been read to its end, behind what it has; and not at all where a note
// before them is missing (gap), which the spool may have lost, too: an author's
// later messages would be stored in front of his earlier ones. The node that took
// them stores all in order, or the author says them again. Those that this node
// accepted itself it has in the order of each author, who says all that is not
// stored again when he comes here from another node; they do not need the spool.
//
// Where the spool stays away, or does not have what is behind a gap, what others
// accepted is withdrawn in the end: see withdrawOthers.
type pendingEntry struct {
	roomEntry
	since int64 // coarse time
	own   int   // this node accepted it as the own-th of the room; 0: another one did
	gap   bool  // and this one has not heard of all that it accepted before
}

// showPending shows entries of the spool below the log. An entry that is stored
// already is not shown: a stored id beats a pending one, whichever comes first.
// own: this node has accepted them; else behind is what the other node had accepted
// before: see fanout.Note.
func (s *Server) showPending(room int32, entries []talk.Entry, own bool, behind talk.UUID) {
	r := s.rooms.get(room)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	gap := !r.knows(behind)
	for i := range entries {
		e := &entries[i]
		number := 0
		if own {
			r.accepted++
			number = r.accepted
		}
		if at := r.pendingAt(e.Author, e.ID); at >= 0 {
			r.heardAgain(at, number, gap, s.clock.Coarse())
			continue
		}
		if r.recent.seqOf(e.Author, e.ID) > 0 || !own && len(r.pending) >= commit.MaxPending {
			continue
		}
		r.pending = append(r.pending, pendingEntry{roomEntry{Entry: *e}, s.clock.Coarse(), number, gap})
		r.pendings.Store(int32(len(r.pending)))
		s.commit.MarkShown() // behind it, for who looks now
		r.broadcastPending(&r.pending[len(r.pending)-1].roomEntry)
	}
}

// knows tells whether the room has an entry of another node, and all in front of it; also
// if there is none. Call with mu held.
func (r *room) knows(id talk.UUID) bool {
	if id.IsZero() {
		return true
	}
	for i := range r.pending {
		if r.pending[i].ID == id {
			return !r.pending[i].gap
		}
	}
	return slices.ContainsFunc(r.recent.list, func(e *roomEntry) bool { return e.ID == id })
}

// lastAccepted is the id of the pending entry that this node accepted last in a room,
// zero for none.
func (s *Server) lastAccepted(room int32) (id talk.UUID) {
	r := s.rooms.get(room)
	if r == nil {
		return id
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	last := 0
	for i := range r.pending {
		if p := &r.pending[i]; p.own > last {
			last, id = p.own, p.ID
		}
	}
	return id
}

// heardAgain notes what is known now of a pending entry. It is stored behind what was said
// before it, which this node may have heard of only now. Call with mu held.
func (r *room) heardAgain(at, own int, gap bool, now int64) {
	p := r.pending[at]
	switch {
	case p.own > 0:
	case own > 0:
		r.pending[at].own, r.pending[at].since, r.pending[at].gap = own, now, false
	case p.gap && !gap:
		p.since, p.gap = now, false
		r.pending = append(slices.Delete(r.pending, at, at+1), p)
	}
}

// broadcastPending shows a pending entry to the members. Call with mu held.
func (r *room) broadcastPending(e *roomEntry) {
	for _, c := range r.members {
		if c.membership.form.IsExtended() {
			c.pushIfRoom(e.packet(c.membership.form))
		}
	}
}

// pendingAt is where a pending entry is, or -1. Call with mu held.
func (r *room) pendingAt(author, id talk.UUID) int {
	for i := range r.pending {
		if r.pending[i].ID == id && r.pending[i].Author == author {
			return i
		}
	}
	return -1
}

// isPending tells whether an entry is accepted and not yet stored, as far as this
// node knows. A poller asks it for each post: while nothing is pending, it does not
// wait for who shows an entry to thousands of members.
func (r *room) isPending(author, id talk.UUID) bool {
	if r.pendings.Load() == 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pendingAt(author, id) >= 0
}

// dropPending forgets a pending entry. Call with mu held.
func (r *room) dropPending(author, id talk.UUID) (was bool) {
	at := r.pendingAt(author, id)
	if at >= 0 {
		r.pending = slices.Delete(r.pending, at, at+1)
		r.pendings.Store(int32(len(r.pending)))
	}
	return at >= 0
}

// markStored forgets that an entry is pending, as the log has it as seq. Those who
// are shown the log behind it already, from memory or before they came, are not shown
// it again: they are told to take the pending one off. To the others it comes with its
// seq. Call with mu held.
func (r *room) markStored(author, id talk.UUID, seq int64) {
	if !r.dropPending(author, id) {
		return
	}
	r.broadcastTo(talk.Withdrawn{RoomID: r.id, UUID: author, ID: id}, func(s *membership) bool {
		return s.state == memberHeadless || s.cursor >= seq
	})
}

// seqOf is the seq of an entry that is among the recent ones, else 0.
func (r *recent) seqOf(author, id talk.UUID) int64 {
	for _, e := range r.list {
		if e.ID == id && e.Author == author {
			return e.Seq
		}
	}
	return 0
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
		if !r.dropPending(g.Author, g.ID) {
			continue
		}
		s.metrics.withdrawn.Inc()
		r.broadcast(talk.Withdrawn{RoomID: room, UUID: g.Author, ID: g.ID})
	}
}

// PendingSince returns the room's pending entries that are no younger, in the order in
// which they may be stored: what an author has said again here, this node may have heard
// of before, in part.
func (r *room) PendingSince(at int64) []talk.Entry {
	return r.pendingThat(func(e *pendingEntry) bool { return e.since <= at && !e.gap })
}

// OwnPending returns the room's pending entries that this node accepted, in the
// order in which it did.
func (r *room) OwnPending() []talk.Entry {
	return r.pendingThat(func(e *pendingEntry) bool { return e.own > 0 })
}

// pendingThat returns pending entries: first what this node accepted, in the order in
// which it did, then what others did, as it was heard.
func (r *room) pendingThat(is func(*pendingEntry) bool) (entries []talk.Entry) {
	var list []pendingEntry
	r.locked(func() {
		for i := range r.pending {
			if is(&r.pending[i]) {
				list = append(list, r.pending[i])
			}
		}
	})
	slices.SortStableFunc(list, func(a, b pendingEntry) int {
		if a.own == 0 || b.own == 0 {
			return b.own - a.own // who has a number comes first
		}
		return a.own - b.own
	})
	for i := range list {
		list[i].Pending = false
		entries = append(entries, list[i].Entry)
	}
	return entries
}

// FindLastOwn looks for them, and returns how many of the room's pending entries this
// node accepted, of whomever. It costs nothing but one look at each, as every batch of an
// outage asks it.
func (r *room) FindLastOwn(of commit.LastOwn) (count int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	highest := make(map[talk.UUID]int, len(of))
	for i := range r.pending {
		p := &r.pending[i]
		if p.own == 0 {
			continue
		}
		count++
		if _, asked := of[p.Author]; asked && p.own > highest[p.Author] {
			highest[p.Author] = p.own
			e := p.Entry
			e.Pending = false
			of[p.Author] = e
		}
	}
	return count
}

// OthersPending names the room's pending entries that other nodes accepted, and that
// are no younger: all, or those behind a gap.
func (r *room) OthersPending(at int64, all bool) (list []fanout.Gone) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.pending {
		if e := &r.pending[i]; e.own == 0 && e.since <= at && (all || e.gap) {
			list = append(list, fanout.Gone{Author: e.Author, ID: e.ID})
		}
	}
	return list
}

// StillPending returns those of entries that were not settled meanwhile.
func (r *room) StillPending(entries []talk.Entry) (still []talk.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range entries {
		if r.pendingAt(entries[i].Author, entries[i].ID) >= 0 {
			still = append(still, entries[i])
		}
	}
	return still
}

// PendingCount does not wait for mu.
func (r *room) PendingCount() int { return int(r.pendings.Load()) }

// ID is the room's number.
func (r *room) ID() int32 { return r.id }

// SeqOf is the seq of an entry that is among the recent ones, else 0.
func (r *room) SeqOf(author, id talk.UUID) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.recent.seqOf(author, id)
}

func (s *Server) pendingEntries() float64 {
	n := 0
	for _, r := range s.rooms.list() {
		n += r.PendingCount()
	}
	return float64(n)
}
