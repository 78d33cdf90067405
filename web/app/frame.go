package app

import (
	"strconv"
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/talk"
)

// frames write the parts of the page, in this order.
var frames = []struct {
	part  part
	write func(a *App, p *Patch, now time.Time)
}{
	{partRows, func(a *App, p *Patch, _ time.Time) { a.frameRows(p) }},
	{partOlder, func(a *App, p *Patch, _ time.Time) { a.frameOlder(p) }},
	{partStatus, func(a *App, p *Patch, _ time.Time) { a.frameStatus(p) }},
	{partMe, func(a *App, p *Patch, _ time.Time) { a.frameMe(p) }},
	{partPeople, (*App).framePeople},
	{partNotices, func(a *App, p *Patch, _ time.Time) { a.frameNotices(p) }},
	{partCompletions, func(a *App, p *Patch, _ time.Time) { a.frameCompletions(p) }},
	{partInput, func(a *App, p *Patch, _ time.Time) { a.frameInput(p) }},
	{partPrompt, func(a *App, p *Patch, _ time.Time) { a.framePrompt(p) }},
	{partCount, func(a *App, p *Patch, _ time.Time) { a.frameCount(p) }},
	{partPills, func(a *App, p *Patch, _ time.Time) { a.framePills(p) }},
	{partTitle, func(a *App, p *Patch, _ time.Time) { a.frameTitle(p) }},
	{partAddress, func(a *App, p *Patch, _ time.Time) { a.frameAddress(p) }},
	{partAnnounce, func(a *App, p *Patch, _ time.Time) { p.say(refAnnounce, a.announcer.words) }},
}

// Frame writes all that is stale into p, which was reset.
func (a *App) Frame(now time.Time, p *Patch) {
	if !a.bound {
		a.bound = true
		for ref := refLog; ref < firstFree; ref++ {
			p.bind(ref, elements[ref])
		}
	}
	if a.window.wants() {
		a.stale |= partRows
	}
	if a.view.Settle() {
		a.labels.reset()
		a.stale |= partRows | partPeople
	}
	stale := a.stale
	a.stale = 0
	for _, f := range frames {
		if stale&f.part != 0 {
			f.write(a, p, now)
		}
	}
	if a.saveNext.IsZero() && a.view.Unsaved() {
		a.saveNext = now.Add(view.SaveAfter)
	}
}

func (a *App) frameRows(p *Patch) {
	lo, hi := a.window.span(a.view.Rows)
	a.place(p, lo, hi)
	a.window.scroll(p)
}

// phases are what the page says of the line.
var phases = map[client.Phase]struct{ name, words string }{
	client.Connecting:   {"connecting", "Connecting"},
	client.Online:       {"online", "Connected"},
	client.Resuming:     {"online", "Connected"},
	client.Reconnecting: {"reconnecting", "Reconnecting"},
	client.Refused:      {"refused", "Refused"},
	client.Ended:        {"ended", "You left"},
}

func (a *App) frameStatus(p *Patch) {
	s := a.session.Status()
	phase := phases[s.Phase]
	words := phase.words
	if s.Phase == client.Refused && s.Reason != "" {
		words += ": " + talk.CleanName(s.Reason)
	}
	p.pick(refLine)
	p.attr("data-phase", phase.name)
	p.attr("title", lineTitle(s))
	p.end()
	p.say(refLineText, words)
	p.say(refRoom, "Room "+roomNumber(a.session.Room()))
	for _, ref := range []Ref{refInput, refSend} {
		p.pick(ref)
		p.flag("disabled", a.ended)
		p.end()
	}
}

// lineTitle is what the pointer over the state of the line tells.
func lineTitle(s client.Status) string {
	title := s.Server
	if s.Node != "" {
		title += ", node " + s.Node
	}
	if s.Reason != "" {
		title += ": " + s.Reason
	}
	if s.Owed > 0 {
		title += "; " + view.Plural(s.Owed, "message", "messages") + " for other rooms not stored yet"
	}
	return talk.CleanName(title)
}

func (a *App) frameMe(p *Patch) {
	me := a.session.Me()
	p.say(refMeName, view.ShowName(me.UUID, me.Username))
}

// framePills writes the buttons that jump to the end and to the unread line.
func (a *App) framePills(p *Patch) {
	p.pick(refJump)
	p.empty()
	p.flag("hidden", a.attention.following)
	if p.class("jump"); a.view.Fresh() > 0 {
		p.class("jump fresh")
		p.words("↓ " + view.Plural(a.view.Fresh(), "new message", "new messages"))
	} else {
		p.words("↓ Newest")
	}
	p.end()
	p.pick(refRise)
	p.empty()
	a.rise = a.unreadAbove()
	p.flag("hidden", !a.rise)
	p.words("↑ Unread")
	p.end()
}

func (a *App) goEnd() {
	a.window.end()
	a.stale |= partRows
}

func (a *App) frameTitle(p *Patch) {
	title := "Room " + roomNumber(a.session.Room()) + " · TuiTalk"
	if n := a.view.Fresh(); n > 0 {
		title = "(" + strconv.Itoa(n) + ") " + title
	}
	p.title(title)
}

// frameAddress keeps the browser's address that of the room, so that a reload
// comes back to it, and "back" to the room before.
func (a *App) frameAddress(p *Patch) {
	want := addressOf(a.session.Room())
	if a.address != want {
		p.visit(want, !a.entered)
	}
	a.address, a.entered = want, true
}
