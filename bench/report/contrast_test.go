package report

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

var (
	palettes = regexp.MustCompile(`(?s):root \{(.*?)\n\s*\}`)
	colours  = regexp.MustCompile(`--([a-z0-9-]+): #([0-9a-f]{3,6});`)
)

// luminance is that of WCAG 2.
func luminance(t *testing.T, hex string) (sum float64) {
	t.Helper()
	if len(hex) == 3 {
		hex = hex[:1] + hex[:1] + hex[1:2] + hex[1:2] + hex[2:] + hex[2:]
	}
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

// Texts can be read by all who read at all (4.5:1), and lines be seen (3:1), in
// light, in dark and on paper.
func TestContrast(t *testing.T) {
	all := palettes.FindAllStringSubmatch(style, -1)
	if len(all) != 3 {
		t.Fatalf("%d palettes, want light, dark and print", len(all))
	}
	for i, name := range []string{"light", "dark", "print"} {
		have := map[string]string{}
		for _, c := range colours.FindAllStringSubmatch(all[i][1], -1) {
			have[c[1]] = c[2]
		}
		for _, c := range []struct {
			ratio  float64
			ground string
			on     []string
		}{
			{4.5, "paper", []string{"ink", "soft", "good", "bad"}},
			{4.5, "sheet", []string{"ink", "soft", "good", "bad"}},
			{4.5, "plain-bg", []string{"ink"}}, {4.5, "good-bg", []string{"ink", "good"}}, {4.5, "bad-bg", []string{"ink", "bad"}},
			{3, "paper", []string{"c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "mute", "fault"}},
		} {
			for _, on := range c.on {
				if have[c.ground] == "" || have[on] == "" {
					t.Fatalf("%s: there is no %s or no %s", name, c.ground, on)
				}
				a, b := luminance(t, have[c.ground]), luminance(t, have[on])
				if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < c.ratio {
					t.Errorf("%s: %s on %s has a contrast of %.2f, want %v", name, on, c.ground, ratio, c.ratio)
				}
			}
		}
	}
}
