package tui

import (
	"testing"

	"tuitalk/talk"
)

func TestGridText(t *testing.T) {
	for _, c := range []struct {
		text string
		w    int
		want string
		used int
	}{
		{"abc", 10, "abc", 3},
		{"abcdef", 3, "abc", 3},
		{"日本語", 5, "日本", 4},
		{"e\u0301x", 9, "e\u0301x", 2},
		{family + "!", 9, family + "!", 3},
		{"a\x1b[31mb\x00\u009bc\u202ed\u200be\u2066\ufefff\u00adg\n", 20, "a[31mbcdefg", 11},
		{"\u0301x", 9, "x", 1},
		{"\u200d\u200c", 9, "", 0},
		{"a\u200d b\u200c", 9, "a b", 3},
		{"\u2e3b\u2e3a", 9, "——", 2},
		{"bad \xff\xfe", 9, "bad \ufffd\ufffd", 6},
		{"a\U000e0041\U000e0042b", 9, "ab", 2},
		{"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 9, "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 2},
		{"\u2028x\u2029", 9, "x", 1},
	} {
		var g Grid
		g.Reset(20, 1, Style{})
		used := g.Text(0, 0, c.w, c.text, Style{})
		checkGrid(t, &g)
		got := screenText(&g)
		if got != c.want+"\n" || used != c.used {
			t.Errorf("%q in %d cells: %q in %d, want %q in %d", c.text, c.w, got, used, c.want, c.used)
		}
	}
}

func TestGridKeepsWideCellsWhole(t *testing.T) {
	var g Grid
	g.Reset(6, 1, Style{})
	g.Text(0, 0, 6, "日本語", Style{})
	g.Text(1, 0, 1, "x", Style{})
	g.Text(2, 0, 2, "語", Style{})
	g.Text(3, 0, 2, "日", Style{})
	checkGrid(t, &g)
	if got := screenText(&g); got != " x 日\n" {
		t.Errorf("got %q", got)
	}
	g.Text(5, 0, 2, "日", Style{}) // does not fit
	g.Text(-1, 0, 2, "日", Style{})
	g.Text(0, 1, 2, "x", Style{})
	g.Fill(-2, -2, 100, 100, "-", Style{})
	checkGrid(t, &g)
	if got := screenText(&g); got != "------\n" {
		t.Errorf("got %q", got)
	}
}

func FuzzGrid(f *testing.F) {
	f.Add("a\x1b]0;t\a\u202e"+family+"\u0301", 0, 5)
	f.Add("\u200d\u0600日\xff", 3, 2)
	f.Fuzz(func(t *testing.T, text string, x, w int) {
		var g Grid
		g.Reset(8, 2, Style{})
		g.Text(0, 0, 8, "日本語日", Style{})
		for _, s := range []string{text, talk.CleanText(text), talk.CleanName(text)} {
			if used := g.Text(x%9, 0, w%20, s, Style{}); used > max(w%20, 0) {
				t.Errorf("%q took %d of %d cells", s, used, w%20)
			}
			checkGrid(t, &g)
		}
	})
}
