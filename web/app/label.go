package app

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"tuitalk/client/view"
	"tuitalk/talk"
)

// label is how a user's name is shown.
type label struct {
	name    string // cleaned
	tag     string // tells apart names that look alike; mostly ""
	guest   bool   // nothing proves that it is he
	initial string
	dark    string // colours of CSS, on dark and on light ground
	light   string
}

type bearer struct {
	user talk.UUID
	name string
}

// maxLabels bounds the labels that are kept ready.
const maxLabels = 4096

// labels makes labels and keeps them.
type labels struct{ ready map[bearer]*label }

// reset forgets everybody.
func (l *labels) reset() { clear(l.ready) }

// of makes a user's label.
func (l *labels) of(v *view.View, user talk.UUID, name string) *label {
	key := bearer{user, name}
	if made := l.ready[key]; made != nil {
		return made
	}
	if len(l.ready) >= maxLabels {
		clear(l.ready)
	}
	shown, tag := v.Name(user, name)
	made := &label{
		name: shown, tag: tag, guest: !user.Proven(), initial: initial(shown),
		dark: color(view.NameColor(user, true)), light: color(view.NameColor(user, false)),
	}
	if l.ready == nil {
		l.ready = make(map[bearer]*label)
	}
	l.ready[key] = made
	return made
}

func initial(name string) string {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsSymbol(r)
	}))
	if r == utf8.RuneError {
		return "?"
	}
	return string(unicode.ToUpper(r))
}

func color(c view.RGB) string {
	const digits = "0123456789abcdef"
	b := []byte{'#'}
	for _, v := range []uint8{c.R, c.G, c.B} {
		b = append(b, digits[v>>4], digits[v&15])
	}
	return string(b)
}

// disc writes the coloured square with the initial.
func (p *Patch) disc(l *label) {
	p.begin("span", "disc")
	p.attr("aria-hidden", "true")
	p.colors(l)
	p.words(l.initial)
	p.end()
}

const unproven = "Nothing proves who that is: with a simpler client anybody can say to be this user."

// name writes a name in its colour, and its marks.
func (p *Patch) name(l *label) {
	p.begin("bdi", "name")
	p.colors(l)
	p.words(l.name)
	p.end()
	if l.guest {
		p.begin("span", "unproven")
		p.attr("role", "img")
		p.attr("aria-label", "identity not proven")
		p.attr("title", unproven)
		p.words("?")
		p.end()
	}
	if l.tag != "" {
		p.begin("span", "tag")
		p.attr("title", "Another one here has a name that looks like this. This is the beginning of this user's UUID.")
		p.words(l.tag)
		p.end()
	}
}

func (p *Patch) colors(l *label) {
	p.style("--on-dark", l.dark)
	p.style("--on-light", l.light)
}
