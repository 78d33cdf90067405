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

// Keeper keeps small things of convenience in the browser: drafts for the life
// of the tab, and how far the user has read for longer. Losing them loses no
// message.
type Keeper interface {
	Kept(forTab bool, key string) string // "" when there is none
	Keep(forTab bool, key, value string)
}

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
	keeper  Keeper

	stale     part
	bound     bool // the page's elements have their numbers
	refs      refs
	rows      *view.Rows
	labels    labels
	window    window
	older     older
	reading   reading
	input     input
	people    people
	notices   notices
	prompt    prompt
	announcer announcer
	search    search
	address   string // the query that the browser shows
	rise      bool   // the page has the button that jumps to the unread line
	entered   bool   // the browser's history has a room of ours
	ended     bool

	keepNext time.Time            // when drafts and such are to be kept; zero: nothing has changed
	unfolded map[view.RowKey]bool // long texts that the user wants to see whole
}

// New makes the App of a Session that was not started yet.
func New(config Config, session *client.Session, driver Driver, keeper Keeper) *App {
	a := &App{
		config: config, session: session, driver: driver, keeper: keeper,
		stale: partAll, refs: refs{next: firstFree},
		rows: view.NewRows(config.Location), address: config.Address,
	}
	a.people.open = config.Wide
	a.older.auto = true
	a.window.reset()
	return a
}

// Start connects and takes over what the user did before.
func (a *App) Start(now time.Time, o Opening) {
	a.reading.attention(o.Shown, o.Focused)
	a.Drive(now, client.Start{})
	a.enterRoom(a.session.Room())
	if a.config.FirstUse {
		a.openPrompt(promptName)
		a.prompt.grab = false
	}
	if o.Text != "" {
		a.input.draft = o.Text
	}
	if o.Enter {
		a.submit(now, a.input.draft)
	}
	if a.input.draft == o.Text {
		a.stale &^= partInput // the user may be in the middle of a word
	}
}

// Drive hands an event to the session and notes what it changed. It reports
// whether the session did not take it.
func (a *App) Drive(now time.Time, ev client.Event) (refused bool) {
	if a.ended {
		return true
	}
	room := a.session.Room()
	out := a.driver.Handle(ev)
	if a.session.Room() != room {
		a.leaveRoom(room)
		a.enterRoom(a.session.Room())
	} else if out.Change&(client.Appended|client.Prepended|client.Reset) != 0 {
		a.arrived(now)
	}
	a.rows.Update(a.session, out.Change)
	a.took(now, out.Change)
	for _, n := range out.Notices {
		a.sayNotice(now, n)
	}
	if out.Done {
		a.end()
	}
	return out.Refused
}

// took notes which parts of the page a change makes stale.
func (a *App) took(now time.Time, c client.Change) {
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
	if c&(client.Prepended|client.HistoryChanged|client.Reset) != 0 {
		a.older.settled(now, a.session.Loading(), c&(client.Prepended|client.Reset) != 0)
	}
}

// newestSeq is that of the newest entry; 0 when there is none.
func (a *App) newestSeq() int64 {
	log := a.session.Log()
	if n := log.Len(); n > 0 {
		return log.At(n - 1).Seq
	}
	return 0
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
		a.attention(now, ev)
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
	"older":     func(a *App, now time.Time, _ Clicked) { a.loadOlder(now, olderPage) },
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
	a.keepAll()
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
	return earliest(a.notices.next(), a.announcer.next(), a.people.next, a.older.next(), a.nextKeep())
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
	if a.older.due(now) {
		a.stale |= partOlder
		a.loadMore(now)
	}
	if next := a.nextKeep(); !next.IsZero() && !now.Before(next) {
		a.keepAll()
	}
}
