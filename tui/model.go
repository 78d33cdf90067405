package tui

import (
	"strconv"
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
	Prefs   view.Prefs
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

	view       *view.View
	called     string // the user's name, as rowLayouts know it
	rowLayouts rowLayouts
	wrapped    int // the width of the texts that rowLayouts holds
	scroll     scroll

	edit    Editor
	pasting pasting
	menu    menu

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

// New makes the model of a session that has not started yet.
func New(o Options) *Model {
	if o.Zone == nil {
		o.Zone = time.Local
	}
	m := &Model{
		session: o.Session, zone: o.Zone, theme: o.Theme, version: o.Version,
		w: o.W, h: o.H, mouse: true, focused: true,
		view: view.New(o.Session, o.Zone, o.Prefs),
	}
	m.enter()
	m.sync(client.Reset)
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
	m.view.Attend(m.here())
	m.view.SetDraft(m.edit.Text(), m.edit.Cursor())
	if m.view.Settle() {
		m.rowLayouts.clear() // a name may take more room now
	}
	var effects []Effect
	if m.wantsOlder() {
		effects = append(effects, Do{client.FetchOlder{Limit: view.PageEntries}})
	}
	if t := m.windowTitle(); t != m.title {
		m.title = t
		effects = append(effects, Title{t})
	}
	return effects
}

// here tells whether the user sees what comes in.
func (m *Model) here() bool { return m.focused && m.scroll.follow }

func (m *Model) windowTitle() string {
	t := "TuiTalk " + strconv.Itoa(int(m.view.Room()))
	if n := m.view.Fresh(); n > 0 && !m.focused {
		t = "(" + strconv.Itoa(n) + ") " + t
	}
	return t
}

// Unsaved tells whether Save has something to do.
func (m *Model) Unsaved() bool { return m.view.Unsaved() }

// Save keeps what is in the input and how far the user has read.
func (m *Model) Save() {
	m.view.SetDraft(m.edit.Text(), m.edit.Cursor())
	m.view.Save()
}

func (m *Model) onOutcome(ev ClientOutcome) []Effect {
	m.view.Attend(m.here())
	m.view.SetDraft(m.edit.Text(), m.edit.Cursor())
	news := m.view.Update(ev.Cause, ev.Outcome)
	for _, n := range news.Notices {
		m.sayNotice(n)
	}
	switch {
	case !news.Asked:
	case ev.Refused:
		m.takeBack()
	default:
		m.sent = ""
	}
	if news.Entered {
		m.enter()
	}
	if news.Say != "" {
		m.say(news.Say, false)
	}
	m.sync(ev.Change)
	if ev.Done {
		return []Effect{Exit{}}
	}
	return nil
}

// sync forgets what was laid out of what is no longer so.
func (m *Model) sync(c client.Change) {
	me := m.session.Me().Username
	if c&client.Reset != 0 || me != m.called { // who is named, and how long the name is, is part of them
		m.rowLayouts.clear()
	}
	m.called = me
}

// enter begins to show a room.
func (m *Model) enter() {
	d := m.view.Draft()
	m.edit.Restore(d.Text, d.Cursor)
	m.menu = menu{}
	m.scroll = scroll{follow: true}
	m.view.Attend(m.here())
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
