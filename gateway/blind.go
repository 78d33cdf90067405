package gateway

import (
	"context"
	"errors"

	"tuitalk/history"
	"tuitalk/talk"
)

// A room that is opened while the store is away is blind: its head is what the
// first joiner says to have, its roster is not known, and what the joiners have
// is checked by nobody. New entries are pending ones, which need none of that.
// When the store is back, the room is read, and its doubtful members are asked to
// join again, by which they are checked.

// canOpenBlind tells whether a room that could not be read may be opened all the
// same.
func (s *Server) canOpenBlind(err error, after int64) bool {
	away := errors.Is(err, history.ErrUnavailable) || errors.Is(err, errDown) || errors.Is(err, context.DeadlineExceeded)
	return s.spooler != nil && after > 0 && away
}

// openBlind begins the room behind after.
func (r *room) openBlind(after int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blind = true
	r.head, r.known = after, max(r.known, after)
}

// lookAgain reads the rooms that were opened without the store, now that it is
// back, and has doubtful members join again.
func (s *Server) lookAgain() {
	for _, r := range s.rooms.list() {
		r.mu.Lock()
		blind := r.open && r.blind
		r.mu.Unlock()
		if blind && !s.openEyes(r) {
			continue // it is away again: at the next time
		}
		for _, c := range r.doubtful() {
			c.askToMove(talk.Reconnect{WithinMS: uint32(s.opts.DrainWait.Milliseconds() / 2)})
		}
	}
}

// openEyes reads a blind room.
func (s *Server) openEyes(r *room) bool {
	state, entries, err := s.readState(context.Background(), r.id)
	if err != nil {
		s.log.Warn("a room that was opened without the store cannot be read yet", "room", r.id, "err", err)
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blind = false
	if r.head > state.HeadSeq || state.HeadSeq-r.head > int64(s.opts.RecentCount) {
		r.begin(state, entries) // what the joiner said was wrong, or long ago
	} else {
		r.roster = roster{members: state.Members, count: state.Count}
		r.known = max(r.known, state.HeadSeq)
	}
	if r.closeGap() {
		s.noteHole(r)
	}
	return true
}

// doubtful returns the members whom nobody has checked, once.
func (r *room) doubtful() (list []*conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.members {
		if c.seat.doubtful {
			c.seat.doubtful = false
			list = append(list, c)
		}
	}
	return list
}
