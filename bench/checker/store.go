package checker

import (
	"slices"
	"sort"

	"tuitalk/talk"
)

// room is what the store has of a room.
type room struct {
	id    int32
	read  bool
	after int64 // what is read begins behind it
	at0   int64 // when the first reading began

	reading  sequence // the one under way
	list     []Entry  // ascending by seq, each seq once
	places   []place  // of the list's entries
	seqs     map[entryName]int64
	heads    []head
	known    []head                 // that somebody was shown so much; only if there are original's clients
	said     []int64                // when its messages were sent, ascending; only if there are faults
	contents map[content][]int64    // seqs; only if there are original's clients
	namings  map[talk.UUID][]naming // ascending
	listings []listing
	counts   []listing
	atHead   members // as of the last head that was noted
	members  members // in the end

	taken      taken // what the store had before it went back
	takenNames map[entryName]bool
	takenFrom  int64 // the lowest of their seqs
	takenAt    int64 // when it was noted
}

// head is how far the store was at a moment.
type head struct{ at, seq int64 }

// at finds the entry of a seq; nil: there is none.
func (r *room) at(seq int64) *Entry {
	i, ok := r.find(seq)
	if !ok {
		return nil
	}
	return &r.list[i]
}

func (r *room) find(seq int64) (i int, ok bool) {
	if len(r.list) == 0 {
		return 0, false
	}
	if i := seq - r.list[0].Seq; i >= 0 && i < int64(len(r.list)) && r.list[i].Seq == seq {
		return int(i), true
	}
	i = sort.Search(len(r.list), func(i int) bool { return r.list[i].Seq >= seq })
	return i, i < len(r.list) && r.list[i].Seq == seq
}

// headAt is the newest seq that the store was known to have by then.
func (r *room) headAt(at int64) (seq int64, known bool) {
	for _, h := range r.heads {
		if h.at <= at {
			seq, known = max(seq, h.seq), true
		}
	}
	return seq, known
}

// horizon is when the store was known to be well for the last time: what was due by
// then must be in it.
func (r *room) horizon() (at int64, known bool) {
	for _, h := range r.heads {
		at, known = max(at, h.at), true
	}
	return at, known
}

func (c *check) beginReading(id int32, after, at int64) {
	r := c.room(id)
	if !r.read {
		r.read, r.after, r.at0 = true, after, at
		r.seqs = map[entryName]int64{}
	}
	c.endReading(r)
	r.after = min(r.after, after)
	r.reading = sequenceAfter(after)
}

func (c *check) endReading(r *room) {
	for _, h := range r.reading.holes {
		c.findSpan(Hole, h.at, Entry{Room: r.id, Seq: h.from}, h.to, "the store has no entry %s of room %d", seqsOf(h), r.id)
	}
	r.reading.holes = nil
}

// keep takes an entry that was read from the store.
func (c *check) keep(p place, e Entry) {
	r := c.room(e.Room)
	if !r.read {
		c.unsound("the store's entries of room %d come before their beginning", e.Room)
		return
	}
	if wrong, ok := r.reading.push(e.Seq, p); !ok {
		c.find(wrong, p, e, "the store gave entry %d of room %d behind %d", e.Seq, e.Room, r.reading.hi)
	}
	i, known := r.find(e.Seq)
	switch {
	case !known:
		r.list = slices.Insert(r.list, i, e)
		r.places = slices.Insert(r.places, i, p)
	case r.list[i] != e:
		c.find(Disagreement, p, e, "two readings of the history differ in entry %d of room %d", e.Seq, e.Room)
	}
}

// judgeStore holds what is stored against what was said.
func (c *check) judgeStore() {
	for _, r := range c.sortedRooms() {
		c.endReading(r)
		if c.originals {
			r.indexContents()
			r.sortKnown()
		}
		order := map[lineOf]int32{} // the sends of a client that were stored so far
		var time uint64
		for i := range r.list {
			e, p := &r.list[i], r.places[i]
			if e.UnixTime < time {
				c.find(TimeBack, p, *e, "entry %d of room %d is %d s older than the one before", e.Seq, r.id, time-e.UnixTime)
			}
			time = e.UnixTime
			c.judgeAhead(p, e, c.timeOf(p))
			r.noteNaming(e)
			c.judgeKept(r, e, p, order)
		}
		c.report.Entries += len(r.list)
		if r.read {
			c.report.Rooms++
		}
	}
}

func (c *check) judgeKept(r *room, e *Entry, p place, order map[lineOf]int32) {
	name := nameOf(e)
	if first, again := r.seqs[name]; again && !e.ID.IsZero() {
		c.find(Duplicate, p, *e, "the store has one message twice in room %d, as %d and as %d", r.id, first, e.Seq)
		return
	}
	r.seqs[name] = e.Seq
	u := c.users[e.Author]
	if u != nil && u.outsider {
		return
	}
	if u == nil {
		c.find(Forged, p, *e, "entry %d of room %d is by a user of whom nobody knows", e.Seq, r.id)
		return
	}
	if !u.had(e.Name) || e.Kind == talk.KindRenamed && !u.had(e.Text) {
		c.find(Forged, p, *e, "entry %d of room %d has a name that its author never took", e.Seq, r.id)
	}
	if e.Kind == talk.KindPosted {
		c.judgePosted(r, e, p, order)
	}
}

func (c *check) judgePosted(r *room, e *Entry, p place, order map[lineOf]int32) {
	i, ok := c.sendOf[nameOf(e)]
	twice := false
	if !ok {
		i, ok, twice = c.claim(e)
	}
	switch {
	case twice:
		c.find(Duplicate, p, *e, "the store has a message more often in room %d than its author sent it, also as %d", r.id, e.Seq)
		return
	case !ok:
		c.find(Forged, p, *e, "entry %d of room %d was never sent by its author", e.Seq, r.id)
		return
	}
	s := &c.sends[i]
	s.seq = e.Seq
	c.judgeBehind(e, p, s)
	if s.text != e.Text {
		c.find(Forged, p, *e, "entry %d of room %d has another text than %s sent", e.Seq, r.id, s.seat.label)
	}
	if s.refused {
		c.find(FalseRefused, p, *e, "%s was told that its message is refused, but it is stored as %d in room %d", s.seat.label, e.Seq, r.id)
	}
	switch {
	case s.free || r.takenNames[s.entryName]: // that may have come back when newer ones were there already
	case s.ordinal < order[s.lineOf()]:
		c.find(AuthorOrder, p, *e, "entry %d of room %d is stored behind what %s sent after it", e.Seq, r.id, s.seat.label)
	default:
		order[s.lineOf()] = s.ordinal
	}
}

// lineOf is what sends are ordered on: all that a client says, or, where it does not
// send again what it is not sure of, what it says over one connection.
type lineOf struct {
	seat *seat
	line int32
}

func (s *send) lineOf() lineOf {
	if s.seat.original {
		return lineOf{s.seat, s.line}
	}
	return lineOf{s.seat, 0}
}
