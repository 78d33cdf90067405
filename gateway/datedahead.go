package gateway

import (
	"fmt"
	"sync"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

const (
	// aheadShown is for how long it is shown that a room's entries are of later
	// than now, after the last one.
	aheadShown = 10 * time.Minute
	// aheadEvery is how often it is logged.
	aheadEvery = time.Minute
)

// datedAhead tells the operator of rooms whose new entries are of later than now:
// the store's clock is ahead, or was once.
type datedAhead struct {
	mu       sync.Mutex
	sentence string
	seen     time.Time // the last one; zero: none
	logged   time.Time
}

// noteDates looks at entries of one room, in order.
func (s *Server) noteDates(entries []talk.Entry, now time.Time) {
	if len(entries) == 0 {
		return
	}
	newest := &entries[len(entries)-1]
	if newest.UnixTime <= uint64(now.Add(history.MaxAhead).Unix()) {
		return
	}
	s.metrics.datedAhead.Add(float64(len(entries)))
	if sentence := s.dates.note(newest, now); sentence != "" {
		s.log.Warn(sentence)
	}
}

// note returns what is to be logged, if it is time again.
func (d *datedAhead) note(e *talk.Entry, now time.Time) (log string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = now
	d.sentence = fmt.Sprintf("the newest entry of room %d is of %s: the store's clock is ahead, or was; set it right, then mend the room (tuitalk-gateway -mend-room %d)",
		e.RoomID, time.Unix(int64(min(e.UnixTime, 1<<40)), 0).UTC().Format(time.RFC3339), e.RoomID)
	if now.Sub(d.logged) < aheadEvery {
		return ""
	}
	d.logged = now
	return d.sentence
}

// lately returns the last such sentence if it is not old.
func (d *datedAhead) lately(now time.Time) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen.IsZero() || now.Sub(d.seen) > aheadShown {
		return nil
	}
	return []string{d.sentence}
}
