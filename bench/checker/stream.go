package checker

import "fmt"

// streams begins to follow a connection.
func (c *check) streams(s *seat, _ place, e *Event, _ int64) {
	c.judgeSkipped(s)
	s.stream, s.streamRoom = sequenceAfter(e.Seq), e.Room
}

// strayed judges an entry that was not the next one of its connection. A hole may yet
// be filled on it.
func (c *check) strayed(s *seat, p place, e *Event, _ int64) {
	entry := c.entry(p)
	s.stream.hi = max(s.stream.hi, e.Seq) // what strayed not came in order
	wrong, ok := s.stream.push(entry.Seq, p)
	switch {
	case ok:
	case wrong == Duplicate:
		c.find(Repeated, p, *entry, "%s was sent entry %d of room %d a second time on one line", s.label, entry.Seq, entry.Room)
	default:
		c.find(Misplaced, p, *entry, "%s was sent entry %d of room %d behind %d", s.label, entry.Seq, entry.Room, e.Seq)
	}
}

// judgeSkipped finds what never came on the connection that was followed.
func (c *check) judgeSkipped(s *seat) {
	for _, h := range s.stream.holes {
		c.findSpan(Skipped, h.at, c.room(s.streamRoom).aboutOf(h.from), h.to, "%s was not sent entry %s of room %d, on a line on which later ones came", s.label, seqsOf(h), s.streamRoom)
	}
	s.stream.holes = nil
}

func (c *check) endStreams() {
	for _, seats := range c.seats {
		for _, s := range seats {
			c.judgeSkipped(s)
		}
	}
}

// leaked judges an entry that came on a connection which was not in its room.
func (c *check) leaked(s *seat, p place, e *Event, _ int64) {
	entry := c.entry(p)
	where := fmt.Sprintf("was in room %d", e.Room)
	if e.Flag {
		where = "was in no room"
	}
	c.find(Leak, p, *entry, "%s was sent entry %d of room %d on a connection that %s", s.label, entry.Seq, entry.Room, where)
}
