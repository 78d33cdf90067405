package tui

import (
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/talk"
)

// Options are what a Model is made of.
type Options struct {
	Session *client.Session
	Zone    *time.Location // of days and times; default time.Local
	Theme   Theme
	Version string // shown in the help
	W, H    int    // size of the screen in cells
	Notice  string // what there is to say at the start
}

// Model is the state of the terminal client. Update changes it and says what
// is to be done; View draws it. It never touches a terminal, a socket or a
// clock, and it only reads the session.
type Model struct {
	session *client.Session
	zone    *time.Location
	theme   Theme
	version string

	w, h    int
	mouse   bool // the terminal sends us the mouse
	focused bool
	title   string

	room       int32
	rooms      []int32 // that were visited
	people     []talk.Member
	called     string // the user's name, as rowLayouts know it
	rows       *view.Rows
	rowLayouts rowLayouts
	wrapped    int // the width of the texts that rowLayouts holds
	scroll     scroll
	reading    reading
	names      names

	edit    Editor
	drafts  map[int32]draft
	past    past
	pasting pasting
	menu    menu
	find    find

	panel   panel
	members membersMode
	listTop int // first member shown
	notice  notice
	sent    string // what was last entered, until the driver took it
	quit    bool   // asked for

	hits []hit // of the frame that is shown
}

// panel is what lies over the log.
type panel struct {
	help bool
	top  int // first line shown
}

// membersMode says when the member list is there.
type membersMode uint8

const (
	membersAuto membersMode = iota // when there is room
	membersShown
	membersHidden
)

// notice is what was said to the user, until he goes on.
type notice struct {
	text string
	bad  bool
	anew bool // it offers to begin as somebody else
}

// draft is an unsent input.
type draft struct {
	text   string
	cursor int
}

// New makes the model of a session that has not started yet.
func New(o Options) *Model {
	if o.Zone == nil {
		o.Zone = time.Local
	}
	m := &Model{
		session: o.Session, zone: o.Zone, theme: o.Theme, version: o.Version,
		w: o.W, h: o.H, mouse: true, focused: true,
		rows: view.NewRows(o.Zone), drafts: make(map[int32]draft),
		scroll: scroll{follow: true},
	}
	m.enter(m.session.Room())
	m.sync(client.Reset | client.MembersChanged)
	m.say(o.Notice, true)
	return m
}

// Update takes an event. The effects are to be done in order.
func (m *Model) Update(ev Event) []Effect {
	switch ev := ev.(type) {
	case Key:
		return m.key(ev)
	case Paste:
		m.paste(ev.On)
	case Resize:
		m.w, m.h = ev.W, ev.H
	case Wheel:
		m.wheel(ev)
	case Click:
		return m.click(ev)
	case Focus:
		m.focused = ev.On
	case ClientOutcome:
		return m.onOutcome(ev)
	}
	return nil
}

// Settle is called once before each View, after all events that have come: it
// does what need not be done for each of them.
func (m *Model) Settle() []Effect {
	m.flushPaste()
	m.readAll()
	var effects []Effect
	if m.wantsOlder() {
		m.scroll.asked = m.oldest()
		effects = append(effects, Do{client.FetchOlder{Limit: pageEntries}})
	}
	if t := m.windowTitle(); t != m.title {
		m.title = t
		effects = append(effects, Title{t})
	}
	return effects
}

func (m *Model) onOutcome(ev ClientOutcome) []Effect {
	_, fetch := ev.Cause.(client.FetchOlder)
	for _, n := range ev.Notices {
		if !fetch || m.past.fetched { // the user asked, not the view
			m.sayNotice(n)
		}
	}
	switch {
	case ev.Cause == nil || fetch && !m.past.fetched:
	case ev.Refused:
		m.takeBack()
	default:
		m.sent = ""
	}
	if m.session.Room() != m.room {
		m.leave()
		m.enter(m.session.Room())
	}
	if ev.Change != 0 {
		m.sync(ev.Change)
	}
	if ev.Done {
		return []Effect{Exit{}}
	}
	return nil
}

// sync takes over what changed in the session.
func (m *Model) sync(c client.Change) {
	before := m.oldest()
	m.attend()
	m.rows.Update(m.session, c)
	if me := m.session.Me().Username; me != m.called {
		m.called = me
		m.rowLayouts.clear() // who is named, and how long the name is, is part of them
	}
	if c&client.Reset != 0 {
		m.rowLayouts.clear()
		m.names = names{}
		m.reading.count = 0
	}
	if c&client.MembersChanged != 0 {
		m.people = append(m.people[:0], m.session.Members()...)
	}
	m.meet(c)
	if m.past.fetched && c&(client.Prepended|client.HistoryChanged) != 0 && !m.session.Loading() {
		m.past.fetched = false
		m.sayLoaded(before)
	}
}

// leave keeps what belongs to the room that was shown.
func (m *Model) leave() {
	if m.edit.Text() != "" {
		m.drafts[m.room] = draft{m.edit.Text(), m.edit.Cursor()}
	}
	m.reading.leave(m.room)
}

// enter begins to show a room.
func (m *Model) enter(room int32) {
	m.room = room
	m.visit(room)
	d := m.drafts[room]
	delete(m.drafts, room)
	m.edit.Restore(d.text, d.cursor)
	m.menu, m.find = menu{}, find{}
	m.scroll = scroll{follow: true}
	m.rows.SetUnread(m.reading.enter(room))
}

// maxRooms bounds what is remembered of rooms.
const maxRooms = 100

func (m *Model) visit(room int32) {
	for _, r := range m.rooms {
		if r == room {
			return
		}
	}
	if len(m.rooms) == maxRooms {
		m.reading.forget(m.rooms[0])
		delete(m.drafts, m.rooms[0])
		m.rooms = m.rooms[1:]
	}
	m.rooms = append(m.rooms, room)
}

// say shows a sentence above the input.
func (m *Model) say(text string, bad bool) { m.notice = notice{text: talk.CleanText(text), bad: bad} }

// sayNotice shows what the session says.
func (m *Model) sayNotice(n client.Notice) {
	m.say(n.Text, true)
	if n.Anew {
		m.notice.anew = true
		m.notice.text += " If that is not you: " + anewOffer
	}
}

// anewOffer ends a sentence that offers the way out.
const anewOffer = anewKey + " begins as somebody new, and keeps what is unsent."

// offersAnew tells whether the screen offers to begin as somebody else.
func (m *Model) offersAnew() bool {
	return m.notice.anew || m.session.Status().Phase == client.Refused
}

// beginAnew is one key, so it does nothing unless it is offered: nothing brings back
// who the user was.
func (m *Model) beginAnew() []Effect {
	if !m.offersAnew() {
		m.say("Nobody refuses you here. /identity new makes you somebody else all the same.", false)
		return nil
	}
	m.say("You are somebody new here.", false)
	return []Effect{Do{client.Anew{}}}
}
