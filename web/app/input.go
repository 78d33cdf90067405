package app

import (
	"slices"
	"strings"
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/talk"
)

// maxRecalled is how many lines that were sent can be called back.
const maxRecalled = 100

// countFrom is how many bytes a text has before its length is shown.
const countFrom = talk.MaxTextBytes - 500

// input is what the user writes. The page's own input is the truth while the
// user types; draft follows it, and replaces it when partInput is stale.
type input struct {
	draft   string
	caret   int // bytes; where it goes when the draft replaces the page's text
	grab    bool
	changed bool // the draft is not kept yet

	recalled []string // lines that were sent, the oldest first
	at       int      // the line shown; len(recalled): none
	aside    string   // the draft while a line is shown

	completions []completion
	start       int // bytes; where a completion goes in
	chosen      int
	explicit    bool // the user chose it with the arrows

	rooms []int32 // that the user was in
}

// completion is a candidate for completion.
type completion struct {
	word string // what goes in, with the space or colon that follows
	args string
	help string
}

func (in *input) visitedRoom(room int32) {
	if !slices.Contains(in.rooms, room) {
		in.rooms = append(in.rooms, room)
	}
	in.caret = len(in.draft)
}

// write replaces what the input holds.
func (a *App) write(text string, caret int) {
	a.input.draft, a.input.caret, a.input.changed = text, caret, true
	a.stale |= partInput | partCount
}

func (a *App) typed(_ time.Time, ev Typed) {
	in := &a.input
	in.draft, in.changed = ev.Text, true
	in.at = len(in.recalled)
	a.stale |= partCount
	a.complete(ev.Text, byteOffset(ev.Text, ev.Caret), false)
	if a.notices.dropWrong() {
		a.stale |= partNotices
	}
}

// inputKeys are the keys of the input that mean something, without modifiers.
var inputKeys = map[string]func(a *App, now time.Time, ev Key) bool{
	"Enter":     func(a *App, now time.Time, ev Key) bool { a.enter(now, ev); return true },
	"Tab":       func(a *App, _ time.Time, ev Key) bool { return a.tab(ev) },
	"Escape":    func(a *App, _ time.Time, _ Key) bool { return a.escape() },
	"ArrowUp":   func(a *App, _ time.Time, ev Key) bool { return a.arrow(ev, -1) },
	"ArrowDown": func(a *App, _ time.Time, ev Key) bool { return a.arrow(ev, +1) },
	"PageUp":    func(a *App, _ time.Time, _ Key) bool { return a.turnPage(ScrollUp) },
	"PageDown":  func(a *App, _ time.Time, _ Key) bool { return a.turnPage(ScrollDown) },
}

func (a *App) key(now time.Time, ev Key) (taken bool) {
	if ev.Shift || ev.Alt || (ev.Control || ev.Meta) && ev.Name != "Enter" {
		return false // Shift+Enter is a new line
	}
	if act := inputKeys[ev.Name]; act != nil {
		return act(a, now, ev)
	}
	return false
}

func (a *App) enter(now time.Time, ev Key) {
	in := &a.input
	if len(in.completions) > 0 && in.explicit {
		in.draft = ev.Text
		a.takeCompletion(in.completions[in.chosen].word)
		return
	}
	a.submit(now, ev.Text)
}

// submit does what a line says. What is not understood or not taken stays.
func (a *App) submit(now time.Time, text string) {
	if a.ended {
		return
	}
	a.closeCompletions()
	line, err := view.ParseInput(text)
	if err == nil {
		err = a.act(now, text, line)
	}
	if err != nil {
		a.input.draft = text
		a.notices.dropWrong()
		a.wrong(err.Error())
	}
}

// actions are what a line can ask for, besides what goes to the session.
var actions = map[view.Action]func(a *App, now time.Time, line view.Input) error{
	view.ShowHelp:    func(a *App, _ time.Time, _ view.Input) error { a.showHelp(); return nil },
	view.ToggleList:  func(a *App, _ time.Time, _ view.Input) error { a.toggleMembers(); return nil },
	view.GoUnread:    func(a *App, now time.Time, _ view.Input) error { a.goUnread(now); return nil },
	view.Search:      func(a *App, _ time.Time, line view.Input) error { return a.find(line.Text) },
	view.RetryUnsent: (*App).unsent,
	view.DropUnsent:  (*App).unsent,
}

func (a *App) act(now time.Time, text string, line view.Input) error {
	switch line.Action {
	case view.Nothing:
		return nil
	case view.Act, view.Leave:
		a.handOver(now, text, line.Event)
		return nil
	}
	if err := actions[line.Action](a, now, line); err != nil {
		return err
	}
	a.sent(text, a.session.Room())
	return nil
}

// handOver gives the user's event to the session. The line is gone from the
// input before that: a change of rooms brings another draft.
func (a *App) handOver(now time.Time, text string, ev client.Event) {
	room := a.session.Room()
	a.sent(text, room)
	if a.Drive(now, ev) {
		a.write(text, len(text))
		return
	}
	switch ev.(type) {
	case client.Post:
		a.window.end()
		a.reading.following = true
	case client.SetName:
		a.named()
	case client.Clear:
		a.older.auto = false
		a.reading.clear()
		a.rows.SetUnread(0)
	}
}

// sent empties the input and remembers the line.
func (a *App) sent(text string, room int32) {
	in := &a.input
	if n := len(in.recalled); n == 0 || in.recalled[n-1] != text {
		in.recalled = append(in.recalled, text)
	}
	if extra := len(in.recalled) - maxRecalled; extra > 0 {
		in.recalled = slices.Delete(in.recalled, 0, extra)
	}
	in.at, in.aside = len(in.recalled), ""
	a.write("", 0)
	a.keepDraft(room)
}

// arrow chooses a completion, or walks through the lines that were sent when the
// caret stands in the first or last line of the text.
func (a *App) arrow(ev Key, by int) bool {
	in := &a.input
	if n := len(in.completions); n > 0 {
		in.chosen = (in.chosen + by + n) % n
		in.explicit = true
		a.stale |= partCompletions
		return true
	}
	from := byteOffset(ev.Text, ev.From)
	blocked := ev.From != ev.To || by < 0 && hasNewline(ev.Text[:from]) || by > 0 && hasNewline(ev.Text[from:])
	at := in.at + by
	if blocked || at < 0 || at > len(in.recalled) {
		return false
	}
	if in.at == len(in.recalled) {
		in.aside = ev.Text
	}
	in.at = at
	line := in.aside
	if at < len(in.recalled) {
		line = in.recalled[at]
	}
	a.write(line, len(line))
	return true
}

func hasNewline(s string) bool { return strings.IndexByte(s, '\n') >= 0 }

func (a *App) turnPage(page Scroll) bool {
	a.window.page = page
	return true
}

// escape closes what is open, the nearest first.
func (a *App) escape() bool {
	switch {
	case len(a.input.completions) > 0:
		a.closeCompletions()
	case a.prompt.kind != promptNone:
		a.closePrompt()
	case a.notices.dropAll():
		a.stale |= partNotices
	case a.people.open && !a.config.Wide:
		a.toggleMembers()
	case a.search.found != (view.RowKey{}):
		a.search = search{}
		a.stale |= partRows
	default:
		return false
	}
	return true
}

// frameInput replaces what the page's input holds.
func (a *App) frameInput(p *Patch) {
	in := &a.input
	p.value(refInput, in.draft, min(in.caret, len(in.draft)))
	if in.grab {
		in.grab = false
		p.focus(refInput)
	}
}
