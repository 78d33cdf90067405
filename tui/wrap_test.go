package tui

import (
	"slices"
	"strings"
	"testing"

	"tuitalk/talk"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text         string
		first, width int
		want         []string
	}{
		{"", 5, 5, []string{""}},
		{"one", 5, 5, []string{"one"}},
		{"one two three", 7, 7, []string{"one two ", "three"}},
		{"one two three", 8, 8, []string{"one two ", "three"}},
		{"one two", 3, 7, []string{"one ", "two"}},
		{"abcdefghij", 4, 4, []string{"abcd", "efgh", "ij"}},
		{"a bcdefghij", 4, 4, []string{"a ", "bcde", "fghi", "j"}},
		{"ab cdefgh", 2, 4, []string{"ab ", "cdef", "gh"}},
		{"one\ntwo\n", 9, 9, []string{"one\n", "two\n", ""}},
		{"a      b", 3, 3, []string{"a      ", "b"}},
		{"日本語", 4, 4, []string{"日本", "語"}},
		{"日本語", 3, 3, []string{"日", "本", "語"}},
		{"日本", 1, 1, []string{"日", "本"}},
		{"ab " + family + "x", 4, 4, []string{"ab ", family + "x"}},
		{"  indented", 10, 10, []string{"  indented"}},
		{"x", 0, -3, []string{"x"}},
	} {
		var got []string
		starts := wrap(c.text, c.first, c.width)
		for i := range starts {
			got = append(got, line(c.text, starts, i))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("wrap(%q, %d, %d) = %q, want %q", c.text, c.first, c.width, got, c.want)
		}
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("one two "+family+" 日本語\nx", 3, 7)
	f.Add("a\u0301\u0301 \r\n b", 1, 1)
	f.Fuzz(func(t *testing.T, text string, first, width int) {
		text = talk.CleanText(text)
		first, width = first%100, width%100
		starts := wrap(text, first, width)
		whole := ""
		for i := range starts {
			s := line(text, starts, i)
			whole += s
			limit := max(width, 1)
			if i == 0 {
				limit = max(first, 1)
			}
			s = strings.TrimRight(s, " \r\n")
			if w := textWidth(s); w > limit && w > 2 {
				t.Errorf("line %q of %q is wider than %d", s, text, limit)
			}
		}
		if whole != text {
			t.Errorf("the lines of %q make %q", text, whole)
		}
	})
}

func TestLayoutsAreBounded(t *testing.T) {
	var l rowLayouts
	made := 0
	for i := range 3 * maxRowLayouts {
		key := rowLayoutKey{count: i}
		for range 2 {
			l.get(key, func() *rowLayout { made++; return &rowLayout{} })
		}
	}
	if made != 3*maxRowLayouts {
		t.Errorf("%d rowLayouts were made for %d rows", made, 3*maxRowLayouts)
	}
	if n := len(l.young) + len(l.old); n > 2*maxRowLayouts {
		t.Errorf("%d rowLayouts are kept", n)
	}
	l.get(rowLayoutKey{count: 3*maxRowLayouts - 1 - maxRowLayouts/2}, func() *rowLayout {
		t.Error("one of the last rowLayouts was thrown away")
		return &rowLayout{}
	})
}
