package app

import (
	"strings"
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
)

// countWithin is how near to the limit of a text, in bytes, its length is shown.
const countWithin = 500

// input is what the user writes. The page's own input is the truth while the
// user types; the view's draft follows it, and replaces it when partInput is stale.
type input struct {
	grab bool

	completions []completion
	start       int // bytes; where a completion goes in
	chosen      int
	explicit    bool // the user chose it with the arrows
}

// completion is a candidate for completion.
type completion struct {
	word string // what goes in, with the space or colon that follows
	args string
	help string
}

// write replaces what the input holds.
func (a *App) write(text string, caret int) {
	a.view.SetDraft(text, caret)
	a.stale |= partInput | partCount
}

func (a *App) typed(_ time.Time, ev Typed) {
	caret := byteOffset(ev.Text, ev.Caret)
	a.view.SetDraft(ev.Text, caret)
	a.stale |= partCount
	a.complete(ev.Text, caret, false)
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
		a.view.SetDraft(ev.Text, len(ev.Text))
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
	line, err := a.view.Submit(text)
	if err != nil {
		a.view.SetDraft(text, len(text))
		a.notices.dropWrong()
		a.wrong(err.Error())
		return
	}
	a.write("", 0) // before it is handed over: a change of rooms brings another draft
	a.act(now, text, line)
}

// act does what a line that was understood asks for.
func (a *App) act(now time.Time, text string, line view.Input) {
	switch line.Action {
	case view.Act, view.Leave:
		for _, ev := range line.Events {
			a.handOver(now, text, ev)
		}
	case view.ShowHelp:
		a.showHelp()
	case view.ToggleMembers:
		a.toggleMembers()
	case view.GoUnread:
		a.goUnread(now)
	case view.FindText:
		a.find(now, line.Text)
	case view.Tell:
		a.notify(now, line.Text, false)
	}
}

// handOver gives the user's event to the session.
func (a *App) handOver(now time.Time, text string, ev client.Event) {
	if a.Drive(now, ev) {
		a.write(text, len(text))
		return
	}
	switch ev.(type) {
	case client.Post:
		a.window.end()
		a.attention.following = true
		a.attend()
	case client.SetName:
		a.named()
	case client.Clear:
		a.stale |= partPills | partTitle
	}
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
	if blocked {
		return false
	}
	line, ok := a.view.Inputs.Move(by, ev.Text)
	if ok {
		a.write(line, len(line))
	}
	return ok
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
	case a.view.Search.Text() != "":
		a.view.Search.End()
		a.stale |= partRows
	default:
		return false
	}
	return true
}

// frameInput replaces what the page's input holds.
func (a *App) frameInput(p *Patch) {
	in := &a.input
	d := a.view.Draft()
	p.value(refInput, d.Text, min(d.Cursor, len(d.Text)))
	if in.grab {
		in.grab = false
		p.focus(refInput)
	}
}
