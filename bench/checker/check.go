package checker

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"tuitalk/talk"
)

// Options are what a check has to know about the run.
type Options struct {
	Grace   time.Duration // how long a user may be gone before "left" is written; default 30 s
	Skew    time.Duration // by which clocks may differ, those of gateways and store included; default 2 s
	Silence time.Duration // the load must have sent at least so often while a fault lasted; default 1 s
	Answer  time.Duration // how long a join or fetch may be unanswered at the end; default 15 s
	Leave   time.Duration // how long a "left" that is due, or whatever else follows by itself, may take; default 10 s
	Ahead   time.Duration // by how much entries may be dated ahead, beyond Skew: for runs in which the store's clock is
	// Unmarked: there were faults at any time that are not marked. What a fault may excuse is
	// not judged then, but for the members that clients show in the end.
	Unmarked bool
	Gaps     bool // what a server openly leaves out (Gap) is no loss
	Keep     int  // violations of each kind that are kept, with their story; default 20
}

func (o *Options) fill() {
	orDefault := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	orDefault(&o.Grace, 30*time.Second)
	orDefault(&o.Skew, 2*time.Second)
	orDefault(&o.Silence, time.Second)
	orDefault(&o.Answer, 15*time.Second)
	orDefault(&o.Leave, 10*time.Second)
	if o.Keep <= 0 {
		o.Keep = 20
	}
}

// Check reads the histories of one run, of all its recorders. It takes time in
// proportion to their events.
func Check(opts Options, recordings ...*Recording) *Report {
	opts.fill()
	c := &check{
		opts: opts, recordings: recordings, began: beginning(recordings),
		report: &Report{Counts: map[Kind]int{}},
		sendOf: map[entryName]int32{}, unnamed: map[words][]int32{}, rooms: map[int32]*room{}, users: map[talk.UUID]*user{},
		ahead: map[dated]bool{}, kept: map[Kind][]finding{},
	}
	c.prepare()
	c.eachEvent(c.index)
	c.judgeStore()
	c.gatherFaults()
	c.eachEvent(c.follow)
	c.endStreams()
	c.judgeSends()
	c.judgePresence()
	c.judgeMembers()
	c.judgeLeaves()
	c.judgeSharedNames()
	c.judgeSessions()
	c.figures()
	c.tell()
	return c.report
}

// check is one run of Check.
type check struct {
	opts       Options
	recordings []*Recording
	report     *Report

	began     int64        // when the first event was
	seats     [][]*seat    // of each recording's clients
	verdicts  [][]*verdict // on each recording's entries, as far as they are known
	sends     []send
	sendOf    map[entryName]int32 // index in sends
	unnamed   map[words][]int32   // those of original's clients, which have no ids, in the order in which they were sent
	originals bool                // there are such clients
	ahead     map[dated]bool      // entries that were found to be dated ahead
	rooms     map[int32]*room
	users     map[talk.UUID]*user
	faults    []window
	flow      flow
	kept      map[Kind][]finding
}

// beginning is when the first event was, whichever recording has it.
func beginning(recordings []*Recording) int64 {
	first := int64(math.MaxInt64)
	for _, rec := range recordings {
		if len(rec.Events) > 0 {
			first = min(first, rec.Events[0].At+rec.Offset.Microseconds())
		}
	}
	return first
}

// place is where an event stands.
type place struct{ recording, event int32 }

var nowhere = place{-1, -1}

// entryName names an entry before it has a seq.
type entryName struct {
	room       int32
	author, id talk.UUID
}

func nameOf(e *Entry) entryName { return entryName{e.Room, e.Author, e.ID} }

// user is somebody of whom clients are recorded, or an outsider.
type user struct {
	outsider bool
	original bool              // has a client of the original's forms
	names    map[uint64]wishes // hashes of those that he has had
	stays    map[int32][]stay  // by room: when he was there
	touches  map[int32]touch   // by room: the last that is known of him there
	extents  map[int32]stay    // by room: from the first to the last that is known of him there
}

func (c *check) user(id talk.UUID) *user {
	u := c.users[id]
	if u == nil {
		u = &user{names: map[uint64]wishes{}, stays: map[int32][]stay{}, touches: map[int32]touch{}, extents: map[int32]stay{}}
		c.users[id] = u
	}
	return u
}

func (c *check) room(id int32) *room {
	r := c.rooms[id]
	if r == nil {
		r = &room{id: id}
		c.rooms[id] = r
	}
	return r
}

func (c *check) sortedRooms() []*room {
	var all []*room
	for _, id := range slices.Sorted(maps.Keys(c.rooms)) {
		all = append(all, c.rooms[id])
	}
	return all
}

// prepare makes the seats, and finds who sits there: what a client does before
// a server has made its user is that user's all the same.
func (c *check) prepare() {
	for i, rec := range c.recordings {
		seats := make([]*seat, len(rec.Clients))
		for j := range seats {
			seats[j] = &seat{label: rec.Clients[j], last: place{int32(i), -1}, ordinals: map[int32]int32{}}
		}
		for k := range rec.Events {
			e := &rec.Events[k]
			switch {
			case e.Verb == Identified && seats[e.Client].uuid.IsZero():
				seats[e.Client].uuid = e.ID
			case e.Verb == Original:
				seats[e.Client].original, c.originals = true, true
			}
		}
		c.seats = append(c.seats, seats)
		c.verdicts = append(c.verdicts, make([]*verdict, len(rec.Entries)))
		c.report.Events += len(rec.Events)
		c.report.Clients += len(rec.Clients)
	}
}

// eachEvent hands all events to f, with the time as all recordings count it.
func (c *check) eachEvent(f func(p place, e *Event, at int64)) {
	for i, rec := range c.recordings {
		offset := rec.Offset.Microseconds()
		for k := range rec.Events {
			e := &rec.Events[k]
			f(place{int32(i), int32(k)}, e, e.At+offset)
		}
	}
}

func (c *check) event(p place) *Event { return &c.recordings[p.recording].Events[p.event] }

func (c *check) entry(p place) *Entry {
	return &c.recordings[p.recording].Entries[c.event(p).Entry]
}

// timeOf is when an event was, as all recordings count it.
func (c *check) timeOf(p place) int64 {
	return c.event(p).At + c.recordings[p.recording].Offset.Microseconds()
}

func (c *check) seat(p place) *seat {
	if i := c.event(p).Client; i >= 0 {
		return c.seats[p.recording][i]
	}
	return nil
}

// finding is a violation and what its story needs.
type finding struct {
	Violation
	at   place
	send int32 // index in sends; -1: none
}

// find notes a violation that event p shows.
func (c *check) find(k Kind, p place, about Entry, what string, args ...any) {
	c.findSpan(k, p, about, max(about.Seq, 0), what, args...)
}

// findSpan is find for the entries from about.Seq to to.
func (c *check) findSpan(k Kind, p place, about Entry, to int64, what string, args ...any) {
	c.report.Counts[k] += int(max(1, to-about.Seq+1))
	if len(c.kept[k]) >= c.opts.Keep {
		return
	}
	e := c.event(p)
	f := finding{at: p, send: -1}
	f.Violation = Violation{
		Kind: k, Room: about.Room, Seq: about.Seq, To: to, Author: about.Author, ID: about.ID,
		At:   time.UnixMicro(e.At).Add(c.recordings[p.recording].Offset),
		What: fmt.Sprintf(what, args...),
	}
	if s := c.seat(p); s != nil {
		f.Client = s.label
	}
	if i, ok := c.sendOf[nameOf(&about)]; ok {
		f.send = i
	}
	c.kept[k] = append(c.kept[k], f)
}

// unsound notes a reason why the run proves nothing, once.
func (c *check) unsound(what string, args ...any) {
	why := fmt.Sprintf(what, args...)
	if !slices.Contains(c.report.Unsound, why) && len(c.report.Unsound) < 100 {
		c.report.Unsound = append(c.report.Unsound, why)
	}
}
