package view

import (
	"slices"
	"strconv"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

// Prefs keeps small things of convenience over restarts: drafts for one window,
// how far the user has read for all of his windows. Losing them loses no message.
type Prefs interface {
	Pref(shared bool, key string) string // "" when there is none
	SetPref(shared bool, key, value string) error
}

// SaveAfter is how long drafts and the read mark may wait until they are saved.
const SaveAfter = time.Second

// maxRooms bounds what is remembered of rooms.
const maxRooms = 100

// View is what a client shows of a Session and what the user enters, without
// cells or elements. Settle must be called before it is drawn.
type View struct {
	Rows   *Rows
	Inputs InputHistory
	Search Search

	session *client.Session
	prefs   Prefs

	room   int32
	rooms  []int32 // that the user was in
	mark   readMark
	loader historyLoader
	fetch  fetch

	names     names
	newPeople bool // of which names knows nothing
	people    people

	draft      Draft
	draftSaved string          // what is kept of it
	cursors    map[int32]int   // in the drafts of other rooms
	saveFailed bool            // the last Save failed, and the user was told
	notices    []client.Notice // to be told with the next Update
}

// Draft is what is in the input and not sent. Cursor is in bytes.
type Draft struct {
	Text   string
	Cursor int
}

// News is what an Update found.
type News struct {
	Asked   bool // the user wanted the cause
	Entered bool // another room is shown now, with another Draft
	Reset   bool // the rows are others
	Said    int  // messages of others that came
	Last    *talk.Entry
	Unread  bool // the unread line or Fresh changed
	Notices []client.Notice
	Say     string // what a fetch of the user's has brought; "": nothing to say
}

// New makes the view of a session. Days and times are as they are in loc. prefs
// may be nil: then nothing survives a restart.
func New(s *client.Session, loc *time.Location, prefs Prefs) *View {
	if prefs == nil {
		prefs = make(memory)
	}
	v := &View{session: s, prefs: prefs, Rows: NewRows(loc), cursors: make(map[int32]int)}
	v.enter(s.Room())
	v.sync(client.Reset | client.MembersChanged)
	return v
}

// Update takes over what changed in the session. It must be called after each
// Handle of the driver. cause is the event that was handled, or nil when it came
// from elsewhere than the user and the screen.
func (v *View) Update(cause client.Event, out client.Outcome) (n News) {
	n.Asked, n.Notices = cause != nil, out.Notices
	if _, fetch := cause.(client.FetchOlder); fetch {
		if n.Asked = v.fetch.asked; !n.Asked {
			n.Notices = nil
		}
		v.fetch.asked = n.Asked && !out.Refused
	}
	n.Reset = out.Change&client.Reset != 0
	if room := v.session.Room(); room != v.room {
		v.Save()
		v.cursors[v.room] = v.draft.Cursor
		v.enter(room)
		n.Entered, n.Reset = true, true
	} else if out.Change&(client.Appended|client.Prepended|client.Reset) != 0 {
		v.updateUnread(out.Change, &n)
	}
	v.sync(out.Change)
	if out.Change&(client.Prepended|client.HistoryChanged) != 0 {
		n.Say = v.fetched()
	}
	n.Notices = append(n.Notices[:len(n.Notices):len(n.Notices)], v.notices...)
	v.notices = nil
	return n
}

// sync brings up to date what is derived from the session.
func (v *View) sync(c client.Change) {
	if c&client.Reset != 0 {
		v.names, v.newPeople = names{}, true
		v.loader.tried = false
	}
	if c&(client.MembersChanged|client.StatusChanged) != 0 {
		v.people.stale, v.newPeople = true, true
	}
	v.Rows.Update(v.session, c)
}

// Settle is called once before each frame, after all events that have come. It
// reports whether some names are shown in another way than before.
func (v *View) Settle() (renamed bool) { return v.collectNames() }

// enter begins to show a room.
func (v *View) enter(room int32) {
	v.room = room
	v.visit(room)
	text := talk.CleanText(v.prefs.Pref(false, draftKey(room)))
	v.draft, v.draftSaved = Draft{text, len(text)}, text
	if at, ok := v.cursors[room]; ok {
		v.draft.Cursor = min(at, len(text))
	}
	v.mark.enter(v.prefs.Pref(true, readKey(room)))
	v.Rows.SetUnread(0)
	v.Search, v.loader, v.fetch = Search{}, historyLoader{}, fetch{}
}

func (v *View) visit(room int32) {
	if slices.Contains(v.rooms, room) {
		return
	}
	if len(v.rooms) == maxRooms {
		delete(v.cursors, v.rooms[0])
		v.rooms = v.rooms[1:]
	}
	v.rooms = append(v.rooms, room)
}

// Room is the room that is shown.
func (v *View) Room() int32 { return v.room }

// Rooms are those that the user was in, in the order of the first visits.
func (v *View) Rooms() []int32 { return v.rooms }

// Draft is what belongs into the input of the room that is shown.
func (v *View) Draft() Draft { return v.draft }

// SetDraft notes what is in the input.
func (v *View) SetDraft(text string, cursor int) { v.draft = Draft{text, cursor} }

func draftKey(room int32) string { return "draft." + strconv.Itoa(int(room)) }
func readKey(room int32) string  { return "read." + strconv.Itoa(int(room)) }

// Unsaved tells whether Save has something to do.
func (v *View) Unsaved() bool { return v.draft.Text != v.draftSaved || v.mark.seen > v.mark.saved }

// Save keeps the draft and how far the user has read. The next Update tells when
// that is not possible.
func (v *View) Save() {
	if !v.Unsaved() {
		return
	}
	var err error
	if v.draft.Text != v.draftSaved {
		v.draftSaved = v.draft.Text
		err = v.prefs.SetPref(false, draftKey(v.room), v.draft.Text)
	}
	if m, key := &v.mark, readKey(v.room); m.seen > m.saved {
		m.saved = m.seen
		var kept readMark
		kept.enter(v.prefs.Pref(true, key)) // another window may have read further
		if kept.seen < m.seen && err == nil {
			err = v.prefs.SetPref(true, key, strconv.FormatInt(m.seen, 10))
		}
	}
	if err != nil && !v.saveFailed {
		v.notices = append(v.notices, client.Notice{Text: "What you have read, and what is in the input, cannot be kept here: " + err.Error()})
	}
	v.saveFailed = err != nil
}

// entry is entry i of the log.
func (v *View) entry(i int) *talk.Entry { return v.session.Log().At(i) }

// oldest and newest are the seqs of the log's ends, 0 when it is empty.
func (v *View) oldest() int64 { return v.seqAt(0) }
func (v *View) newest() int64 { return v.seqAt(v.session.Log().Len() - 1) }

func (v *View) seqAt(i int) int64 {
	if v.session.Log().Len() == 0 {
		return 0
	}
	return v.entry(i).Seq
}

// memory is Prefs that end with the program.
type memory map[string]string

func (m memory) Pref(_ bool, key string) string { return m[key] }

func (m memory) SetPref(_ bool, key, value string) error {
	if value == "" {
		delete(m, key)
	} else {
		m[key] = value
	}
	return nil
}
