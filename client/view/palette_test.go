package view

import (
	"math"
	"testing"

	"tuitalk/talk"
)

// luminance and contrast are those of WCAG 2.
func luminance(c RGB) float64 {
	lin := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(c.R) + 0.7152*lin(c.G) + 0.0722*lin(c.B)
}

func contrast(a, b RGB) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestNameColorsAreReadable(t *testing.T) {
	check := func(names [16]RGB, backgrounds [2]RGB) {
		seen := map[RGB]bool{}
		for _, c := range names {
			if seen[c] {
				t.Errorf("%x occurs twice", c)
			}
			seen[c] = true
			for _, b := range backgrounds {
				if r := contrast(c, b); r < 4.5 {
					t.Errorf("%x on %x has a contrast of %.2f", c, b, r)
				}
			}
			for _, v := range [...]uint8{c.R, c.G, c.B} {
				if v != 0 && (v < 95 || (v-95)%40 != 0) {
					t.Errorf("%x is not in the cube of 256 colours", c)
				}
			}
		}
	}
	check(darkNames, DarkBackground)
	check(lightNames, LightBackground)
}

func TestNameColorsAreSpreadAndStable(t *testing.T) {
	for _, dark := range []bool{true, false} {
		count := map[RGB]int{}
		for i := range 1600 {
			u := talk.MakeUUID(8, [16]byte{byte(i), byte(i >> 8), byte(i * 7)})
			count[NameColor(u, dark)]++
		}
		for c, n := range count {
			if n < 50 || n > 150 {
				t.Errorf("%d of 1600 users have the colour %x", n, c)
			}
		}
		if len(count) != 16 {
			t.Errorf("%d colours are in use", len(count))
		}
	}
	u, err := talk.ParseUUID("0192d3a4-5b6c-8d7e-8f90-a1b2c3d4e5f6")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := NameColor(u, true), (RGB{0xff, 0x87, 0xaf}); got != want {
		t.Errorf("the colour of a known user is %x, it used to be %x", got, want)
	}
}

func TestNameTags(t *testing.T) {
	user := func(b ...byte) (u talk.UUID) { copy(u[:], b); return u }
	ada1, ada2, ada3 := user(0xab, 0xcd), user(0x12, 0x34), user(0x12, 0x34, 0x50)
	var tags nameTags
	see := func(u talk.UUID, name string, want bool) {
		t.Helper()
		if got := tags.see(u, name); got != want {
			t.Errorf("see(%q) = %v", name, got)
		}
	}
	want := func(u talk.UUID, name, tag string) {
		t.Helper()
		if got := tags.tag(u, name); got != tag {
			t.Errorf("tag(%v, %q) = %q, want %q", u, name, got, tag)
		}
	}
	want(ada1, "ada", "")
	see(ada1, "ada", false)
	see(ada1, "Ada ", false)
	see(user(9), "bob", false)
	want(ada1, "ada", "")
	see(ada2, "АDА", true) // with Cyrillic letters
	see(ada2, "ADA", false)
	want(ada1, "ada", "abcd")
	want(ada2, "A d a", "1234")
	want(user(9), "bob", "")
	see(ada3, "ada", true)
	want(ada2, "ada", "12340")
	want(ada3, "ada", "12345")
	want(ada1, "ada", "abcd")
	see(user(1), "paypal", false)
	see(user(2), "paypa1", true)
	see(user(3), "PaypaI", true)
	for i := range 1000 {
		see(user(0xff, byte(i), byte(i>>8)), "crowd", 0 < i && i <= maxNameOwners)
	}
}

// Who comes beside ada under a name that looks like hers is told apart.
func TestNameTagsSeeLookAlikes(t *testing.T) {
	ada, other := talk.UUID{0xab, 0xcd}, talk.UUID{0x12, 0x34}
	for _, name := range []string{"ada", "ɑda", "ａｄａ", "𝐚𝐝𝐚", "ᵃᵈᵃ", "ada\u2800", "ạda", "ᴀᴅᴀ", "ⓐⓓⓐ", "Ada."} {
		var tags nameTags
		tags.see(ada, "ada")
		if !tags.see(other, name) || tags.tag(ada, "ada") != "abcd" || tags.tag(other, name) != "1234" {
			t.Errorf("%+q: tags %q and %q", name, tags.tag(ada, "ada"), tags.tag(other, name))
		}
	}
}
