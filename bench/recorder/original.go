package recorder

import (
	"encoding/binary"
	"slices"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/client"
	"tuitalk/talk"
)

// Original is one recorded client of the original's forms: what it sends, and what it is
// sent, which is what it shows. It belongs to one goroutine at a time.
type Original struct {
	rec   *Recorder
	index int32

	uuid    talk.UUID
	room    int32 // where it wants to be
	wanting bool
	up      bool
	heard   time.Time // when a frame came last
	ended   bool

	conn   client.ConnID // the connection; 0: none
	at     int32         // the room of which entries come on it,
	there  bool          // if any do
	moving bool          // it has asked for another one

	own   []ownPost // sent on the connection and not seen yet
	posts uint64    // so far
	asks  []ask     // that are not answered, the oldest first
	pages []ask     // of which a part has come and more may
	paged time.Time // when the last one did
	next  int64     // questions so far

	renaming bool // it has asked for another name
}

// ownPost is a message that was sent, under the id that the recording has for it.
type ownPost struct {
	id   talk.UUID
	room int32
	text string
}

// pageTime is how long after a part of a page an Error may be about the rest of it.
const pageTime = 40 * time.Second

// maxOwn is how many messages may be under way.
const maxOwn = 256

// Original adds a client to the recording that speaks one of the original's forms;
// label names it in reports.
func (r *Recorder) Original(now time.Time, label string, user talk.UUID, name string) *Original {
	w := r.begin()
	defer r.finish()
	o := &Original{rec: r, index: w.Client(label), uuid: user}
	for _, e := range []checker.Event{
		{Verb: checker.Attached}, {Verb: checker.Original}, {Verb: checker.Identified, ID: user}, {Verb: checker.Named, Hash: checker.Hash(name)},
	} {
		e.At, e.Client = checker.Micro(now), o.index
		w.Event(e)
	}
	return o
}

func (o *Original) note(now time.Time, e checker.Event) {
	w := o.rec.begin()
	defer o.rec.finish()
	e.At, e.Client = checker.Micro(now), o.index
	w.Event(e)
}

func (o *Original) noteEntry(now time.Time, v checker.Verb, entry *talk.Entry, e checker.Event) {
	w := o.rec.begin()
	defer o.rec.finish()
	e.Verb, e.At, e.Client, e.Entry = v, checker.Micro(now), o.index, w.Entry(checker.EntryOf(entry))
	w.Event(e)
}

// Opened begins a connection. There is one at a time.
func (o *Original) Opened(now time.Time, conn client.ConnID) {
	o.conn, o.there, o.moving, o.renaming, o.heard = conn, false, false, false, now
	o.own, o.paged = nil, time.Time{}
}

// Said notes what the client sends.
func (o *Original) Said(now time.Time, m talk.Message) {
	if o.ended {
		return
	}
	switch m := m.(type) {
	case talk.JoinRoom:
		o.enter(now, m.RoomID)
		o.moving = true
		o.ask(now, ask{room: m.RoomID}, checker.Event{Verb: checker.Asked, Room: m.RoomID})
	case talk.LeaveRoom:
		if m.RoomID == o.room {
			o.leave(now)
		}
	case talk.ChangeName:
		o.renaming = true
		o.note(now, checker.Event{Verb: checker.Named, Hash: checker.Hash(m.Username)})
	case talk.Fetch:
		e := checker.Event{Verb: checker.AskedBefore, Room: m.RoomID, Entry: int32(m.Limit), Hash: m.FetchBefore}
		o.ask(now, ask{room: m.RoomID, fetch: true, before: int64(m.FetchBefore)}, e)
	case talk.Entry:
		o.posted(now, m)
	}
}

func (o *Original) enter(now time.Time, room int32) {
	if o.wanting && o.room == room {
		return
	}
	if o.wanting {
		o.leave(now)
	}
	o.room, o.wanting = room, true
	o.note(now, checker.Event{Verb: checker.Entered, Room: room})
}

func (o *Original) leave(now time.Time) {
	if o.wanting {
		o.note(now, checker.Event{Verb: checker.Left, Room: o.room})
	}
	o.wanting, o.up = false, false
}

func (o *Original) ask(now time.Time, a ask, e checker.Event) {
	if len(o.asks) >= maxAsks {
		return
	}
	o.next++
	a.number, e.Seq = o.next, o.next
	o.asks = append(o.asks, a)
	o.note(now, e)
}

// posted notes a message. It has no id on the wire: the recording makes one.
func (o *Original) posted(now time.Time, m talk.Entry) {
	o.posts++
	p := ownPost{id: o.uuid, room: m.RoomID, text: m.Text}
	binary.LittleEndian.PutUint64(p.id[:8], o.posts)
	if len(o.own) == maxOwn {
		o.own = o.own[1:]
	}
	o.own = append(o.own, p)
	o.note(now, checker.Event{Verb: checker.Sent, Room: p.room, ID: p.id, Hash: checker.Hash(p.text)})
}

// Owed is how many messages were sent on this connection and have neither come back nor
// been refused.
func (o *Original) Owed() int { return len(o.own) }

// Received notes a message that came.
func (o *Original) Received(now time.Time, m talk.Message) {
	if o.ended {
		return
	}
	o.heard = now
	switch m := m.(type) {
	case talk.Entry:
		o.entry(now, &m)
	case talk.History:
		o.page(now, &m)
	case talk.Error:
		o.refused(now)
	}
}

// entry notes an entry. A rename does not say of which room it is: it is of the one
// whose entries come, unless the client is on its way to another one, when nobody can say.
func (o *Original) entry(now time.Time, e *talk.Entry) {
	unsure := false
	if e.Kind == talk.KindRenamed {
		o.renaming = o.renaming && e.Author != o.uuid
		if !o.there {
			return
		}
		e.RoomID, unsure = o.at, o.moving
	}
	switch {
	case o.moving && e.RoomID == o.room && (!o.there || o.at != o.room):
		o.at, o.there = o.room, true
	case !o.there || e.RoomID != o.at:
		o.noteEntry(now, checker.Leaked, e, checker.Event{Room: o.at, Flag: !o.there})
		return
	}
	if e.Kind == talk.KindJoined && e.Author == o.uuid && e.RoomID == o.room {
		o.arrived(now)
	}
	if o.wanting {
		o.noteEntry(now, checker.Heard, e, checker.Event{Flag: unsure})
	}
	if i := slices.IndexFunc(o.own, func(p ownPost) bool { return p.room == e.RoomID && p.text == e.Text }); i >= 0 && e.Author == o.uuid && e.Kind == talk.KindPosted {
		o.own = slices.Delete(o.own, i, i+1)
	}
}

// arrived notes that the client hears of its own coming, which answers its question.
func (o *Original) arrived(now time.Time) {
	i := slices.IndexFunc(o.asks, func(a ask) bool { return !a.fetch && a.room == o.room })
	if i < 0 {
		return
	}
	o.note(now, checker.Event{Verb: checker.Answered, Seq: o.asks[i].number})
	o.asks = slices.Delete(o.asks, i, i+1)
	o.moving = false
	if !o.up && o.wanting {
		o.up = true
		o.note(now, checker.Event{Verb: checker.Up, Room: o.room})
	}
}

// page notes a part of an answer. Questions are answered in their order, and nothing
// marks the end of an answer: what is older than the next question asks for is the
// answer to that one.
func (o *Original) page(now time.Time, m *talk.History) {
	next := slices.IndexFunc(o.asks, func(a ask) bool { return a.fetch })
	if next >= 0 && (len(o.pages) == 0 || o.isOf(&o.asks[next], m)) {
		o.pages = []ask{o.asks[next]}
		o.asks = slices.Delete(o.asks, next, next+1)
	}
	if len(o.pages) == 0 {
		return
	}
	o.paged = now
	a := &o.pages[0]
	w := o.rec.begin()
	defer o.rec.finish()
	at := checker.Micro(now)
	w.Event(checker.Event{Verb: checker.Page, At: at, Client: o.index, Seq: a.number})
	for i := range m.Text {
		e, ok := m.Text[i].(talk.Entry)
		if !ok {
			continue
		}
		if e.Kind == talk.KindRenamed {
			e.RoomID = a.room
		}
		if e.RoomID != a.room {
			w.Event(checker.Event{Verb: checker.Leaked, At: at, Client: o.index, Room: a.room, Entry: w.Entry(checker.EntryOf(&e))})
			continue
		}
		w.Event(checker.Event{Verb: checker.Paged, At: at, Client: o.index, Entry: w.Entry(checker.EntryOf(&e))})
	}
}

// isOf tells whether a part may be of the answer to a question behind the one whose
// answer is coming.
func (o *Original) isOf(a *ask, m *talk.History) bool {
	if len(m.Text) == 0 {
		return true
	}
	newest, ok := m.Text[len(m.Text)-1].(talk.Entry)
	return ok && int64(newest.UnixTime) < a.before
}

// refused notes an Error, which does not say what it is about: one message that is under
// way if nothing else is; else nobody knows.
func (o *Original) refused(now time.Time) {
	if len(o.asks) > 0 {
		o.note(now, checker.Event{Verb: checker.Answered, Seq: o.asks[0].number})
		o.moving = o.moving && o.asks[0].fetch
		o.asks = o.asks[1:]
	} else if len(o.own) == 1 && !o.renaming && (o.paged.IsZero() || now.Sub(o.paged) > pageTime) {
		o.note(now, checker.Event{Verb: checker.Refused, Room: o.own[0].room, ID: o.own[0].id, Flag: true})
		o.own = nil
		return
	}
	for _, p := range o.own {
		o.note(now, checker.Event{Verb: checker.Refused, Room: p.room, ID: p.id})
	}
}

// Closed notes the end of the connection. self: the client has hung up, since nothing
// came.
func (o *Original) Closed(now time.Time, self bool) {
	for _, a := range slices.Concat(o.pages, o.asks) {
		if !o.ended {
			o.note(now, checker.Event{Verb: checker.Dropped, Seq: a.number, Flag: self})
		}
	}
	if o.up && !o.ended {
		o.note(now, checker.Event{Verb: checker.Down, Room: o.room, Seq: max(0, now.Sub(o.heard).Microseconds())})
	}
	o.up, o.there, o.moving, o.conn = false, false, false, 0
	o.own, o.asks, o.pages = nil, nil, nil
}

// Leave notes that the client ends for good, by hanging up: it has no other way. End
// follows.
func (o *Original) Leave(now time.Time) { o.leave(now) }

// End is the end of the record.
func (o *Original) End(now time.Time) {
	o.note(now, checker.Event{Verb: checker.Ended, Flag: o.up || !o.wanting})
	o.ended = true
}
