package checker

// A store can be set back to an older state of its own (a backup, a snapshot). What
// was stored after that state is gone by nature, and nobody is to blame for it: the
// one who set it back records what that is (Taken). Such an entry may have been shown
// and called stored. But a client that shows one has to begin anew: what it shows at
// the end is the log that the store has then.

// Taken: Entry was in the store until the store was set back to before it. It is an
// event of no client.
const Taken Verb = 70

// taken are the entries of a room that the store had before it went back.
type taken map[takenName]Entry

// takenName: the store may have given the entry another seq since.
type takenName struct {
	entryName
	seq int64
}

// take notes an entry that the store has no longer.
func (c *check) take(e *Entry, at int64) {
	r := c.room(e.Room)
	if r.taken == nil {
		r.taken, r.takenNames, r.takenFrom = taken{}, map[entryName]bool{}, e.Seq
	}
	r.takenFrom, r.takenAt = min(r.takenFrom, e.Seq), max(r.takenAt, at)
	r.taken[takenName{nameOf(e), e.Seq}] = *e
	r.takenNames[nameOf(e)] = true
}

// had tells whether an entry is as the store had it.
func (t taken) had(e *Entry) bool {
	was, ok := t[takenName{nameOf(e), e.Seq}]
	return ok && was == *e
}

// noticedWithin is how long after the store has gone back people may still be let into the
// log that is gone, in microseconds: the store has to start, and each gateway to look.
const noticedWithin = 30_000_000

// mayBeTaken tells whether a view that began behind seq at that time may have begun in
// the log that is gone: it begins anew in the other one, wherever that is by then.
func (r *room) mayBeTaken(seq, at int64) bool {
	return len(r.taken) > 0 && seq >= r.takenFrom && at <= r.takenAt+noticedWithin
}

// wentBack tells of a room whose seqs have not meant the same all the time: what was said of
// it as of some seq, or without one, cannot be held against its log.
func (r *room) wentBack() bool { return len(r.taken) > 0 }

// outdated notes that a client shows what the store has no longer.
func (s *seat) outdated(p place) {
	if !s.stale {
		s.stale, s.staleAt = true, p
	}
}

// judgeStale finds a client that was never shown the log that the store went back to.
func (c *check) judgeStale(s *seat) {
	if !s.stale {
		return
	}
	e := c.entry(s.staleAt)
	c.find(Phantom, s.staleAt, *e, "%s goes on to show entry %d of room %d to the end, although the store went back to before it", s.label, e.Seq, e.Room)
}
