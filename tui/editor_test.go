package tui

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// family is one cluster of five runes.
const family = "👩\u200d👩\u200d👧"

func TestEditor(t *testing.T) {
	ops := map[string]func(*Editor){
		"left": (*Editor).Left, "right": (*Editor).Right, "wleft": (*Editor).WordLeft, "wright": (*Editor).WordRight,
		"home": (*Editor).Home, "end": (*Editor).End, "top": (*Editor).Top, "bottom": (*Editor).Bottom,
		"bs": (*Editor).Backspace, "del": (*Editor).Delete, "kwl": (*Editor).KillWordLeft, "kwr": (*Editor).KillWordRight,
		"ks": (*Editor).KillToStart, "ke": (*Editor).KillToEnd, "ka": (*Editor).KillAll,
		"yank": func(e *Editor) { e.Yank() },
		"up":   func(e *Editor) { e.Vertical(-1, 8) }, "down": func(e *Editor) { e.Vertical(+1, 8) },
	}
	for _, c := range []struct{ from, ops, want string }{ // | is the cursor
		{"ab|c", "left", "a|bc"},
		{"|abc", "left bs", "|abc"},
		{"abc|", "right del", "abc|"},
		{"a" + family + "|b", "left", "a|" + family + "b"},
		{"a|" + family + "b", "right", "a" + family + "|b"},
		{"a" + family + "|b", "bs", "a|b"},
		{"a|" + family + "b", "del", "a|b"},
		{"e\u0301|x", "bs", "|x"},
		{"🇩🇪🇫🇷|", "bs", "🇩🇪|"},
		{"ab\n|cd", "left", "ab|\ncd"},
		{"ab\n|cd", "bs", "ab|cd"},
		{"one two, three|", "wleft wleft", "one |two, three"},
		{"one| two, three", "wright wright", "one two, three|"},
		{"grüße, Zoë|", "kwl", "grüße, |"},
		{"|grüße, Zoë", "kwr", "|, Zoë"},
		{"a_b c|", "wleft wleft", "|a_b c"},
		{"one\ntwo| x", "home", "one\n|two x"},
		{"one\ntw|o x", "end", "one\ntwo x|"},
		{"one\ntw|o", "ks", "one\n|o"},
		{"one\ntw|o\nx", "ke", "one\ntw|\nx"},
		{"one\ntw|o\nx", "ke ke", "one\ntw|x"},
		{"one|", "ke", "one|"},
		{"one two|", "kwl bs yank yank", "onetwotwo|"},
		{"one two|", "kwl ks yank", "one |"},
		{"a|b", "ka yank", "ab|"},
		{"ab\ncd|ef", "up", "ab|\ncdef"},
		{"ab|\ncdef", "down", "ab\ncd|ef"},
		{"abcd|\ne\nfghij", "down down", "abcd\ne\nfghi|j"},
		{"|ab", "up", "|ab"},
		{"ab|", "down", "ab|"},
		{"one two three| four", "up", "one t|wo three four"},
		{"日本|語\nabcdef", "down", "日本語\nabcd|ef"},
		{"日本語\nabc|def", "up", "日|本語\nabcdef"},
		{"a|b\nc", "bottom", "ab\nc|"},
		{"ab\nc|", "top", "|ab\nc"},
	} {
		at := strings.Index(c.from, "|")
		var e Editor
		e.Restore(c.from[:at]+c.from[at+1:], at)
		for _, op := range strings.Fields(c.ops) {
			ops[op](&e)
		}
		if got := e.Text()[:e.Cursor()] + "|" + e.Text()[e.Cursor():]; got != c.want {
			t.Errorf("%q %s = %q, want %q", c.from, c.ops, got, c.want)
		}
	}
}

func TestEditorInsert(t *testing.T) {
	var e Editor
	for _, s := range []string{"a", "\x1b", "\u202e", "\x00", "\u009b", "\t", "b", "\u200d", "\xff"} {
		e.Insert(s)
	}
	if got, want := e.Text(), "a    b\u200d\ufffd"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	e.Set("👩👧")
	e.Left()
	e.Insert("\u200d") // makes one cluster of the three
	if e.Cursor() != len(e.Text()) {
		t.Errorf("the cursor is at %d of %q", e.Cursor(), e.Text())
	}

	e.Set(strings.Repeat("x", maxInputBytes-1))
	if e.Insert("ab") || len(e.Text()) != maxInputBytes-1 {
		t.Error("what is too long was taken")
	}
	if !e.Insert("a") {
		t.Error("what fits was not taken")
	}
}

func FuzzEditor(f *testing.F) {
	f.Add("e\u0301 "+family+"\n日本 x", []byte("aAbBcCdDeEfFgGhHiIjJ"))
	f.Add("🇩🇪🇫🇷\r\n\u200d\u200d", []byte{0, 1, 2, 3, 8, 8, 9, 10, 12, 13, 200})
	ops := []func(*Editor){
		(*Editor).Left, (*Editor).Right, (*Editor).WordLeft, (*Editor).WordRight, (*Editor).Home, (*Editor).End,
		(*Editor).Top, (*Editor).Bottom, (*Editor).Backspace, (*Editor).Delete, (*Editor).KillWordLeft, (*Editor).KillWordRight,
		(*Editor).KillToStart, (*Editor).KillToEnd, (*Editor).KillAll,
		func(e *Editor) { e.Yank() }, func(e *Editor) { e.Vertical(-1, 7) }, func(e *Editor) { e.Vertical(1, 7) },
		func(e *Editor) { e.moveTo(1, 3, 7) },
	}
	f.Fuzz(func(t *testing.T, text string, keys []byte) {
		var e Editor
		if len(text) > 1000 || len(keys) > 200 {
			return
		}
		for _, k := range keys {
			if int(k) < len(ops) {
				ops[k](&e)
			} else if i := int(k) % (len(text) + 1); true {
				e.Insert(text[i:])
			}
			if e.Cursor() < 0 || e.Cursor() > len(e.Text()) || !utf8.ValidString(e.Text()) {
				t.Fatalf("cursor %d in %q", e.Cursor(), e.Text())
			}
			if at := e.boundary(e.Cursor()); at != e.Cursor() {
				t.Fatalf("the cursor %d is within a cluster of %q", e.Cursor(), e.Text())
			}
			row, col := e.Place(7)
			if row < 0 || row >= len(e.Lines(7)) || col < 0 {
				t.Fatalf("place %d,%d", row, col)
			}
		}
	})
}
