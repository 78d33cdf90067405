package app

import (
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/talk"
)

// promptKind is what the small form above the input asks for.
type promptKind uint8

const (
	promptNone promptKind = iota
	promptName
	promptRoom
)

// prompt is the small form above the input.
type prompt struct {
	kind promptKind
	grab bool // it takes the keyboard
	back bool // the input gets the keyboard back
}

func (a *App) togglePrompt(kind promptKind) {
	if a.prompt.kind == kind {
		a.closePrompt()
		return
	}
	a.openPrompt(kind)
}

func (a *App) openPrompt(kind promptKind) {
	a.prompt = prompt{kind: kind, grab: true}
	a.stale |= partPrompt
}

func (a *App) closePrompt() {
	a.prompt = prompt{back: true}
	a.stale |= partPrompt
}

// answered takes what was filled in.
func (a *App) answered(now time.Time, text string) {
	var ev client.Event
	switch a.prompt.kind {
	case promptName:
		name, err := talk.CheckName(text)
		if err != nil {
			a.wrong(err.Error())
			return
		}
		ev = client.SetName{Name: name}
	case promptRoom:
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
	if a.prompt.kind == promptName {
		a.config.FirstUse = false
	}
	a.closePrompt()
}

// named takes note that the user has said a name by command, so that nothing
// asks for it any more.
func (a *App) named() {
	a.config.FirstUse = false
	if a.prompt.kind == promptName {
		a.prompt = prompt{}
		a.stale |= partPrompt
	}
}

// framePrompt writes the form when it opens or closes.
func (a *App) framePrompt(p *Patch) {
	form := a.prompt
	a.prompt.grab, a.prompt.back = false, false
	p.show(refAsk, form.kind != promptNone)
	if form.back {
		p.focus(refInput)
	}
	switch form.kind {
	case promptName:
		a.framePromptName(p)
	case promptRoom:
		p.say(refAskLabel, "Which room? Rooms have numbers.")
		p.value(refAskInput, "", 0)
	}
	if form.grab {
		p.focus(refAskInput)
	}
}

func (a *App) framePromptName(p *Patch) {
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
