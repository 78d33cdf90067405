package checker

import (
	"slices"

	"tuitalk/talk"
)

// What clients of the original's forms are told has neither ids nor seqs. An entry is
// found in the store by its content, and where several have the same, by what comes
// before and behind it.

// content is all that such a client knows of an entry.
type content struct {
	kind       talk.Kind
	author     talk.UUID
	text, name uint64
	unixTime   uint64
}

func contentOf(e *Entry) content { return content{e.Kind, e.Author, e.Text, e.Name, e.UnixTime} }

// words is all that is known of a message before it is stored.
type words struct {
	room   int32
	author talk.UUID
	text   uint64
}

// indexContents makes a room's entries known by their content.
func (r *room) indexContents() {
	r.contents = map[content][]int64{}
	for i := range r.list {
		key := contentOf(&r.list[i])
		r.contents[key] = append(r.contents[key], r.list[i].Seq)
	}
}

// isAt tells whether the entry of a seq has a content.
func (r *room) isAt(seq int64, is content) bool {
	t := r.at(seq)
	return t != nil && contentOf(t) == is
}

// claim finds the message of an original's client that an entry of the store is: the
// first one of these words that is not stored yet.
func (c *check) claim(e *Entry) (i int32, ok, twice bool) {
	list := c.unnamed[words{e.Room, e.Author, e.Text}]
	for _, i := range list {
		if c.sends[i].seq == 0 {
			c.sendOf[nameOf(e)] = i
			return i, true, false
		}
	}
	return 0, false, len(list) > 0
}

// heard follows what an original's client shows.
func (c *check) heard(s *seat, p place, ev *Event, at int64) {
	e := c.entry(p)
	r := c.room(e.Room)
	if e.Room != s.room {
		return // it has asked for another one, and is not there yet
	}
	switch {
	case !r.read:
		c.unsound("room %d was not read from the store", e.Room)
		return
	case r.wentBack():
		return
	}
	is := contentOf(e)
	if ev.Flag && !s.follows(r, is) {
		return // it may be of the other room
	}
	if !s.shows {
		c.anchor(s, p, r, is)
		return
	}
	if len(s.anchors) > 1 {
		if s.narrow(r, is); len(s.anchors) > 1 {
			c.report.Shown++
			return
		}
	}
	seq := r.resolve(is, &s.view)
	if seq == 0 {
		c.find(Phantom, p, *e, "%s shows something in room %d which is not in the store", s.label, e.Room)
		return
	}
	c.hears(s, p, r.at(seq), at)
}

// follows tells whether a content is what comes next.
func (s *seat) follows(r *room, is content) bool {
	if !s.shows || s.room != r.id {
		return false
	}
	return slices.ContainsFunc(s.anchors, func(seq int64) bool { return r.isAt(seq+1, is) }) || r.isAt(s.view.hi+1, is)
}

// anchor begins what a client shows with the first entry of a room. It gets a connection
// about its own coming also where none is stored, or before it is.
func (c *check) anchor(s *seat, p place, r *room, is content) {
	seqs := r.contents[is]
	own := is.kind == talk.KindJoined && is.author == s.uuid
	switch {
	case len(seqs) == 0 && own:
		return
	case len(seqs) == 0:
		c.find(Phantom, p, *c.entry(p), "%s shows something in room %d which is not in the store", s.label, r.id)
		return
	}
	c.report.Shown++
	s.shows = true
	s.startAt(seqs[0])
	if len(seqs) > 1 {
		s.anchors = slices.Clone(seqs)
		return
	}
	s.ownFirst = own
	c.noteOwnName(s, r.at(seqs[0]))
}

func (s *seat) startAt(seq int64) {
	s.view = sequenceAfter(seq - 1)
	s.view.hi = seq
}

// narrow leaves the places at which the client may be: those behind which this content
// comes. If none is left, it is the first one.
func (s *seat) narrow(r *room, is content) {
	next := slices.DeleteFunc(slices.Clone(s.anchors), func(seq int64) bool { return !r.isAt(seq+1, is) })
	if len(next) == 0 {
		s.anchors = nil
		return
	}
	for i := range next {
		next[i]++
	}
	s.anchors = next
	s.startAt(next[0])
	if len(next) == 1 {
		s.view.hi--
		s.anchors = nil
	}
}

// resolve finds the seq of a content, 0 if there is none: the next one if it fits, else
// the next that does, else one that was left out, else one that was there.
func (r *room) resolve(is content, view *sequence) int64 {
	if r.isAt(view.hi+1, is) {
		return view.hi + 1
	}
	seqs := r.contents[is]
	for _, seq := range seqs {
		if seq > view.hi {
			return seq
		}
	}
	for _, seq := range seqs {
		if !view.has(seq) {
			return seq
		}
	}
	if len(seqs) == 0 {
		return 0
	}
	return seqs[len(seqs)-1]
}

// hears adds an entry to what a client shows.
func (c *check) hears(s *seat, p place, e *Entry, at int64) {
	c.report.Shown++
	if s.ownFirst && e.Seq < s.view.hi {
		s.told = s.view.hi
		s.view = sequenceAfter(e.Seq - 1)
	}
	s.ownFirst = false
	wrong, ok := s.view.push(e.Seq, p)
	switch {
	case ok && e.Seq == s.told:
		wrong, ok = Duplicate, false
	case s.told != 0:
		s.view.holes.remove(s.told)
	}
	if !ok {
		c.find(wrong, p, *e, "%s shows entry %d of room %d behind %d%s", s.label, e.Seq, e.Room, s.view.hi, again(wrong))
	}
	c.judgeAhead(p, e, at)
	c.noteOwnName(s, e)
	c.flow.shown = append(c.flow.shown, at)
}

// judgeOriginalEnd finds what an original's client that was there to the end was never
// shown. One that has heard nothing, and whose coming is not stored, proves nothing.
func (c *check) judgeOriginalEnd(s *seat, p place, at int64) {
	if !s.shows {
		return
	}
	r := c.room(s.room)
	owed, known := r.headAt(at)
	last := s.view.hi
	if s.told == last+1 {
		last = s.told
	}
	if len(s.anchors) > 1 {
		last = s.anchors[len(s.anchors)-1]
	}
	if !known {
		c.unsound("no head of room %d was noted before its clients ended", s.room)
		return
	}
	if owed > last {
		c.findSpan(Lost, p, r.aboutOf(last+1), owed, "%s was never shown entry %s of room %d", s.label, seqsOf(span{last + 1, owed, p}), r.id)
	}
}

// aboutOf is what the store has as a seq, as far as it has it.
func (r *room) aboutOf(seq int64) Entry {
	if t := r.at(seq); t != nil {
		return *t
	}
	return Entry{Room: r.id, Seq: seq}
}
