package tui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"tuitalk/talk"
)

// maxInputBytes is how long an unsent text may grow in the input.
const maxInputBytes = 32 << 10

// Editor is the text of the input with its cursor. Everything moves and
// deletes by grapheme clusters. The zero value is empty and ready.
type Editor struct {
	text   string
	cursor int    // in bytes, at the start of a cluster or at the end
	killed string // what Yank brings back

	starts []int32 // the text wrapped to width
	width  int     // 0: not wrapped yet
	goal   int     // the column that up and down keep to, -1: the cursor's
}

// Text is what was entered; Cursor is in bytes of it.
func (e *Editor) Text() string { return e.text }
func (e *Editor) Cursor() int  { return e.cursor }

// Set replaces the text; the cursor stands at its end.
func (e *Editor) Set(text string) { e.change(text, len(text)) }

// Restore replaces text and cursor.
func (e *Editor) Restore(text string, cursor int) {
	e.change(text, min(max(cursor, 0), len(text)))
	e.snap()
}

func (e *Editor) change(text string, cursor int) {
	e.text, e.cursor, e.width, e.goal = text, cursor, 0, -1
}

// Insert puts s in at the cursor, without what may not be in a text, and
// reports whether there was room.
func (e *Editor) Insert(s string) bool {
	s = talk.CleanText(strings.ReplaceAll(s, "\t", "    "))
	if len(e.text)+len(s) > maxInputBytes {
		return false
	}
	e.change(e.text[:e.cursor]+s+e.text[e.cursor:], e.cursor+len(s))
	e.snap()
	return true
}

// snap moves the cursor to the next boundary, when what was put in became one
// cluster with what follows.
func (e *Editor) snap() {
	if e.cursor < len(e.text) && e.cursor > 0 && (e.text[e.cursor] >= utf8.RuneSelf || e.text[e.cursor-1] >= utf8.RuneSelf) {
		e.cursor = e.boundary(e.cursor)
	}
}

// boundary is the first start of a cluster at or behind at.
func (e *Editor) boundary(at int) int {
	i := e.lineStart(at)
	for i < at {
		c, _, _ := firstCluster(e.text[i:])
		i += len(c)
	}
	return i
}

func (e *Editor) lineStart(at int) int { return strings.LastIndexByte(e.text[:at], '\n') + 1 }

func (e *Editor) lineEnd(at int) int {
	if i := strings.IndexByte(e.text[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(e.text)
}

// next and previous are the cluster boundaries beside the cursor.
func (e *Editor) next() int {
	if e.cursor == len(e.text) {
		return e.cursor
	}
	c, _, _ := firstCluster(e.text[e.cursor:])
	return e.cursor + len(c)
}

func (e *Editor) previous() int {
	if e.cursor == 0 {
		return 0
	}
	last := e.lineStart(e.cursor)
	if last == e.cursor {
		return e.cursor - 1 // the newline
	}
	for i := last; i < e.cursor; {
		last = i
		c, _, _ := firstCluster(e.text[i:])
		i += len(c)
	}
	return last
}

// nextWord and previousWord skip what is no word, then a word.
func (e *Editor) nextWord() int {
	rest := e.text[e.cursor:]
	i := strings.IndexFunc(rest, isWord)
	if i < 0 {
		return len(e.text)
	}
	if j := strings.IndexFunc(rest[i:], notWord); j >= 0 {
		return e.boundary(e.cursor + i + j)
	}
	return len(e.text)
}

func (e *Editor) previousWord() int {
	head := strings.TrimRightFunc(e.text[:e.cursor], notWord)
	head = strings.TrimRightFunc(head, isWord)
	return e.boundary(len(head))
}

func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '_' || r == '\u200d'
}
func notWord(r rune) bool { return !isWord(r) }

func (e *Editor) move(to int) { e.cursor, e.goal = to, -1 }

func (e *Editor) Left()      { e.move(e.previous()) }
func (e *Editor) Right()     { e.move(e.next()) }
func (e *Editor) WordLeft()  { e.move(e.previousWord()) }
func (e *Editor) WordRight() { e.move(e.nextWord()) }
func (e *Editor) Home()      { e.move(e.lineStart(e.cursor)) }
func (e *Editor) End()       { e.move(e.lineEnd(e.cursor)) }

// Top and Bottom are the start and the end of the whole text.
func (e *Editor) Top()    { e.move(0) }
func (e *Editor) Bottom() { e.move(len(e.text)) }

func (e *Editor) cut(from, to int) string {
	s := e.text[from:to]
	e.change(e.text[:from]+e.text[to:], from)
	e.snap()
	return s
}

func (e *Editor) Backspace() { e.cut(e.previous(), e.cursor) }
func (e *Editor) Delete()    { e.cut(e.cursor, e.next()) }

// The kills keep what they cut for Yank.
func (e *Editor) KillWordLeft()  { e.kill(e.previousWord(), e.cursor) }
func (e *Editor) KillWordRight() { e.kill(e.cursor, e.nextWord()) }
func (e *Editor) KillToStart()   { e.kill(e.lineStart(e.cursor), e.cursor) }
func (e *Editor) KillAll()       { e.kill(0, len(e.text)) }

// KillToEnd cuts to the end of the line, or the newline when it is there.
func (e *Editor) KillToEnd() {
	end := e.lineEnd(e.cursor)
	if end == e.cursor && end < len(e.text) {
		end++
	}
	e.kill(e.cursor, end)
}

func (e *Editor) kill(from, to int) {
	if from < to {
		e.killed = e.cut(from, to)
	}
}

// Yank puts in what was killed last.
func (e *Editor) Yank() bool { return e.Insert(e.killed) }

// Lines wraps the text to width cells; the cursor needs one of them.
func (e *Editor) Lines(width int) []int32 {
	if width = max(width, 2); e.width != width {
		e.starts, e.width = wrap(e.text, width-1, width-1), width
	}
	return e.starts
}

// Place is the line and column of the cursor in the wrapped text.
func (e *Editor) Place(width int) (row, col int) {
	starts := e.Lines(width)
	row = len(starts) - 1
	for row > 0 && int(starts[row]) > e.cursor {
		row--
	}
	return row, textWidth(e.text[starts[row]:e.cursor])
}

// Vertical moves the cursor by lines of the wrapped text and reports whether
// there was such a line.
func (e *Editor) Vertical(by, width int) bool {
	row, col := e.Place(width)
	if row+by < 0 || row+by >= len(e.starts) {
		return false
	}
	if e.goal < 0 {
		e.goal = col
	}
	goal := e.goal
	e.moveTo(row+by, goal, width)
	e.goal = goal
	return true
}

// moveTo puts the cursor at a place of the wrapped text, or near it.
func (e *Editor) moveTo(row, col, width int) {
	starts := e.Lines(width)
	row = min(max(row, 0), len(starts)-1)
	s, at := line(e.text, starts, row), int(starts[row])
	last := row == len(starts)-1
	for s != "" {
		c, rest, w := firstCluster(s)
		if c == "\n" || col < w || rest == "" && !last {
			break
		}
		col -= w
		at += len(c)
		s = rest
	}
	e.move(at)
}
