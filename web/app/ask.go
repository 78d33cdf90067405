package app

import (
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/talk"
)

// askKind is what the small form above the input asks for.
type askKind uint8

const (
	askNothing askKind = iota
	askName
	askRoom
)

// ask is the small form above the input.
type ask struct {
	kind askKind
	grab bool // it takes the keyboard
	back bool // the input gets the keyboard back
}

func (a *App) toggleAsk(kind askKind) {
	if a.ask.kind == kind {
		a.closeAsk()
		return
	}
	a.openAsk(kind)
}

func (a *App) openAsk(kind askKind) {
	a.ask = ask{kind: kind, grab: true}
	a.stale |= partAsk
}

func (a *App) closeAsk() {
	a.ask = ask{back: true}
	a.stale |= partAsk
}

// answered takes what was filled in.
func (a *App) answered(now time.Time, text string) {
	var ev client.Event
	switch a.ask.kind {
	case askName:
		name, err := talk.CheckName(text)
		if err != nil {
			a.wrong(err.Error())
			return
		}
		ev = client.SetName{Name: name}
	case askRoom:
		room, err := view.ParseRoom(talk.CleanName(text))
		if err != nil {
			a.wrong("Rooms have whole numbers, such as 7.")
			return
		}
		ev = client.Join{Room: room}
	default:
		return
	}
	a.notices.dropWrong()
	a.stale |= partNotices
	if a.Drive(now, ev) {
		return
	}
	if a.ask.kind == askName {
		a.config.FirstUse = false
	}
	a.closeAsk()
}

// named takes note that the user has said a name by command, so that nothing
// asks for it any more.
func (a *App) named() {
	a.config.FirstUse = false
	if a.ask.kind == askName {
		a.ask = ask{}
		a.stale |= partAsk
	}
}

// frameAsk writes the form when it opens or closes.
func (a *App) frameAsk(p *Patch) {
	form := a.ask
	a.ask.grab, a.ask.back = false, false
	p.show(refAsk, form.kind != askNothing)
	if form.back {
		p.focus(refInput)
	}
	switch form.kind {
	case askName:
		a.frameAskName(p)
	case askRoom:
		p.say(refAskLabel, "Which room? Rooms have numbers.")
		p.value(refAskInput, "", 0)
	}
	if form.grab {
		p.focus(refAskInput)
	}
}

func (a *App) frameAskName(p *Patch) {
	me := a.session.Me()
	name := view.ShowName(me.UUID, me.Username)
	p.pick(refAskLabel)
	p.empty()
	p.words("You are ")
	p.leaf("bdi", "ask-name", name)
	p.words(" here. Choose a name:")
	p.end()
	if a.config.FirstUse {
		name = ""
	}
	p.value(refAskInput, name, len(name))
}
