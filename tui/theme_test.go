package tui

import (
	"math"
	"testing"

	"tuitalk/talk"
)

func TestMentions(t *testing.T) {
	for _, c := range []struct {
		text, name string
		want       bool
	}{
		{"hi ada!", "ada", true}, {"ADA", "ada", true}, {"adamant", "ada", false}, {"canada", "ada", false},
		{"canada, ada", "ada", true}, {"x", "x", false}, {"", "ada", false}, {"zoë?", "Zoë", true}, {"ada_", "ada", false},
	} {
		if got := mentions(c.text, c.name); got != c.want {
			t.Errorf("mentions(%q, %q) = %v", c.text, c.name, got)
		}
	}
}

func TestThemesAreReadable(t *testing.T) {
	for name, theme := range map[string]Theme{"dark": Dark(), "light": Light()} {
		for role, st := range map[string]Style{
			"text": theme.Text, "dim": theme.Dim, "strong": theme.Strong, "bar": theme.Bar, "bar dim": theme.BarDim,
			"input": theme.Input, "prompt": theme.Prompt, "own": theme.Own, "mention": theme.Mention, "unread": theme.Unread,
			"good": theme.Good, "warn": theme.Warn, "bad": theme.Bad, "link": theme.Link, "found": theme.Found, "pill": theme.Pill,
			"good on bar": theme.Good.on(theme.Bar.BG), "warn on bar": theme.Warn.on(theme.Bar.BG), "bad on bar": theme.Bad.on(theme.Bar.BG),
			"dim on input": theme.Dim.on(theme.Input.BG),
		} {
			if r := contrast(st.FG, st.BG); r < 4.5 {
				t.Errorf("%s: %s has a contrast of %.2f", name, role, r)
			}
		}
		for i := range 256 {
			u := talk.UUID{byte(i)}
			for _, bg := range []Color{theme.Text.BG, theme.Bar.BG} {
				if r := contrast(theme.name(u), bg); r < 4.5 {
					t.Errorf("%s: a name on %x has a contrast of %.2f", name, bg, r)
				}
			}
		}
	}
}

func TestPickTheme(t *testing.T) {
	for _, c := range []struct {
		name   string
		colors int
		env    string
		want   Color // of the background
	}{
		{"auto", 1 << 24, "", Dark().Text.BG}, {"auto", 256, "0;15", Light().Text.BG}, {"dark", 256, "0;15", Dark().Text.BG},
		{"light", 256, "", Light().Text.BG}, {"plain", 256, "", 0}, {"auto", 16, "", 0}, {"dark", 0, "", 0},
		{"auto", 256, "15;default;0", Dark().Text.BG},
	} {
		if got := PickTheme(c.name, c.colors, c.env); got.Text.BG != c.want {
			t.Errorf("PickTheme(%q, %d, %q) has the background %x", c.name, c.colors, c.env, got.Text.BG)
		}
	}
	mono := PickTheme("light", 0, "")
	for i, st := range []Style{mono.Text, mono.Dim, mono.Bar, mono.Unread, mono.Bad, mono.Found, mono.Name(ada.UUID)} {
		if st.FG != 0 || st.BG != 0 {
			t.Errorf("style %d has a colour without colours", i)
		}
	}
}

// contrast is that of WCAG 2, of two fixed colours.
func contrast(a, b Color) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c Color) float64 {
	lin := func(v Color) float64 {
		x := float64(v&0xff) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(c>>16) + 0.7152*lin(c>>8) + 0.0722*lin(c)
}
