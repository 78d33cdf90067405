package virtualuser

import (
	"slices"
	"time"

	"tuitalk/bench/recorder"
	"tuitalk/talk"
	"tuitalk/websocket"
)

// original is a client of one of the original's forms: it has no ids, no outbox and no
// resume. It shows what comes over its connection, and what was under way when that
// broke is lost to it.
type original struct {
	dialling
	form talk.Form
	rec  *recorder.Original // nil: nothing is recorded

	me     talk.UUID
	name   string
	wanted int32 // where it wants to be

	// posts
	waiting []oldPost // until the room is joined
	unseen  []oldPost // sent, and not come back

	pages  pages
	recent [recentOld]oldEntry // what was shown last
	shown  int
}

// oldPost is something that was said; the id is this program's own.
type oldPost struct {
	id   talk.UUID
	text string
}

// oldEntry is what such a client knows of an entry.
type oldEntry struct {
	kind   talk.Kind
	author talk.UUID
	text   string
	time   uint64
}

// recentOld is how many entries are known that may follow the last one that is owed.
const recentOld = 64

// pages is what is being loaded of older history.
type pages struct {
	first  uint64 // second of the first entry that is shown
	left   int    // pages to ask for, the one that comes included
	limit  int
	got    int
	nextAt time.Time // when a part has come last and nothing since, it is over
}

const (
	pagesAtOnce = 3
	pageQuiet   = time.Second
)

var _ protocol = (*original)(nil)

// newOriginal makes a client that speaks JSON or bincode, in turn.
func newOriginal(p *user, servers []string, seed uint64) *original {
	o := &original{dialling: newDialling(p, servers, seed, 1<<44), wanted: p.room, name: p.name(), form: talk.JSON}
	if o.rng.IntN(2) == 0 {
		o.form = talk.Bincode
	}
	return o
}

func (o *original) start() {
	o.me = o.p.loop.uuid()
	if rec := o.p.loop.group.rec; rec != nil {
		o.rec = rec.Original(o.p.loop.now, o.p.label(), o.me, o.name)
	}
	o.dial()
}

func (o *original) dial() {
	o.next()
	o.plan()
}

// plan asks for the next tick.
func (o *original) plan() { o.p.wakeAt(soonest(o.dialAt, o.deadline, o.pages.nextAt)) }

func (o *original) tick() {
	now := o.p.loop.now
	switch {
	case o.p.ended:
		return
	case reached(o.deadline, now):
		o.p.loop.fault(o.line.silence())
		o.hangup()
	case reached(o.dialAt, now):
		o.dial()
	case reached(o.pages.nextAt, now):
		o.nextPage()
	}
	o.plan()
}

// hangup gives up a connection of which nothing good is expected.
func (o *original) hangup() {
	if o.line != nil {
		o.p.hangup(o.line)
		o.gone(true)
	}
}

// gone plans the next connection. What was under way is lost.
func (o *original) gone(self bool) {
	p, now := o.p, o.p.loop.now
	if o.rec != nil {
		o.rec.Closed(now, self)
	}
	for _, u := range o.unseen {
		delete(p.loop.posts, u.id)
		p.loop.fault("what a client of the original's form had just said went with its line")
	}
	o.unseen, o.pages = nil, pages{}
	o.lost()
	o.plan()
}

func (o *original) closed(l *connection, _ int, _ string) {
	if l == o.line && !o.p.ended {
		o.gone(false)
	}
}

func (o *original) opened(l *connection) {
	o.deadline = o.p.loop.now.Add(wireJoin)
	if o.rec != nil {
		o.rec.Opened(o.p.loop.now, l.conn)
	}
	o.join()
	o.p.loop.flush()
	o.plan()
}

func (o *original) join() {
	o.joined = false
	o.send(talk.JoinRoom{RoomID: o.wanted, UUID: o.me, Username: o.name, UnixTime: uint64(o.p.loop.now.Unix())})
}

// send sends a message in the client's form.
func (o *original) send(m talk.Message) {
	if o.rec != nil {
		o.rec.Said(o.p.loop.now, m)
	}
	o.p.loop.sendAs(o.line, o.form, m)
}

func (o *original) message(l *connection, opcode byte, payload []byte) {
	if l != o.line || o.p.ended || (opcode == websocket.OpBinary) != (o.form == talk.Bincode) {
		return
	}
	m, err := talk.Decode(o.form, payload)
	if err != nil {
		o.p.loop.fault("a frame cannot be read: " + err.Error())
		return
	}
	if o.rec != nil {
		o.rec.Received(o.p.loop.now, m)
	}
	switch m := m.(type) {
	case talk.Entry:
		o.entry(l, &m)
	case talk.History:
		o.page(&m)
	case talk.Error:
		o.refused(m)
	}
	o.p.loop.flush()
}

func (o *original) entry(l *connection, e *talk.Entry) {
	p := o.p
	if e.Kind == talk.KindJoined && e.Author == o.me && e.RoomID == o.wanted && !o.joined {
		o.arrive(l, e)
	}
	o.recent[o.shown%recentOld] = oldEntry{e.Kind, e.Author, e.Text, e.UnixTime}
	o.shown++
	if e.Kind != talk.KindPosted {
		return
	}
	var st *stamp
	if read, ok := readStamp(e.Text); ok {
		st = &read
	}
	p.shows(p.last, st)
	if i := slices.IndexFunc(o.unseen, func(u oldPost) bool { return u.text == e.Text }); i >= 0 && e.Author == o.me {
		p.loop.stored(o.unseen[i].id)
		o.unseen = slices.Delete(o.unseen, i, i+1)
	}
}

// arrive notes that the client hears of its own coming.
func (o *original) arrive(l *connection, e *talk.Entry) {
	o.joined, o.deadline, o.pages = true, time.Time{}, pages{first: e.UnixTime}
	o.p.joins(l, &talk.Joined{RoomID: e.RoomID}, true)
	waiting := o.waiting
	o.waiting = nil
	for _, w := range waiting {
		o.say(w)
	}
	o.plan()
}

// refused does what its user does: nothing, for it does not say what it is about. Who is
// not let in tries again.
func (o *original) refused(m talk.Error) {
	o.p.loop.fault("the server refuses: " + string(m.Code))
	switch {
	case !o.joined:
		o.hangup()
	case len(o.unseen) == 1:
		o.p.refused(o.unseen[0].id)
		o.unseen = nil
	}
}

func (o *original) post(id talk.UUID, text string) bool {
	post := oldPost{id, text}
	if !o.joined {
		if len(o.waiting) >= wireUnsent {
			return false
		}
		o.waiting = append(o.waiting, post)
		return true
	}
	o.say(post)
	o.p.loop.flush()
	return true
}

func (o *original) say(post oldPost) {
	o.unseen = append(o.unseen, post)
	o.send(talk.Entry{
		Kind: talk.KindPosted, RoomID: o.wanted, Author: o.me, Name: o.name, Text: post.text, UnixTime: uint64(o.p.loop.now.Unix()),
	})
}

// enter goes to another room as the original's client does: it says that it leaves the
// old one when it is in the new one already.
func (o *original) enter(room int32) {
	was := o.wanted
	if !o.joined || len(o.unseen) > 0 {
		return
	}
	o.wanted = room
	o.deadline = o.p.loop.now.Add(wireJoin)
	o.join()
	o.send(talk.LeaveRoom{RoomID: was, UUID: o.me, Username: o.name, UnixTime: uint64(o.p.loop.now.Unix())})
	o.p.loop.flush()
	o.plan()
}

func (o *original) rename(name string) {
	if !o.joined {
		return
	}
	o.send(talk.ChangeName{UUID: o.me, Username: name, OldUsername: o.name, UnixTime: uint64(o.p.loop.now.Unix())})
	o.name = name
	o.p.loop.flush()
}

// fetch loads some pages, each behind the one before.
func (o *original) fetch(limit int) {
	if o.joined && o.pages.left == 0 {
		o.pages.left, o.pages.limit = pagesAtOnce, limit
		o.askPage()
	}
}

func (o *original) askPage() {
	o.pages.got, o.pages.nextAt = 0, time.Time{}
	o.send(talk.Fetch{RoomID: o.wanted, Limit: int64(o.pages.limit), FetchBefore: o.pages.first})
	o.p.loop.flush()
}

// page takes a part of a page. Nothing says that it was the last.
func (o *original) page(m *talk.History) {
	if o.pages.left == 0 {
		return
	}
	if o.pages.got == 0 {
		o.p.loop.sample.Fetched++
	}
	o.pages.got += len(m.Text)
	if len(m.Text) == 0 {
		o.pages.left = 0
		return
	}
	if e, ok := m.Text[0].(talk.Entry); ok {
		o.pages.first = min(o.pages.first, e.UnixTime)
	}
	o.pages.nextAt = o.p.loop.now.Add(pageQuiet)
	o.plan()
}

func (o *original) nextPage() {
	o.pages.nextAt = time.Time{}
	if o.pages.left--; o.pages.left > 0 {
		o.askPage()
	}
}

func (o *original) outbox() int { return len(o.waiting) + len(o.unseen) }

// behind tells whether the newest entry that is owed has not come. Which one it is, only
// clients know that are told seqs.
func (o *original) behind(head int64) int {
	e := o.p.loop.entryAt(o.p.room, head)
	if e == nil || slices.Contains(o.recent[:min(o.shown, recentOld)], oldEntry{e.Kind, e.Author, e.Text, e.UnixTime}) {
		return 0
	}
	return 1
}

// quit ends it for good: it hangs up, which is all that such a client can do.
func (o *original) quit(bool) {
	if o.rec != nil {
		o.rec.Leave(o.p.loop.now)
	}
	o.end()
	o.rec = nil
	if o.line != nil {
		o.line.drop(false)
	}
}

func (o *original) end() {
	if o.rec != nil {
		o.rec.End(o.p.loop.now)
	}
}
