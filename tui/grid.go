package tui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"tuitalk/client/view"
)

// Attr is a set of ways to draw text.
type Attr uint8

const (
	Bold Attr = 1 << iota
	Dim
	Italic
	Underline
	Reverse
)

// Color is the terminal's own colour (zero), one of its first 16, or an RGB.
type Color uint32

const (
	ansiColor Color = 1 << 24
	rgbColor  Color = 1 << 25
)

// ANSI is one of the 16 colours that the user's terminal defines.
func ANSI(n uint8) Color { return ansiColor | Color(n&15) }

// RGB is a fixed colour.
func RGB(c view.RGB) Color {
	return rgbColor | Color(c.R)<<16 | Color(c.G)<<8 | Color(c.B)
}

// Style is how a cell is drawn. Link is the web address behind it.
type Style struct {
	FG, BG Color
	Attr   Attr
	Link   string
}

// with adds attributes.
func (s Style) with(a Attr) Style { s.Attr |= a; return s }

// fg changes the foreground.
func (s Style) fg(c Color) Style { s.FG = c; return s }

// on changes the background.
func (s Style) on(c Color) Style { s.BG = c; return s }

// Cell is one place of the screen. Text is one grapheme cluster, "" for a
// blank. Width is 2 for a wide one, whose right half has Width 0.
type Cell struct {
	Text  string
	Width uint8
	Style Style
}

// Grid is a screen of cells. Whatever is put into it, it MUST never hold a
// control character, one of writing direction, or one without width: what it
// holds goes to the terminal as it is.
type Grid struct {
	W, H             int
	CursorX, CursorY int // -1: hidden
	cells            []Cell
	base             Style // of what is blank
	hits             []hit
}

// hit is an area that does something when it is clicked.
type hit struct {
	x, y, w int
	do      func(*Model) []Effect
}

// Reset makes g a blank screen of that size and style.
func (g *Grid) Reset(w, h int, s Style) {
	g.W, g.H = max(w, 0), max(h, 0)
	if n := g.W * g.H; cap(g.cells) < n {
		g.cells = make([]Cell, n)
	} else {
		g.cells = g.cells[:n]
	}
	for i := range g.cells {
		g.cells[i] = Cell{Width: 1, Style: s}
	}
	g.base = s
	g.hits = g.hits[:0]
	g.CursorX, g.CursorY = -1, -1
}

// At is the cell at x, y, which must be on the screen.
func (g *Grid) At(x, y int) *Cell { return &g.cells[y*g.W+x] }

// Fill draws one character over an area. It must be one cell wide.
func (g *Grid) Fill(x, y, w, h int, cluster string, s Style) {
	for dy := range h {
		for dx := range w {
			g.put(x+dx, y+dy, cluster, 1, s)
		}
	}
}

// Text draws s from x on, at most w cells, and is how many it took. Newlines
// and everything else that may not be in a Grid are left out.
func (g *Grid) Text(x, y, w int, s string, style Style) int {
	used := 0
	for s != "" {
		var cluster string
		var width int
		cluster, s, width = firstCluster(s)
		if cluster, width = shownCluster(cluster, width); width == 0 {
			continue
		}
		if used+width > w {
			break
		}
		g.put(x+used, y, cluster, width, style)
		used += width
	}
	return used
}

// put sets one cell, or two for a wide cluster, and blanks the other half of a
// wide one that it overwrites.
func (g *Grid) put(x, y int, cluster string, width int, s Style) {
	if x < 0 || y < 0 || y >= g.H || x+width > g.W {
		return
	}
	for i := x; i < x+width; i++ {
		c := g.At(i, y)
		if c.Width == 0 && i > 0 {
			left := g.At(i-1, y)
			*left = Cell{Width: 1, Style: left.Style}
		}
		if c.Width == 2 && i+1 < g.W {
			right := g.At(i+1, y)
			*right = Cell{Width: 1, Style: right.Style}
		}
	}
	*g.At(x, y) = Cell{Text: cluster, Width: uint8(width), Style: s}
	if width == 2 {
		*g.At(x+1, y) = Cell{Style: s}
	}
}

// firstCluster cuts the first grapheme cluster off. Its width is in cells.
func firstCluster(s string) (cluster, rest string, width int) {
	if s[0] < utf8.RuneSelf && s[0] != '\r' && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		if s[0] < ' ' || s[0] == 0x7f {
			return s[:1], s[1:], 0
		}
		return s[:1], s[1:], 1
	}
	cluster, rest, width, _ = uniseg.FirstGraphemeClusterInString(s, -1)
	if width > 2 { // the two long dashes, of which terminals make one cell
		width = 1
	}
	return cluster, rest, width
}

// textWidth is the width of s in cells.
func textWidth(s string) int {
	n := 0
	for s != "" {
		var w int
		_, s, w = firstCluster(s)
		n += w
	}
	return n
}

// maxClusterBytes is the longest cluster that is drawn whole. The longest
// joined emoji in use have 35 bytes.
const maxClusterBytes = 64

// shownCluster is what of a cluster may be in a cell, and its width, which is 0
// when there is nothing to see.
func shownCluster(c string, width int) (string, int) {
	if width == 0 {
		return "", 0
	}
	if len(c) == 1 && c[0] < utf8.RuneSelf {
		return c, width
	}
	shown := c
	if len(c) > maxClusterBytes {
		_, n := utf8.DecodeRuneInString(c)
		shown = c[:n]
	}
	flag := strings.HasPrefix(c, "🏴") // the one that tags may follow
	shown = strings.Map(func(r rune) rune {
		if unshown(r) || isTag(r) && !flag {
			return -1
		}
		return r
	}, shown)
	shown = strings.TrimRight(shown, "\u200c\u200d")
	switch {
	case shown == "\u2e3a" || shown == "\u2e3b":
		return "—", 1
	case strings.ContainsRune(shown, utf8.RuneError):
		return "\ufffd", 1
	case shown == c:
		return c, width
	case shown == "":
		return "", 0
	}
	first, rest, width := firstCluster(shown)
	if rest != "" {
		return "", 0
	}
	return first, width
}

func isTag(r rune) bool { return r >= 0xe0020 && r <= 0xe007f }

// unshown tells of the runes that may not go to a terminal. The joiners and
// the tags of flags may, within a cluster.
func unshown(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r < ' ' || r == 0x7f
	case r == '\u200c' || r == '\u200d' || isTag(r):
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
