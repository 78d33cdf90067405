package gateway

import (
	"context"
	"errors"

	"tuitalk/history"
	"tuitalk/talk"
)

// logMatch says whether what a client has is a room's log up to AfterSeq.
type logMatch uint8

const (
	logDiffers  logMatch = iota // or the client has none
	logMatches                  // it can go on
	logDoubtful                 // the store, which would know, is away
)

// compareLogs finds out whether the client can go on behind AfterSeq.
func (s *Server) compareLogs(ctx context.Context, r *room, m talk.JoinRoom) (logMatch, error) {
	if !m.Resume || m.AfterSeq < 0 {
		return logDiffers, nil
	}
	if m.AfterSeq == 0 {
		return logMatches, nil
	}
	shown := lastOf(&m)
	var kept history.Head
	r.locked(func() { kept, _ = r.recent.entryAt(m.AfterSeq) })
	switch {
	case shown.StillIs(kept):
	case kept.Seq == shown.Seq && kept.ID != shown.ID:
		return logDiffers, nil
	case s.commit.HasSpool() && !s.health.storeUp():
		return logDoubtful, nil
	default: // not kept, or kept of a later time: it was stored again, or its room was mended since it was read
		stored, ok, err := s.history.EntryAt(ctx, m.RoomID, m.AfterSeq)
		if err != nil {
			return s.unverifiedMatch(err)
		}
		if !ok || !shown.StillIs(stored) {
			return logDiffers, nil
		}
	}
	if err := s.awaitPlaced(ctx, r, m.AfterSeq); err != nil {
		return s.unverifiedMatch(err)
	}
	return logMatches, nil
}

// lastOf names the last entry that a client says to have of a room.
func lastOf(m *talk.JoinRoom) history.Head {
	return history.Head{Seq: m.AfterSeq, ID: m.AfterID, UnixTime: m.AfterTime}
}

// errNotPlaced: the store may have gone back, and until somebody has looked nothing is
// placed in the room.
var errNotPlaced = errors.New("the room does not take what the store has")

// unverifiedMatch is the match when nobody can tell now.
func (s *Server) unverifiedMatch(err error) (logMatch, error) {
	if s.commit.HasSpool() {
		return logDoubtful, nil
	}
	return logDiffers, err
}

// awaitPlaced brings a room to where a client is whose log matches, so that the list of
// members that it is told is not older than its entries.
func (s *Server) awaitPlaced(ctx context.Context, r *room, seq int64) error {
	for {
		head, headless := r.headSeq()
		if head >= seq || headless {
			return nil
		}
		entries, err := s.history.After(ctx, r.id, head, fillPage)
		if err != nil || len(entries) == 0 {
			return err
		}
		r.placeEntries(entries)
		if now, _ := r.headSeq(); now == head {
			return errNotPlaced
		}
		s.metrics.holesFilled.Add(float64(len(entries)))
	}
}
