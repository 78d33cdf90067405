package checker

// send is one thing that somebody said, and what became of it.
type send struct {
	entryName
	seat     *seat
	at       int64
	place    place
	text     uint64
	ordinal  int32 // of this seat in this room
	seq      int64 // in the store; 0: it is not there
	line     int32 // of an original's client: on which of its connections
	answered place // where its author was last told of it; event -1: never
	turned   place // where he was told that it is refused for good

	refused   bool // for good
	unclear   bool // of an original's client: something was refused, perhaps this
	free      bool // the order in which it is stored is not the author's to ask for
	discarded bool
	owed      bool // in the outbox at the end
	adopted   bool // found in an outbox only
	reported  bool
}

// index takes what the later passes look up.
func (c *check) index(p place, e *Event, at int64) {
	switch e.Verb {
	case Identified:
		if s := c.seat(p); s.uuid != e.ID {
			c.unsound("%s became another user", s.label)
		}
	case Named:
		if s := c.seat(p); !s.uuid.IsZero() {
			c.user(s.uuid).wished(e.Hash, at)
		}
	case Outsider:
		c.user(e.ID).outsider = true
	case Sent:
		c.indexSend(p, e, at)
	case Accepted, Stored, Refused, Withdrawn, Retried, Discarded, Owed:
		if i, ok := c.sendOf[c.said(p)]; ok {
			c.sends[i].became(p, e)
		}
	case Head:
		c.room(e.Room).heads = append(c.room(e.Room).heads, head{at, e.Seq})
	case Reading:
		c.beginReading(e.Room, e.Seq, at)
	case Kept:
		c.keep(p, *c.entry(p))
	case Taken:
		c.take(c.entry(p), at)
	case Attached, Left, Down:
		c.seat(p).lines++
	}
	c.indexKnown(p, e, at)
}

// indexKnown notes how far rooms were known to be stored, which pages go by.
func (c *check) indexKnown(p place, e *Event, at int64) {
	switch {
	case !c.originals:
	case e.Verb == Stored:
		c.room(e.Room).noteKnown(at, e.Seq)
	case e.Verb == Shown:
		entry := c.entry(p)
		c.room(entry.Room).noteKnown(at, entry.Seq)
	}
}

// said is the name of the entry that a client's event is about.
func (c *check) said(p place) entryName {
	e := c.event(p)
	return entryName{e.Room, c.seat(p).uuid, e.ID}
}

func (c *check) indexSend(p place, e *Event, at int64) {
	s := c.seat(p)
	name := c.said(p)
	i, known := c.sendOf[name]
	switch {
	case !known:
		i = int32(len(c.sends))
		c.sends = append(c.sends, send{answered: nowhere, turned: nowhere})
		c.sendOf[name] = i
		c.report.Sent++
	case e.Flag:
		c.sends[i].free = true // by then it may stand elsewhere in another outbox
		return
	case !c.sends[i].adopted:
		return
	}
	s.ordinals[e.Room]++
	if s.original {
		key := words{e.Room, s.uuid, e.Hash}
		c.unnamed[key] = append(c.unnamed[key], i)
	}
	c.sends[i] = send{
		entryName: name, seat: s, at: at, place: p, line: s.lines, text: e.Hash, ordinal: s.ordinals[e.Room],
		answered: c.sends[i].answered, turned: c.sends[i].turned, free: known || e.Flag, adopted: e.Flag,
	}
}

// became notes what the author was told or did.
func (s *send) became(p place, e *Event) {
	switch e.Verb {
	case Refused:
		if e.Flag {
			s.refused, s.turned = true, p
		}
		s.unclear = s.unclear || !e.Flag
	case Retried:
		// It goes out behind what was sent meanwhile.
		s.free = s.free || s.refused
		s.refused = false
	case Withdrawn:
		s.free = true
	case Discarded:
		s.discarded = true
	case Owed:
		s.owed = true
	}
	s.answered = p
}

// judgeSends finds what nobody knows of any more.
func (c *check) judgeSends() {
	for i := range c.sends {
		s := &c.sends[i]
		if s.seq > 0 || c.room(s.room).takenNames[s.entryName] || s.refused || s.discarded || s.owed || s.reported || !s.seat.ended ||
			s.seat.original && c.mayBeLost(s) {
			continue
		}
		if !c.room(s.room).read {
			c.unsound("room %d was not read from the store", s.room)
			continue
		}
		c.find(Lost, s.place, Entry{Room: s.room, Author: s.author, ID: s.id},
			"%s sent a message to room %d that is neither stored nor refused nor in its outbox", s.seat.label, s.room)
	}
}

// mayBeLost tells whether what an original's client sent, and saw nothing of, may have
// got lost: with its connection, or with something that was refused.
func (c *check) mayBeLost(s *send) bool {
	return s.unclear || c.room(s.room).wentBack() || s.line != s.seat.lines || s.seat.at-s.at <= c.opts.Answer.Microseconds()
}

// toldStored checks that what is called stored is.
func (c *check) toldStored(s *seat, p place, e *Event, at int64) {
	name, r := c.said(p), c.room(e.Room)
	about := Entry{Room: e.Room, Seq: e.Seq, Author: name.author, ID: name.id}
	c.touched(s, e.Room, p, at, false)
	i, sent := c.sendOf[name]
	switch {
	case !r.read:
		c.unsound("room %d was not read from the store", e.Room)
		return
	case e.Seq > 0 && e.Seq <= r.after:
		if sent {
			c.sends[i].seq = e.Seq
		}
		return
	}
	if t := r.at(e.Seq); t != nil && nameOf(t) == name {
		c.judgeAhead(p, t, at)
		return
	}
	if _, had := r.taken[takenName{name, e.Seq}]; had {
		return
	}
	who := c.seat(p).label
	seq, stored := r.seqs[name]
	switch {
	case stored:
		c.find(FalseStored, p, about, "%s was told that its message is stored as %d in room %d, but it is stored as %d", who, e.Seq, e.Room, seq)
	case sent:
		c.sends[i].reported = true
		c.find(Lost, p, about, "%s was told that its message is stored as %d in room %d, but the store does not have it", who, e.Seq, e.Room)
	default:
		c.find(FalseStored, p, about, "%s was told that a message is stored as %d in room %d that it never sent", who, e.Seq, e.Room)
	}
}

// keptBack notes what is still in an outbox at the end.
func (c *check) keptBack(s *seat, p place, e *Event, _ int64) {
	name := c.said(p)
	if i, ok := c.sendOf[name]; ok && c.sends[i].refused {
		return
	}
	c.find(Stuck, p, Entry{Room: e.Room, Author: name.author, ID: name.id},
		"at the end a message to room %d is still in the outbox of %s", e.Room, s.label)
}
