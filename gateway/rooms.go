package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway/commit"
	"tuitalk/gateway/sched"
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

// errRoomClosed tells who waited for a room that it is gone: look it up anew.
var errRoomClosed = errors.New("the room was closed")

// take returns the room; a new one is yet to be opened.
func (rs *rooms) take(id int32, s *Server) *room {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.byID[id]
	if r == nil {
		r = &room{id: id, srv: s}
		rs.byID[id] = r
	}
	return r
}

func (rs *rooms) remove(r *room) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.byID[r.id] == r {
		delete(rs.byID, r.id)
	}
}

// maxOpeners is how many networks may have a turn for the opening of one room.
const maxOpeners = 16

// scheduleOpen has a new room opened for somebody of a network, unless that is under way.
// It is done in the turn of whichever network is first of those who wait for it: the
// one that asked first may have asked for a thousand rooms.
func (s *Server) scheduleOpen(r *room, network netip.Prefix, after int64) {
	queues := false
	r.locked(func() {
		queues = r.state == roomNew && len(r.openers) < maxOpeners && !slices.Contains(r.openers, network)
		if queues {
			r.openers = append(r.openers, network)
		}
	})
	if !queues {
		return
	}
	fail := func(why error) {
		last := false
		r.locked(func() {
			r.openers = slices.DeleteFunc(r.openers, func(p netip.Prefix) bool { return p == network })
			last = r.state == roomNew && len(r.openers) == 0 && r.on(roomRemoved) // nobody begins with it any more
		})
		if last {
			s.removeRoom(r, why)
		}
	}
	if !s.work.opening.SubmitFor(network, func(ctx context.Context) { s.openRoom(ctx, r, after) }, fail) {
		fail(sched.ErrTooLate)
	}
}

// openRoom reads a new room, and tells who waits for it how that went. after is
// what the joiner has of it: while the store is away, the room goes on from there.
func (s *Server) openRoom(ctx context.Context, r *room, after int64) {
	first := false
	r.locked(func() {
		first = r.on(roomBegun)
		r.openers = nil
	})
	if !first {
		return
	}
	opened, err := roomRead, sched.ErrPanicked
	defer func() { s.onOpened(context.WithoutCancel(ctx), r, opened, err) }()
	err = s.readRoom(ctx, r)
	if err != nil && s.canOpenUnverified(err) {
		opened, err = r.beginUnverified(after), nil
	}
}

// readRoom subscribes, and then reads: an entry published in between arrives by
// the subscription and waits.
func (s *Server) readRoom(ctx context.Context, r *room) error {
	if err := s.subscribe(ctx, r.id); err != nil {
		return fmt.Errorf("subscribe to room %d: %w", r.id, err)
	}
	s.commit.MarkDirty(r.id) // what was spooled before, this node has not heard
	if s.commit.HasSpool() && !s.health.storeUp() {
		return commit.ErrDown // known to be away: do not wait for it
	}
	state, entries, err := s.readState(ctx, r.id)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.load(state, entries)
	return nil
}

func (s *Server) subscribe(ctx context.Context, room int32) error {
	defer sched.OutsideCall(ctx)()
	return s.bus.Subscribe(ctx, room)
}

// readState reads a room's head and members, and its newest entries.
func (s *Server) readState(ctx context.Context, id int32) (history.Room, []talk.Entry, error) {
	state, err := s.history.Room(ctx, id, talk.MaxListed)
	if err != nil {
		return state, nil, fmt.Errorf("read room %d: %w", id, err)
	}
	entries, _, err := s.history.Before(ctx, id, state.HeadSeq+1, s.opts.RecentCount)
	if err != nil {
		return state, nil, fmt.Errorf("read the newest entries of room %d: %w", id, err)
	}
	return state, entries, nil
}

// onOpened ends the opening, well or badly.
func (s *Server) onOpened(ctx context.Context, r *room, opened roomEvent, err error) {
	if err != nil {
		s.closeSubscription(ctx, r, err)
		return
	}
	var waiting []*join
	missing := false
	r.locked(func() {
		r.on(opened)
		waiting = r.takeWaiting()
		missing = r.closeGap()
	})
	r.announceNames()
	if missing {
		s.noteGap(r)
	}
	for _, j := range waiting {
		j.onRoomOpen(nil)
	}
}

// unsubscribeTimeout bounds the end of a subscription. The bus goes on with it
// where it takes longer; an opener that comes then subscribes behind it.
const unsubscribeTimeout = time.Second

// closeSubscription ends the subscription of a room that is not open, takes it off the list
// and tells who waits for it why. Until then a new opener waits, so that its
// subscription cannot be ended by this one.
func (s *Server) closeSubscription(ctx context.Context, r *room, why error) {
	defer s.removeRoom(r, why)
	if r.id == fanout.FleetRoom {
		return // the subscription stays
	}
	ctx, cancel := context.WithTimeout(ctx, unsubscribeTimeout)
	defer cancel()
	defer sched.OutsideCall(ctx)()
	if err := s.bus.Unsubscribe(ctx, r.id); err != nil {
		s.log.Warn("unsubscribe", "room", r.id, "err", err)
	}
}

func (s *Server) removeRoom(r *room, why error) {
	s.rooms.remove(r)
	var waiting []*join
	r.locked(func() {
		r.on(roomRemoved)
		r.forgetRecent()
		waiting = r.takeWaiting()
	})
	for _, j := range waiting {
		j.onRoomOpen(why)
	}
}

// closeIdle lets a room be closed that has been empty for long, and owes nothing:
// what it showed as pending it must be able to store. It stays open until somebody
// begins with it, so that nobody waits for a room whose end is queued.
func (s *Server) closeIdle(r *room, now int64) {
	idle := false
	r.locked(func() {
		if r.emptyAt == 0 && len(r.members) == 0 {
			r.emptyAt = now
		}
		if idle = !r.closeQueued && r.idle(now); idle {
			r.closeQueued = true
		}
	})
	if !idle {
		return
	}
	stays := func(error) { r.locked(func() { r.closeQueued = false }) }
	if !s.work.closing.Submit(func(ctx context.Context) { s.closeRoom(ctx, r) }, stays) {
		stays(nil)
	}
}

// closeRoom closes a room that is still idle.
func (s *Server) closeRoom(ctx context.Context, r *room) {
	shut := false
	r.locked(func() {
		r.closeQueued = false
		shut = r.idle(s.clock.Coarse()) && r.on(roomIdled)
	})
	if shut {
		s.closeSubscription(ctx, r, errRoomClosed)
	}
}

// removeMember takes c out of r.
func (s *Server) removeMember(r *room, c *conn) {
	r.locked(func() { r.removeMember(c) })
}
