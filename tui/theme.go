package tui

import (
	"strings"

	"tuitalk/client/view"
	"tuitalk/talk"
)

// Theme is how things look. All fixed colours are members of the palette of
// 256 colours, so that terminals with and without direct colour agree.
type Theme struct {
	Text    Style // messages
	Dim     Style // times, joins, hints
	Rule    Style // lines that only divide
	Strong  Style // headings
	Bar     Style // the header
	BarDim  Style
	Input   Style
	Prompt  Style
	Own     Style // the bar beside own messages
	Mention Style // the bar beside messages that name the user
	Unread  Style
	Good    Style
	Warn    Style
	Bad     Style
	Link    Style
	Found   Style // what /search found
	Pill    Style // something to press, over the log

	name func(talk.UUID) Color
}

// Name is the style of a user's name.
func (t *Theme) Name(u talk.UUID) Style { return t.Text.fg(t.name(u)) }

func gray(level uint8) Color { return RGB(view.RGB{R: level, G: level, B: level}) }

func rgb(r, g, b uint8) Color { return RGB(view.RGB{R: r, G: g, B: b}) }

// Dark paints its own dark background.
func Dark() Theme {
	return painted(true, palette{
		ground: gray(0x1c), bar: gray(0x30), input: gray(0x26),
		text: gray(0xd0), strong: gray(0xee), dim: gray(0x94), rule: gray(0x4e),
		accent: rgb(0x5f, 0xd7, 0xd7), unread: rgb(0xff, 0xaf, 0x5f),
		good: rgb(0x87, 0xd7, 0x87), warn: rgb(0xff, 0xd7, 0x5f), bad: rgb(0xff, 0x87, 0x87),
		link: rgb(0x87, 0xaf, 0xff), found: rgb(0xff, 0xd7, 0x5f), onFound: gray(0x1c),
	})
}

// Light paints its own light background.
func Light() Theme {
	return painted(false, palette{
		ground: gray(0xff), bar: gray(0xee), input: gray(0xee),
		text: gray(0x30), strong: gray(0x12), dim: gray(0x62), rule: gray(0xbc),
		accent: rgb(0x00, 0x5f, 0x87), unread: rgb(0xaf, 0x00, 0x00),
		good: rgb(0x00, 0x5f, 0x00), warn: rgb(0x87, 0x5f, 0x00), bad: rgb(0xaf, 0x00, 0x00),
		link: rgb(0x00, 0x5f, 0xaf), found: rgb(0xff, 0xd7, 0x5f), onFound: gray(0x12),
	})
}

// palette are what the painted themes differ in.
type palette struct {
	ground, bar, input              Color
	text, strong, dim, rule         Color
	accent, unread, good, warn, bad Color
	link, found, onFound            Color
}

func painted(dark bool, c palette) Theme {
	text := Style{FG: c.text, BG: c.ground}
	return Theme{
		Text: text, Dim: text.fg(c.dim), Rule: text.fg(c.rule), Strong: text.fg(c.strong).with(Bold),
		Bar: Style{FG: c.strong, BG: c.bar}, BarDim: Style{FG: c.text, BG: c.bar},
		Input: Style{FG: c.strong, BG: c.input}, Prompt: Style{FG: c.accent, BG: c.input, Attr: Bold},
		Own: text.fg(c.accent), Mention: text.fg(c.unread).with(Bold), Unread: text.fg(c.unread),
		Good: text.fg(c.good), Warn: text.fg(c.warn), Bad: text.fg(c.bad),
		Link: text.fg(c.link).with(Underline), Found: Style{FG: c.onFound, BG: c.found},
		Pill: Style{FG: c.ground, BG: c.accent, Attr: Bold},
		name: func(u talk.UUID) Color { return RGB(view.NameColor(u, dark)) },
	}
}

// Plain keeps the terminal's background and uses its 16 colours.
func Plain() Theme {
	t := Mono()
	color := func(n uint8) Style { return Style{FG: ANSI(n)} }
	t.Prompt, t.Own = color(6).with(Bold), color(6)
	t.Mention, t.Unread = color(3).with(Bold), color(3)
	t.Good, t.Warn, t.Bad, t.Link = color(2), color(3), color(1), color(4).with(Underline)
	t.Found = Style{FG: ANSI(0), BG: ANSI(3)}
	t.name = func(u talk.UUID) Color {
		n := view.NameColor(u, true)
		return ANSI(1 + (n.R/40+n.G/8+n.B)%6)
	}
	return t
}

// Mono has no colours at all.
func Mono() Theme {
	var s Style
	return Theme{
		Text: s, Dim: s.with(Dim), Rule: s.with(Dim), Strong: s.with(Bold),
		Bar: s.with(Reverse), BarDim: s.with(Reverse), Input: s, Prompt: s.with(Bold),
		Own: s.with(Bold), Mention: s.with(Bold), Unread: s.with(Bold),
		Good: s, Warn: s.with(Bold), Bad: s.with(Bold), Link: s.with(Underline),
		Found: s.with(Reverse), Pill: s.with(Reverse),
		name: func(talk.UUID) Color { return 0 },
	}
}

// PickTheme chooses by name ("auto", "dark", "light", "plain"), by how many
// colours the terminal has (0 when the user wants none, as with NO_COLOR), and
// by the COLORFGBG that some terminals set to their own colours.
func PickTheme(name string, colors int, colorFGBG string) Theme {
	switch {
	case colors == 0:
		return Mono()
	case colors < 256 || name == "plain":
		return Plain()
	case name == "light" || name != "dark" && lightBackground(colorFGBG):
		return Light()
	}
	return Dark()
}

func lightBackground(colorFGBG string) bool {
	bg := colorFGBG[strings.LastIndexByte(colorFGBG, ';')+1:]
	return bg == "7" || bg == "15"
}
