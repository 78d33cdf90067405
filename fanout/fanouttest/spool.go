package fanouttest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"tuitalk/fanout"
	"tuitalk/talk"
)

// Spool is a fanout.Spool in memory, for tests of who uses one. It passes
// RunSpool.
type Spool struct {
	mu      sync.Mutex
	cap     int
	lone    bool  // no replica confirms
	down    error // every call fails with it
	last    int
	streams [spoolPartitions][]fanout.Spooled
}

const spoolPartitions = 4

var _ fanout.Spool = (*Spool)(nil)

// NewSpool returns an empty spool that takes so many entries a partition.
func NewSpool(cap int) *Spool { return &Spool{cap: cap} }

// Snapshot is a copy of what waits in it.
func (s *Spool) Snapshot() *Spool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := NewSpool(s.cap)
	for i := range s.streams {
		c.streams[i] = slices.Clone(s.streams[i])
	}
	return c
}

// Restore sets it back to a copy that was taken of it: what was added since is lost, and
// what was removed since is there again.
func (s *Spool) Restore(to *Spool) {
	c := to.Snapshot()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams = c.streams
}

// SetReplicated says whether replicas confirm what is added from now on.
func (s *Spool) SetReplicated(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lone = !yes
}

// SetDown makes every call fail with err; nil ends it.
func (s *Spool) SetDown(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

// Add implements fanout.Spool.
func (s *Spool) Add(_ context.Context, entries []talk.Entry, behind ...talk.Entry) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	holed := map[int32]bool{} // rooms in which something is missing in front of the next entry
	for i := range behind {
		holed[behind[i].RoomID] = holed[behind[i].RoomID] || !s.has(&behind[i])
	}
	results := make([]error, len(entries))
	for i, e := range entries {
		results[i] = s.add(e, !holed[e.RoomID])
		holed[e.RoomID] = holed[e.RoomID] || !s.has(&e)
	}
	return results
}

func (s *Spool) has(e *talk.Entry) bool {
	return slices.ContainsFunc(s.streams[s.Partition(e.RoomID)], func(o fanout.Spooled) bool {
		return o.Entry.RoomID == e.RoomID && o.Entry.Author == e.Author && o.Entry.ID == e.ID
	})
}

// add adds one entry; follows: all that it shall stand behind is there.
func (s *Spool) add(e talk.Entry, follows bool) error {
	if s.down != nil {
		return s.down
	}
	stream := &s.streams[s.Partition(e.RoomID)]
	if !s.has(&e) {
		switch {
		case len(*stream) >= s.cap:
			return fanout.ErrSpoolFull
		case !follows:
			return fanout.ErrSpoolLost
		}
		s.last++
		e.Seq, e.Pending = 0, true
		*stream = append(*stream, fanout.Spooled{ID: fanout.SpoolID(fmt.Sprintf("%010d", s.last)), Entry: e})
	}
	if s.lone {
		return fanout.ErrNotReplicated
	}
	return nil
}

// Partitions implements fanout.Spool.
func (s *Spool) Partitions() int { return spoolPartitions }

// Partition implements fanout.Spool.
func (s *Spool) Partition(room int32) int { return int(uint32(room) % spoolPartitions) }

// Working implements fanout.Spool.
func (s *Spool) Working() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down == nil && s.lone {
		return fanout.ErrNotReplicated
	}
	return s.down
}

// Depths implements fanout.Spool.
func (s *Spool) Depths(context.Context) ([]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	depths := make([]int64, spoolPartitions)
	for i := range depths {
		depths[i] = int64(len(s.streams[i]))
		if s.down != nil {
			depths[i] = -1
		}
	}
	return depths, s.down
}

// Read implements fanout.Spool.
func (s *Spool) Read(_ context.Context, partition int, after fanout.SpoolID, limit int) ([]fanout.Spooled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return nil, s.down
	}
	var found []fanout.Spooled
	for _, e := range s.streams[partition] {
		if e.ID > after && len(found) < limit {
			found = append(found, e)
		}
	}
	return found, nil
}

// Remove implements fanout.Spool.
func (s *Spool) Remove(_ context.Context, partition int, ids ...fanout.SpoolID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return s.down
	}
	s.streams[partition] = slices.DeleteFunc(s.streams[partition], func(e fanout.Spooled) bool { return slices.Contains(ids, e.ID) })
	return nil
}
