package app

import (
	"strconv"
	"strings"

	"tuitalk/client/view"
)

// maxCompletions is how many candidates are shown at once.
const maxCompletions = 12

// complete looks for candidates for the word before the caret: by itself for a
// command, a room behind /room, and an @name; for any name when asked.
func (a *App) complete(text string, caret int, asked bool) {
	a.closeCompletions()
	head := text[:caret]
	word := head[strings.LastIndexAny(head, " \n")+1:]
	command := strings.HasPrefix(head, "/") && !strings.HasPrefix(head, "//")
	byItself := command || len(word) > 1 && word[0] == '@'
	if !asked && !byItself {
		return
	}
	in := &a.input
	start, found := a.view.Complete(text, caret)
	if len(found) == 1 && found[0] == text[start:caret] {
		return // it stands there already
	}
	in.start = start
	for _, word := range found[:min(len(found), maxCompletions)] {
		in.completions = append(in.completions, describe(word))
	}
	if len(in.completions) > 0 {
		a.stale |= partCompletions
	}
}

// describe adds what the help says of a command.
func describe(word string) completion {
	o := completion{word: word}
	name := strings.TrimSpace(word)
	for _, c := range view.Commands() {
		if c.Name == name {
			o.args, o.help = c.Args, c.Help
		}
	}
	return o
}

// tab completes: the chosen candidate, or the only one; of several it makes a
// list. Without any, the key moves the focus, as everywhere.
func (a *App) tab(ev Key) bool {
	in := &a.input
	caret := byteOffset(ev.Text, ev.From)
	a.view.SetDraft(ev.Text, caret)
	offered := len(in.completions) > 0
	if !offered {
		a.complete(ev.Text, caret, true)
	}
	if offered || len(in.completions) == 1 {
		a.replace(in.completions[in.chosen].word, caret)
	}
	return offered || len(in.completions) > 0 || a.stale&partInput != 0
}

// takeCompletion puts a candidate in, at the end of the word that it completes.
func (a *App) takeCompletion(word string) {
	in := &a.input
	for _, o := range in.completions {
		if o.word == word {
			text := a.view.Draft().Text
			end := len(text)
			if i := strings.IndexAny(text[in.start:], " \n"); i >= 0 {
				end = in.start + i
			}
			a.replace(word, end)
			return
		}
	}
}

// replace puts a candidate in the place of the draft's word up to end.
func (a *App) replace(word string, end int) {
	in := &a.input
	text, start := a.view.Draft().Text, in.start
	rest := strings.TrimPrefix(text[end:], " ")
	a.closeCompletions()
	a.write(text[:start]+word+rest, start+len(word))
	in.grab = true
}

func (a *App) closeCompletions() {
	in := &a.input
	if len(in.completions) > 0 {
		a.stale |= partCompletions
	}
	in.completions, in.chosen, in.explicit = in.completions[:0], 0, false
}

// frameCompletions writes the list of candidates.
func (a *App) frameCompletions(p *Patch) {
	in := &a.input
	p.pick(refOffers)
	p.empty()
	p.flag("hidden", len(in.completions) == 0)
	for i, o := range in.completions {
		p.begin("button", "offer")
		p.attr("type", "button")
		p.attr("role", "option")
		p.attr("tabindex", "-1")
		p.attr("aria-selected", strconv.FormatBool(i == in.chosen))
		p.attr("data-act", "offer")
		p.attr("data-arg", o.word)
		p.begin("span", "offer-word")
		p.leaf("bdi", "", strings.TrimSpace(o.word))
		if o.args != "" {
			p.leaf("span", "offer-args", " "+o.args)
		}
		p.end()
		p.leaf("span", "offer-help", o.help)
		if i == in.chosen {
			p.reveal()
		}
		p.end()
	}
	p.end()
}

// frameCount shows the length of a text that comes near to the limit.
func (a *App) frameCount(p *Patch) {
	n, most := len(a.view.Draft().Text), a.session.Limits().TextBytes
	p.pick(refCount)
	p.empty()
	p.flag("hidden", n < most-countWithin)
	p.class("count")
	if n > most {
		p.class("count over")
	}
	p.attr("title", "bytes left of "+strconv.Itoa(most))
	p.words(strconv.Itoa(most - n))
	p.end()
}
