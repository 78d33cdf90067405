package checker

import (
	"cmp"
	"fmt"
	"slices"

	"tuitalk/talk"
)

// seat is one recorded client.
type seat struct {
	label    string
	uuid     talk.UUID
	original bool // it speaks one of the original's forms
	ended    bool
	last     place
	at       int64 // of its last event
	final    final

	// where it is
	room    int32
	wanting bool // to be in room
	up      bool
	upSince int64
	lines   int32 // that it has lost or left, and programs that it has ended: counted by index

	lingering int32 // the room that it has left,
	lingers   bool  // and where the server may still have it

	// what it shows
	shows   bool
	view    sequence
	staying bool  // it has been shown the room since it came
	since   int64 // and when it came: its program was let in
	skipped spans // left out by the server, and not loaded since
	pending map[entryName]int32
	stale   bool  // some of it the store has no longer, first shown
	staleAt place // there
	oldBase bool  // what it shows may have begun in a log that is gone

	stream     sequence // of the connection on which something strayed last, and
	streamRoom int32    // what comes on it

	asks  []ask     // that are not answered
	pages []pageAsk // by time, of which more may come, the oldest first

	anchors  []int64          // of an original's client: where in the log its view may be, if that is not clear yet
	ownFirst bool             // all that it shows is its own coming,
	told     int64            // of which it was told as this entry, before that was stored; 0: it was not
	ownNames map[int32]naming // by room: the last entry that was shown and names its user
	wish     uint64           // the name that it took last, if no entry has given it since
	session  talk.UUID        // zero: unknown

	ordinals map[int32]int32 // sends so far, by room
	presence presence
	outages  outages
}

// steps is what each event does to the seat of its client.
var steps = [256]func(c *check, s *seat, p place, e *Event, at int64){
	Attached:  (*check).attached,
	Killed:    (*check).killed,
	Entered:   (*check).entered,
	Left:      (*check).left,
	Up:        (*check).cameUp,
	Down:      (*check).wentDown,
	Ended:     (*check).ended,
	Restarted: (*check).restarted,
	Cleared: func(c *check, s *seat, _ place, _ *Event, _ int64) {
		c.judgeHoles(s, s.view.holes)
		s.view = sequenceAfter(s.view.hi)
	},
	Shown:        (*check).shown,
	Older:        (*check).older,
	Trimmed:      func(c *check, s *seat, _ place, e *Event, _ int64) { c.judgeHoles(s, s.view.trim(e.Seq)) },
	Accepted:     (*check).toldAccepted,
	PendingShown: (*check).pendingShown,
	PendingGone:  func(c *check, s *seat, p place, _ *Event, _ int64) { delete(s.pending, nameOf(c.entry(p))) },
	Stored:       (*check).toldStored,
	Owed:         (*check).keptBack,
	Streams:      (*check).streams,
	Asked:        (*check).asked,
	Answered:     (*check).answered,
	Dropped:      (*check).dropped,
	Strayed:      (*check).strayed,
	Leaked:       (*check).leaked,
	Listed:       (*check).listed,
	Counted:      (*check).counted,
	Heard:        (*check).heard,
	AskedBefore:  (*check).askedBefore,
	Page:         (*check).pageCame,
	Paged:        (*check).paged,
	Named:        func(_ *check, s *seat, _ place, e *Event, _ int64) { s.wish = e.Hash },
	Session:      func(_ *check, s *seat, _ place, e *Event, _ int64) { s.session = e.ID },
	Sent:         (*check).sent,
	Refused:      (*check).touchedBySend,
	Withdrawn:    (*check).touchedBySend,
	Retried:      (*check).touchedBySend,
	Discarded:    (*check).touchedBySend,
}

// follow goes through a client's history.
func (c *check) follow(p place, e *Event, at int64) {
	s := c.seat(p)
	if s == nil {
		return
	}
	if !s.original {
		c.beginOutages(s, at)
	}
	s.last, s.at = p, at
	if e.Verb == Sent && !e.Flag {
		c.flow.sent = append(c.flow.sent, at)
	}
	if step := steps[e.Verb]; step != nil {
		step(c, s, p, e, at)
	}
}

// quit ends what a client shows.
func (c *check) quit(s *seat) {
	if s.shows {
		c.judgeHoles(s, s.view.holes)
	}
	s.shows, s.staying, s.skipped, s.pending, s.stale, s.anchors = false, false, nil, nil, false, nil
	s.ownFirst, s.told = false, 0
}

// attached begins another program: what the one before has asked for nobody waits for.
func (c *check) attached(s *seat, p place, _ *Event, at int64) {
	c.touchRest(s, p, at)
	if s.wanting {
		c.touched(s, s.room, p, at, false)
	}
	c.quit(s)
	c.dropPages(s)
	s.up, s.asks, s.ownNames = false, nil, nil
}

// killed ends a client as if it had never wanted anything any more.
func (c *check) killed(s *seat, p place, _ *Event, at int64) {
	c.touchRest(s, p, at)
	c.touched(s, s.room, p, at, false)
	c.dropPages(s)
	if s.presence.gone == 0 {
		s.presence.gone = at
	}
	c.quit(s)
	s.wanting, s.up, s.asks = false, false, nil
	s.outages.forget(at)
}

// sent judges under which name a message was stored.
func (c *check) sent(s *seat, p place, e *Event, at int64) {
	c.touched(s, e.Room, p, at, false)
	if i, ok := c.sendOf[c.said(p)]; ok && !e.Flag && c.sends[i].place == p {
		c.judgeNameOf(s, p, i)
	}
}

// touchedBySend notes what somebody did with a message, or was told of it.
func (c *check) touchedBySend(s *seat, p place, e *Event, at int64) {
	c.touched(s, e.Room, p, at, false)
}

// begins tells whether a client that has been shown nothing of its room begins behind an
// entry that was stored before it came: a gateway that could not ask the store says only
// later where the log begins for it.
func (c *check) begins(s *seat, seq int64) bool {
	t := c.room(s.room).at(seq)
	return s.view.hi == 0 && t != nil && dateOf(t.UnixTime) <= s.since+c.opts.Skew.Microseconds()
}

func (c *check) entered(s *seat, _ place, e *Event, at int64) {
	if s.presence.in && s.presence.room != e.Room {
		c.absent(s, at)
	}
	c.quit(s)
	c.dropPages(s)
	s.room, s.wanting, s.up = e.Room, true, false
	s.outages.forget(at)
}

func (c *check) left(s *seat, p place, e *Event, at int64) {
	c.touchRest(s, p, at)
	c.touched(s, e.Room, p, at, s.up)
	s.lingers, s.lingering = true, e.Room
	c.absent(s, at)
	c.quit(s)
	c.dropPages(s)
	s.wanting, s.up = false, false
	s.outages.forget(at)
}

func (c *check) cameUp(s *seat, p place, e *Event, at int64) {
	s.up, s.upSince = true, at
	c.touchRest(s, p, at)
	c.touched(s, e.Room, p, at, false)
	c.present(s, e.Room, at)
	c.lineBack(s, at)
}

func (c *check) wentDown(s *seat, p place, e *Event, at int64) {
	s.up = false
	c.touched(s, e.Room, p, at, false)
	if s.original {
		c.quit(s) // it has nothing to go on from
	}
	heard := at - e.Seq
	s.presence.gone = heard
	c.lineLost(s, at, heard)
}

func (c *check) restarted(s *seat, p place, e *Event, at int64) {
	if s.shows {
		c.judgeHoles(s, s.view.holes)
	}
	allowed := e.Flag && c.opts.Gaps
	if !s.staying {
		s.since = at
	}
	switch {
	case !s.staying || s.stale || s.oldBase || e.Seq < s.view.hi:
		s.skipped = nil
	case e.Seq > s.view.hi && !allowed && !(e.Flag && c.begins(s, e.Seq)):
		s.skipped = append(s.skipped, span{s.view.hi + 1, e.Seq, p})
	}
	if e.Flag {
		c.report.Gaps++
	}
	if s.stale {
		s.outages.top = 0 // seqs are given anew
	}
	s.shows, s.staying, s.stale = true, true, false
	s.oldBase = c.room(s.room).mayBeTaken(e.Seq, at)
	s.view = sequenceAfter(e.Seq)
}

func (c *check) shown(s *seat, p place, _ *Event, at int64) {
	e := c.entry(p)
	c.report.Shown++
	if wrong, ok := s.view.push(e.Seq, p); !ok {
		c.find(wrong, p, *e, "%s shows entry %d of room %d behind %d%s", s.label, e.Seq, e.Room, s.view.hi, again(wrong))
	}
	c.judgeShown(s, p, e)
	c.judgeAhead(p, e, at)
	c.noteOwnName(s, e)
	c.flow.shown = append(c.flow.shown, at)
	c.heardLive(s, p, at)
}

func (c *check) older(s *seat, p place, _ *Event, at int64) {
	e := c.entry(p)
	c.report.Shown++
	s.skipped.remove(e.Seq)
	if wrong, ok := s.view.pushFront(e.Seq, p); !ok {
		c.find(wrong, p, *e, "%s shows entry %d of room %d before %d%s", s.label, e.Seq, e.Room, s.view.lo, again(wrong))
	}
	c.judgeShown(s, p, e)
	c.judgeAhead(p, e, at)
}

func again(k Kind) string {
	if k == Duplicate {
		return ", a second time"
	}
	return ""
}

// judgeShown holds what a client shows against the store.
func (c *check) judgeShown(s *seat, p place, e *Entry) {
	if !s.shows || e.Room != s.room || e.Seq <= 0 {
		c.find(Phantom, p, *e, "%s shows entry %d of room %d, where it is not", s.label, e.Seq, e.Room)
		return
	}
	if len(s.pending) > 0 {
		if _, twice := s.pending[nameOf(e)]; twice {
			delete(s.pending, nameOf(e))
			c.find(Duplicate, p, *e, "%s shows entry %d of room %d, and goes on to show it as pending", s.label, e.Seq, e.Room)
		}
	}
	v := c.verdict(p)
	if v.taken {
		s.outdated(p)
	}
	if v.wrong == Phantom && s.at > c.room(e.Room).at0 {
		c.unsound("room %d was read from the store before its clients had ended", e.Room)
		return
	}
	if v.wrong != 0 {
		c.find(v.wrong, p, *e, "%s shows entry %d of room %d, %s", s.label, e.Seq, e.Room, v.what)
	}
}

func (c *check) judgeHoles(s *seat, holes spans) {
	for _, h := range holes {
		c.findSpan(Hole, h.at, c.room(s.room).aboutOf(h.from), h.to, "%s left out entry %s of room %d", s.label, seqsOf(h), s.room)
	}
}

func seqsOf(h span) string {
	if h.from == h.to {
		return fmt.Sprint(h.from)
	}
	return fmt.Sprintf("%d to %d", h.from, h.to)
}

func (c *check) pendingShown(s *seat, p place, _ *Event, at int64) {
	e := c.entry(p)
	name := nameOf(e)
	_, twice := s.pending[name]
	seq := c.room(e.Room).seqs[name]
	switch {
	case !s.shows || e.Room != s.room || e.Seq != 0:
		c.find(Phantom, p, *e, "%s shows a pending message of room %d, where it is not", s.label, e.Room)
	case twice:
		c.find(Duplicate, p, *e, "%s shows a pending message of room %d twice", s.label, e.Room)
	case seq > 0 && s.view.has(seq) && !s.stale:
		c.find(Duplicate, p, *e, "%s shows as pending what it shows as entry %d of room %d", s.label, seq, e.Room)
	default:
		if v := c.verdict(p); v.wrong != 0 {
			c.find(v.wrong, p, *e, "%s shows a pending message of room %d, %s", s.label, e.Room, v.what)
		}
	}
	if s.pending == nil {
		s.pending = map[entryName]int32{}
	}
	s.pending[name] = c.event(p).Entry
	c.flow.shown = append(c.flow.shown, at)
	c.heardLive(s, p, at)
}

func (c *check) ended(s *seat, p place, e *Event, at int64) {
	s.ended = true
	s.final = final{s.up && s.wanting, s.room, s.upSince, at, p}
	switch {
	case s.wanting && !e.Flag:
		c.find(Absent, p, Entry{Room: s.room}, "%s did not come back to room %d", s.label, s.room)
	case s.wanting && s.original:
		c.judgeOriginalEnd(s, p, at)
	case s.wanting && s.staying:
		c.judgeEnd(s, p, at)
		c.judgeStale(s)
	}
	if s.wanting {
		c.touchRest(s, p, at)
		c.touched(s, s.room, p, at, false)
	}
	c.judgeAsks(s, at)
	c.judgePageEnds(s, at)
	c.quit(s)
	c.absent(s, at)
}

// judgeEnd finds what a client that was there to the end was never shown.
func (c *check) judgeEnd(s *seat, p place, at int64) {
	r := c.room(s.room)
	lost := slices.Clone(s.skipped)
	switch owed, known := r.headAt(at); {
	case !known:
		c.unsound("no head of room %d was noted before its clients ended", s.room)
	case owed > s.view.hi:
		lost = append(lost, span{s.view.hi + 1, owed, p})
	}
	for _, h := range lost {
		c.findSpan(Lost, h.at, r.aboutOf(h.from), h.to, "%s was never shown entry %s of room %d", s.label, seqsOf(h), r.id)
	}
	c.judgePending(s, p, r)
}

// judgePending finds what is shown as pending at the end and never was stored.
func (c *check) judgePending(s *seat, p place, r *room) {
	var left []int32
	for name, i := range s.pending {
		if r.seqs[name] == 0 {
			left = append(left, i)
		}
	}
	slices.SortFunc(left, cmp.Compare[int32])
	for _, i := range left {
		e := c.recordings[p.recording].Entries[i]
		c.find(Phantom, p, e, "%s shows a message of room %d as pending to the end, and it is not stored", s.label, s.room)
	}
}
