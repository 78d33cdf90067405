package checker

// dated names an entry that was judged by its date.
type dated struct {
	room int32
	seq  int64
}

// judgeAhead finds an entry that somebody knew of before the time that it bears in the
// store.
func (c *check) judgeAhead(p place, e *Entry, at int64) {
	if t := c.room(e.Room).at(e.Seq); t != nil && nameOf(t) == nameOf(e) {
		e = t
	}
	limit := at + (c.opts.Skew + c.opts.Ahead).Microseconds()
	date := dateOf(e.UnixTime)
	if date <= limit && dateOf(e.SentAt) <= limit {
		return
	}
	key := dated{e.Room, e.Seq}
	if c.ahead[key] {
		return
	}
	c.ahead[key] = true
	c.find(TimeAhead, p, *e, "entry %d of room %d bears a time %d s after it was known", e.Seq, e.Room, (max(date, dateOf(e.SentAt))-at)/second)
}

// judgeBehind finds a message that bears a time from before it was sent, though not from
// before the entry before.
func (c *check) judgeBehind(e *Entry, p place, s *send) {
	before := c.room(e.Room).at(e.Seq - 1)
	if s.adopted || before != nil && e.UnixTime < before.UnixTime { // which is found already
		return
	}
	if early := s.at - c.opts.Skew.Microseconds() - dateOf(e.UnixTime) - second; early > 0 {
		c.find(TimeBack, p, *e, "entry %d of room %d bears a time %d s before %s sent it", e.Seq, e.Room, early/second+1, s.seat.label)
	}
}

const second = int64(1_000_000) // in microseconds

// dateOf is the beginning of a second of Unix time, in microseconds.
func dateOf(unixTime uint64) int64 { return int64(min(unixTime, 1<<43)) * second }
