package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"tuitalk/history"
	"tuitalk/talk"
)

// rooms are those that this node shows now.
type rooms struct {
	mu   sync.Mutex
	byID map[int32]*room
}

func (rs *rooms) get(id int32) *room {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.byID[id]
}

// list returns all of them.
func (rs *rooms) list() []*room {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	all := make([]*room, 0, len(rs.byID))
	for _, r := range rs.byID {
		all = append(all, r)
	}
	return all
}

// errAgain tells who waited for a room that it is gone: look it up anew.
var errAgain = errors.New("the room was closed")

// openRoom returns the room, subscribed and read. It waits for both. after is
// what the joiner has of it: while the store is away, the room goes on from there.
func (s *Server) openRoom(ctx context.Context, id int32, after int64) (*room, error) {
	for {
		s.rooms.mu.Lock()
		r := s.rooms.byID[id]
		opener := r == nil
		if opener {
			r = &room{id: id, srv: s}
			s.rooms.byID[id] = r
		}
		s.rooms.mu.Unlock()
		if opener {
			err := s.readRoom(ctx, r)
			if err != nil && s.canOpenBlind(err, after) {
				r.openBlind(after)
				err = nil
			}
			s.opened(r, err)
			return r, err
		}
		if err := r.await(); err != errAgain {
			return r, err
		}
	}
}

// await waits until somebody else has opened the room, or closed it.
func (r *room) await() error {
	r.mu.Lock()
	if r.open {
		r.emptyAt = 0 // the sweep marks it again if nobody sits down
		r.mu.Unlock()
		return nil
	}
	if r.dead {
		r.mu.Unlock()
		return errAgain
	}
	done := make(chan error, 1)
	r.waiting = append(r.waiting, done)
	r.mu.Unlock()
	return <-done
}

// readRoom subscribes, and then reads: an entry published in between arrives by
// the subscription and waits.
func (s *Server) readRoom(ctx context.Context, r *room) error {
	if err := s.bus.Subscribe(ctx, r.id); err != nil {
		return fmt.Errorf("subscribe to room %d: %w", r.id, err)
	}
	if s.spooler != nil {
		s.spooler.know(r.id) // what was spooled before, this node has not heard
	}
	if s.spooler != nil && !s.health.storeUp() {
		return errDown // known to be away: do not wait for it
	}
	state, entries, err := s.readState(ctx, r.id)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begin(state, entries)
	return nil
}

// readState reads a room's head and members, and its newest entries.
func (s *Server) readState(ctx context.Context, id int32) (history.Room, []talk.Entry, error) {
	state, err := s.store.Room(ctx, id, talk.MaxListed)
	if err != nil {
		return state, nil, fmt.Errorf("read room %d: %w", id, err)
	}
	entries, _, err := s.store.Before(ctx, id, state.HeadSeq+1, s.opts.RecentCount)
	if err != nil {
		return state, nil, fmt.Errorf("read the newest entries of room %d: %w", id, err)
	}
	return state, entries, nil
}

// begin sets what the room shows to what the store has. Call with mu held.
func (r *room) begin(state history.Room, entries []talk.Entry) {
	r.recent = recent{}
	for _, e := range entries {
		r.recent.add(&roomEntry{Entry: e}, r.srv.opts.RecentCount)
	}
	r.head, r.known = state.HeadSeq, max(r.known, state.HeadSeq)
	r.setRoster(state)
}

// setRoster sets who is in the room to what the store has, and what was placed
// since. Call with mu held.
func (r *room) setRoster(state history.Room) {
	r.roster = roster{members: state.Members, count: state.Count, asOf: state.HeadSeq}
	for i := range r.recent.list {
		r.roster.apply(&r.recent.at(i).Entry)
	}
}

// opened ends the opening, well or badly.
func (s *Server) opened(r *room, err error) {
	if err != nil {
		s.forget(s.ctx, r, err)
		return
	}
	r.mu.Lock()
	r.open = true
	waiting := r.waiting
	r.waiting = nil
	missing := r.closeGap()
	r.mu.Unlock()
	if missing {
		s.noteHole(r)
	}
	for _, w := range waiting {
		w <- nil
	}
}

// forget ends the subscription of a room that is not open, takes it off the list
// and tells who waits for it why. Until then a new opener waits, so that its
// subscription cannot be ended by this one.
func (s *Server) forget(ctx context.Context, r *room, why error) {
	if err := s.bus.Unsubscribe(ctx, r.id); err != nil {
		s.log.Warn("unsubscribe", "room", r.id, "err", err)
	}
	s.rooms.mu.Lock()
	delete(s.rooms.byID, r.id)
	s.rooms.mu.Unlock()
	r.mu.Lock()
	r.dead = true
	waiting := r.waiting
	r.waiting = nil
	r.mu.Unlock()
	for _, w := range waiting {
		w <- why
	}
}

// closeIdle closes a room that has been empty for long, and owes nothing: what it
// showed as pending it must be able to store.
func (s *Server) closeIdle(r *room, now int64) {
	r.mu.Lock()
	if r.emptyAt == 0 && len(r.members) == 0 {
		r.emptyAt = now
	}
	idle := r.open && len(r.members) == 0 && len(r.pending) == 0 && now-r.emptyAt > int64(s.opts.RoomLinger)
	if idle {
		r.open = false
	}
	r.mu.Unlock()
	if idle && !s.work.closing.submit(func(ctx context.Context) { s.forget(ctx, r, errAgain) }, func(error) { s.forget(s.ctx, r, errAgain) }) {
		r.mu.Lock()
		r.open = true // not now; nothing was missed, it is still subscribed
		r.mu.Unlock()
	}
}

// unseat takes c out of r.
func (s *Server) unseat(r *room, c *conn) {
	r.locked(func() { r.unseat(c) })
}
