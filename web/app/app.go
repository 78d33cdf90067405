package app

import (
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
)

// Driver carries out what the Session wants. *client.Driver is one.
type Driver interface {
	Handle(ev client.Event) client.Outcome
}

var _ Driver = (*client.Driver)(nil)

// Config is what an App needs besides its Session.
type Config struct {
	Version  string
	Location *time.Location // the user's clock
	FirstUse bool           // ask for a name
	Wide     bool           // there is room for the member list beside the log
	Address  string         // the page's query, "?room=7", as it is
}

// Opening is what the page was like when the client took it over.
type Opening struct {
	Text    string // what the user has written already
	Enter   bool   // and wanted to send
	Shown   bool
	Focused bool
}

// part is a set of parts of the page that are stale.
type part uint16

const (
	partRows part = 1 << iota
	partOlder
	partStatus
	partMe
	partPeople
	partNotices
	partPrompt
	partCompletions
	partInput // the input's text is to be replaced
	partCount
	partPills // the buttons that jump
	partTitle
	partAddress
	partAnnounce

	partAll = 1<<iota - 1
)

// App is the state of the page. It belongs to one goroutine.
type App struct {
	// Immutable.
	config  Config
	session *client.Session
	driver  Driver

	view      *view.View
	stale     part
	bound     bool // the page's elements have their numbers
	refs      refs
	labels    labels
	window    window
	attention attention
	input     input
	people    people
	notices   notices
	prompt    prompt
	announcer announcer
	address   string // the query that the browser shows
	rise      bool   // the page has the button that jumps to the unread line
	entered   bool   // the browser's history has a room of ours
	ended     bool

	saveNext time.Time            // when drafts and such are to be saved; zero: nothing has changed
	unfolded map[view.RowKey]bool // long texts that the user wants to see whole
}

// New makes the App of a Session that was not started yet. prefs may be nil.
func New(config Config, session *client.Session, driver Driver, prefs view.Prefs) *App {
	a := &App{
		config: config, session: session, driver: driver,
		view: view.New(session, config.Location, prefs), stale: partAll, refs: refs{next: firstFree},
		address: config.Address,
	}
	a.people.open = config.Wide
	a.enterRoom()
	return a
}

// Start connects and takes over what the user did before.
func (a *App) Start(now time.Time, o Opening) {
	a.attention.shown, a.attention.focused = o.Shown, o.Focused
	a.attend()
	a.Drive(now, client.Start{})
	if a.config.FirstUse {
		a.openPrompt(promptName)
		a.prompt.grab = false
	}
	if o.Text != "" {
		a.view.SetDraft(o.Text, len(o.Text))
	}
	if o.Enter {
		a.submit(now, a.view.Draft().Text)
	}
	if a.view.Draft().Text == o.Text {
		a.stale &^= partInput // the user may be in the middle of a word
	}
}

// Drive hands an event to the session and notes what it changed. It reports
// whether the session did not take it.
func (a *App) Drive(now time.Time, ev client.Event) (refused bool) {
	if a.ended {
		return true
	}
	out := a.driver.Handle(ev)
	news := a.view.Update(ev, out)
	if news.Entered {
		a.announcer.forget()
		a.enterRoom()
	}
	if news.Said > 0 {
		a.announcer.add(now, news.Said, view.ShowName(news.Last.Author, news.Last.Name), news.Last.Text)
	}
	if news.Unread {
		a.stale |= partRows | partPills | partTitle
	}
	a.took(out.Change)
	for _, n := range news.Notices {
		a.sayNotice(now, n)
	}
	if news.Say != "" {
		a.notify(now, news.Say, false)
	}
	if out.Done {
		a.end()
	}
	return out.Refused
}

// took notes which parts of the page a change makes stale.
func (a *App) took(c client.Change) {
	if c&client.Reset != 0 {
		a.window.reset()
		a.labels.reset()
	}
	if c&(client.Reset|client.Appended|client.Prepended|client.Trimmed|client.OutboxChanged) != 0 {
		a.stale |= partRows | partOlder | partPills
	}
	if c&client.MembersChanged != 0 {
		a.stale |= partPeople
	}
	if c&client.StatusChanged != 0 {
		a.offerAnew()
		a.stale |= partStatus | partMe | partOlder | partTitle | partAddress | partRows
	}
	if c&client.HistoryChanged != 0 {
		a.stale |= partOlder
	}
}

// Handle takes an event of the page. It reports whether the page must not do
// what it would do by itself.
func (a *App) Handle(now time.Time, ev Event) (taken bool) {
	switch ev := ev.(type) {
	case Key:
		return a.key(now, ev)
	case Typed:
		a.typed(now, ev)
	case Clicked:
		a.clicked(now, ev)
	case Answered:
		a.answered(now, ev.Text)
	case Scrolled:
		a.scrolled(now, ev)
	case Attention:
		a.looked(now, ev)
	case Widened:
		a.widened(ev.Wide)
	case Visited:
		a.visited(now, ev)
	}
	return false
}

// clickActs are the buttons of the page by their data-act.
var clickActs = map[string]func(a *App, now time.Time, ev Clicked){
	"send":      func(a *App, now time.Time, ev Clicked) { a.submit(now, ev.Text) },
	"members":   func(a *App, _ time.Time, _ Clicked) { a.toggleMembers() },
	"ask-name":  func(a *App, _ time.Time, _ Clicked) { a.togglePrompt(promptName) },
	"ask-room":  func(a *App, _ time.Time, _ Clicked) { a.togglePrompt(promptRoom) },
	"ask-close": func(a *App, _ time.Time, _ Clicked) { a.closePrompt() },
	"jump":      func(a *App, _ time.Time, _ Clicked) { a.goEnd() },
	"unread":    func(a *App, now time.Time, _ Clicked) { a.goUnread(now) },
	"older":     func(a *App, now time.Time, _ Clicked) { a.Drive(now, a.view.Older()) },
	"retry":     func(a *App, now time.Time, ev Clicked) { a.retry(now, ev.Arg) },
	"discard":   func(a *App, now time.Time, ev Clicked) { a.discard(now, ev.Arg) },
	"unfold":    func(a *App, _ time.Time, ev Clicked) { a.unfold(ev.Arg) },
	"offer":     func(a *App, _ time.Time, ev Clicked) { a.takeCompletion(ev.Arg) },
	"shut":      func(a *App, _ time.Time, ev Clicked) { a.shutNotice(ev.Arg) },
	actAnew:     func(a *App, now time.Time, _ Clicked) { a.beginAnew(now) },
	"escape":    func(a *App, _ time.Time, _ Clicked) { a.escape() },
}

func (a *App) clicked(now time.Time, ev Clicked) {
	if act := clickActs[ev.Act]; act != nil {
		act(a, now, ev)
	}
}

// end shows that it is over, after a Quit.
func (a *App) end() {
	a.ended = true
	a.save()
	a.notices.add(notice{text: "You left room " + roomNumber(a.session.Room()) + ".", act: "reload", actText: "Come back", stays: true})
	a.stale = partAll
}

// Ended reports whether the session is over.
func (a *App) Ended() bool { return a.ended }

// Stale reports whether Frame has something to do.
func (a *App) Stale() bool { return a.stale != 0 || a.window.wants() }

// Urgent reports that Frame must run before the page takes another event: the
// input's text is to be replaced, and the next key may come at once.
func (a *App) Urgent() bool { return a.stale&partInput != 0 }

// Next is when Tick wants to be called; zero: not before the next event.
func (a *App) Next() time.Time {
	return earliest(a.notices.next(), a.announcer.next(), a.people.next, a.saveNext)
}

func earliest(times ...time.Time) (first time.Time) {
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// Tick does what the time has come for.
func (a *App) Tick(now time.Time) {
	if a.notices.expire(now) {
		a.stale |= partNotices
	}
	if a.announcer.due(now) {
		a.stale |= partAnnounce
	}
	if !a.people.next.IsZero() && !now.Before(a.people.next) {
		a.people.next = time.Time{}
		a.stale |= partPeople
	}
	if !a.saveNext.IsZero() && !now.Before(a.saveNext) {
		a.save()
	}
}

// save keeps the draft and how far the user has read.
func (a *App) save() {
	a.view.Save()
	a.saveNext = time.Time{}
}
