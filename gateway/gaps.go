package gateway

import (
	"context"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// gapWait is how long an entry may be late before the store is asked.
const gapWait = 20 * time.Millisecond

// fillPage is how many entries one query for a gap reads.
const fillPage = 500

// noteGap plans a look into the store for a room in which something is missing.
func (s *Server) noteGap(r *room) {
	s.timers.After(gapWait, func() { s.scheduleFill(r) })
}

// scheduleFill has the gap filled, unless it closed by itself, or nothing may be placed:
// who ends the doubt comes back. One query for all members, one at a time for each
// room.
func (s *Server) scheduleFill(r *room) {
	start := false
	r.locked(func() {
		start = r.state.isOpen() && r.state != roomHeadless && r.storeHead > r.head && !r.filling && !r.storeDoubt.holds
		r.filling = r.filling || start
	})
	if start {
		s.submitFill(r)
	}
}

// submitFill hands the next step to a worker. It owns r.filling from then on.
func (s *Server) submitFill(r *room) {
	run := func(ctx context.Context) { s.fillGap(ctx, r) }
	if !s.work.live.Submit(run, func(error) { s.retryFill(r) }) {
		s.retryFill(r)
	}
}

// retryFill gives up for now and comes back.
func (s *Server) retryFill(r *room) {
	r.locked(func() { r.filling = false })
	s.timers.After(catchUpRetry, func() { s.scheduleFill(r) })
}

// fillGap reads one page of what is missing; the next one waits for its turn.
func (s *Server) fillGap(ctx context.Context, r *room) {
	var has history.Head
	done, resets := false, 0
	r.locked(func() {
		done = r.storeHead <= r.head || !r.state.isOpen()
		if done {
			r.aheadAt = 0
		}
		done = done || r.storeDoubt.holds // nothing would be placed; confirm goes on
		r.filling = !done
		has, _ = r.recent.entryAt(r.head)
		has.Seq = r.head
		resets = r.resets
	})
	if done {
		return
	}
	entries, goesOn, err := s.readBehind(ctx, r.id, has, fillPage)
	switch {
	case err == nil && !goesOn:
		r.locked(func() { r.filling = false }) // goes on when the doubt is over
		s.doubtStore(r, has, resets, true)
		return
	case err != nil:
		s.log.Warn("a gap could not be filled yet", "room", r.id, "err", err)
		s.retryFill(r)
		return
	case len(entries) == 0:
		s.metrics.phantoms.Inc()
		s.log.Error("an entry was announced that the store does not have", "room", r.id, "head", has.Seq)
		r.locked(func() {
			r.storeHead = r.head
			clear(r.ahead)
		})
	default:
		s.metrics.holesFilled.Add(float64(len(entries)))
		r.placeEntries(entries)
	}
	s.submitFill(r)
}

// readBehind reads a page of what the store has behind an entry. goesOn: it has that
// entry, too, or the entry's id is not known.
func (s *Server) readBehind(ctx context.Context, room int32, e history.Head, page int) (entries []talk.Entry, goesOn bool, err error) {
	if e.ID.IsZero() {
		entries, err = s.history.After(ctx, room, e.Seq, page)
		return entries, true, err
	}
	entries, err = s.history.After(ctx, room, e.Seq-1, page+1)
	if err != nil || len(entries) == 0 || !e.StillIs(history.HeadOf(&entries[0])) {
		return nil, false, err
	}
	return entries[1:], true, nil
}

// compareSuspect asks the store for the head of a room of which notes may be missing, and
// whether what was placed before is still there: of a log that begins anew since the
// store went back, those may be all but the one that is next here, with which both heads
// would be the same. If it cannot be done now, the sweep compares the heads.
func (s *Server) compareSuspect(r *room) {
	placed, resets := r.placedHead()
	s.work.live.Submit(func(ctx context.Context) {
		s.compareHeads(ctx, []*room{r})
		if placed.Seq == 0 {
			return
		}
		stored, ok, err := s.history.EntryAt(ctx, r.id, placed.Seq)
		if err == nil && (!ok || !placed.StillIs(stored)) {
			s.doubtStore(r, placed, resets, false)
		}
	}, inNextRound)
}

// compareHeads asks the store for the heads of rooms, by one query, so that a
// lost last entry is found too, and a store that has gone back.
func (s *Server) compareHeads(ctx context.Context, list []*room) {
	if !s.health.storeUp() || !s.comparing.CompareAndSwap(false, true) {
		return // the next comparison does it
	}
	defer s.comparing.Store(false)
	ids, placed, resets := make([]int32, len(list)), make([]int64, len(list)), make([]int, len(list))
	for i, r := range list {
		ids[i] = r.id
		placed[i], resets[i] = r.placedSeq() // before the store is asked: it must have that
	}
	heads, err := s.history.Heads(ctx, ids)
	if err != nil {
		s.metrics.heads.WithLabelValues(string(headFailed)).Add(float64(len(list)))
		s.log.Warn("heads could not be compared", "rooms", len(list), "err", err)
		return
	}
	behind, entries := 0, int64(0)
	for i, r := range list {
		if missed := r.lag(heads[i].Seq); missed > 0 {
			behind++
			entries += missed
		}
		if at := r.contradiction(placed[i], heads[i]); at > 0 {
			s.doubtStore(r, history.Head{Seq: at}, resets[i], true)
		}
		r.observeHead(heads[i].Seq)
	}
	s.metrics.compared(len(list), behind, entries)
}
