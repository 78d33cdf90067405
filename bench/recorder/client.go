package recorder

import (
	"time"

	"tuitalk/bench/checker"
	"tuitalk/client"
	"tuitalk/talk"
)

// Client is one recorded client. It belongs to the goroutine that owns the
// client's session, except for At.
type Client struct {
	rec   *Recorder
	index int32

	// owned by the session's goroutine
	session   *client.Session
	heard     time.Time // when a frame came last
	name      string
	uuid      talk.UUID
	named     talk.UUID // the session, as it was said to a server last
	wanting   bool
	joined    bool // the server has let it into room
	up        bool
	based     bool     // what is shown has a beginning
	count     int      // entries of the log, of which
	tail      entryKey // is the last
	pending   []pendingEntry
	own       map[talk.UUID]fate // messages that are not known to be stored or discarded
	streams   []stream           // of the connections, the oldest first
	unknown   client.ConnID      // connections up to it may have joined long ago
	listedTo  int64              // the newest entry as of which a server named those who are in room
	asks      []ask              // that are not answered, the oldest first
	questions int64              // so far
	ended     bool               // nothing is noted any more
	strays    client.ConnID      // the connection of which something that strayed was noted last; 0: none
	failed    int                // of them

	// guarded by rec.mu
	room int32
	last int64 // seq that was shown
	owed int   // own messages that did not fail
}

// fate is what is known of an own message.
type fate struct {
	room   int32
	failed bool // refused for good
}

type entryKey struct {
	seq int64
	id  talk.UUID
}

type pendingEntry struct {
	author, id talk.UUID
	index      int32 // in the recording
}

// Client adds a client to the recording; label names it in reports.
func (r *Recorder) Client(label string) *Client {
	w := r.begin()
	defer r.finish()
	return &Client{rec: r, index: w.Client(label), own: map[talk.UUID]fate{}}
}

// At tells how far the client is: its room, the last seq that it has shown there,
// and how many of its messages are not known to be stored or refused. It may be
// called from anywhere.
func (c *Client) At() (room int32, seq int64, owed int) {
	c.rec.mu.Lock()
	defer c.rec.mu.Unlock()
	return c.room, c.last, c.owed
}

// Attach begins a program's life: s has not handled its Start. The user must be
// the one of the session before, if there was one.
func (c *Client) Attach(now time.Time, s *client.Session) {
	w := &note{c.rec.begin(), c, checker.Micro(now)}
	defer w.finish()
	if c.up {
		w.down(now)
	}
	c.session, c.heard, c.joined, c.based = s, now, false, false
	c.count, c.pending = 0, nil
	c.streams, c.strays, c.asks, c.unknown = nil, 0, nil, 0
	w.event(checker.Event{Verb: checker.Attached})
	w.who(true)
	for _, e := range s.State().Outbox {
		w.sent(e.RoomID, e.ID, e.Text, true)
	}
	w.enter(s.Room())
}

// Handled notes what an event has done, right after the session or its driver
// has handled it. change is what the Changed effect or the Outcome said.
func (c *Client) Handled(now time.Time, ev client.Event, change client.Change) {
	frame := talk.Message(nil)
	switch e := ev.(type) {
	case client.Received:
		c.heard, frame = now, e.Message
		c.follow(now, e.Conn, frame)
		c.answered(now, e.Conn, frame)
	case client.Closed:
		c.dropped(now, e.Conn, false)
	}
	if change == 0 && !c.concerns(frame) {
		return
	}
	w := &note{c.rec.begin(), c, checker.Micro(now)}
	defer w.finish()
	if frame != nil {
		w.told(frame)
	} else {
		w.did(ev)
	}
	_, isEntry := frame.(talk.Entry)
	w.who(!isEntry)
	if change&(client.StatusChanged|client.MembersChanged) != 0 {
		w.live(now, frame, change)
	}
	if change&(client.OutboxChanged|client.Reset) != 0 {
		w.pending()
	}
	if change&client.Reset != 0 {
		w.restarted(ev, frame)
	}
	if change&(client.Reset|client.Appended|client.Prepended|client.Trimmed) != 0 {
		w.log(change)
	}
}

// concerns tells of frames that say something of a message, whatever the session
// makes of it.
func (c *Client) concerns(frame talk.Message) bool {
	switch m := frame.(type) {
	case talk.Accepted, talk.Stored, talk.Withdrawn, talk.Error:
		return true
	case talk.Entry:
		return m.Author == c.uuid
	}
	return false
}

// End is the end of the record: nothing that comes later is held against
// anybody.
func (c *Client) End(now time.Time) {
	w := &note{c.rec.begin(), c, checker.Micro(now)}
	defer w.finish()
	for _, e := range c.session.State().Outbox {
		w.event(checker.Event{Verb: checker.Owed, Room: e.RoomID, ID: e.ID})
	}
	if !c.ended {
		w.shows()
	}
	w.event(checker.Event{Verb: checker.Ended, Flag: c.up || !c.wanting})
	c.ended = true
}

// Kill is the end of a program that is killed for good, without a word. What it had not
// sent, or does not know to be stored, stays as it is.
func (c *Client) Kill(now time.Time) {
	w := &note{c.rec.begin(), c, checker.Micro(now)}
	defer w.finish()
	for _, e := range c.session.State().Outbox {
		w.event(checker.Event{Verb: checker.Discarded, Room: e.RoomID, ID: e.ID})
		c.settle(e.ID)
	}
	w.event(checker.Event{Verb: checker.Killed})
	w.event(checker.Event{Verb: checker.Ended, Flag: true})
	c.ended, c.up, c.wanting = true, false, false
}

// note writes down what happens to a client at one moment. It holds the
// recording's lock.
type note struct {
	*checker.Writer
	c  *Client
	at int64
}

func (w *note) finish() {
	w.c.owed = len(w.c.own) - w.c.failed
	w.c.rec.finish()
}

func (w *note) event(e checker.Event) {
	e.At, e.Client = w.at, w.c.index
	w.Event(e)
}

func (w *note) entry(v checker.Verb, index int32) { w.event(checker.Event{Verb: v, Entry: index}) }

// who notes who the user is. A name that came with an entry is not one that the
// user took.
func (w *note) who(taken bool) {
	c := w.c
	me := c.session.Me()
	if me.UUID != c.uuid {
		c.uuid = me.UUID
		w.event(checker.Event{Verb: checker.Identified, ID: me.UUID})
	}
	if me.Username != c.name {
		c.name = me.Username
		if taken {
			w.event(checker.Event{Verb: checker.Named, Hash: checker.Hash(me.Username)})
		}
	}
}

func (w *note) enter(room int32) {
	w.c.room, w.c.last, w.c.wanting, w.c.listedTo = room, 0, true, 0
	w.event(checker.Event{Verb: checker.Entered, Room: room})
}

func (w *note) leave() {
	w.event(checker.Event{Verb: checker.Left, Room: w.c.room})
	w.c.wanting, w.c.joined, w.c.up, w.c.based = false, false, false, false
}

// live notes that the client is live in its room, or not any more.
func (w *note) live(now time.Time, frame talk.Message, change client.Change) {
	c := w.c
	if m, ok := frame.(talk.Joined); ok && change&client.MembersChanged != 0 && m.RoomID == c.session.Room() {
		c.joined = true
	}
	up := c.joined && c.wanting && c.session.Status().Phase == client.Online
	switch {
	case up && !c.up:
		c.up = true
		w.event(checker.Event{Verb: checker.Up, Room: c.room})
	case !up && c.up:
		w.down(now)
	}
}

func (w *note) down(now time.Time) {
	w.c.up = false
	silent := max(0, now.Sub(w.c.heard).Microseconds())
	w.event(checker.Event{Verb: checker.Down, Room: w.c.room, Seq: silent})
}
