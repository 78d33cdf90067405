package report

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	svgs     = regexp.MustCompile(`(?s)<svg.*?</svg>`)
	loads    = regexp.MustCompile(`(?i)\b(src|href|srcset|action|poster)\s*=|url\(|@import|<link|<iframe|<object|https?://`)
	ids      = regexp.MustCompile(`\sid="([^"]*)"`)
	labels   = regexp.MustCompile(`aria-labelledby="([^"]*)"`)
	policies = regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`)
	figures  = regexp.MustCompile(`-?\d+(\.\d+)?`)
)

// sound holds what every page must hold.
func sound(t *testing.T, html string) {
	t.Helper()
	for _, bad := range []string{"NaN", "Inf", "ZgotmplZ", "%!", "<nil>", "undefined"} {
		if strings.Contains(html, bad) {
			at := strings.Index(html, bad)
			t.Errorf("the page has %q: …%s…", bad, html[max(0, at-80):min(len(html), at+40)])
		}
	}
	if found := loads.FindString(html); found != "" {
		t.Errorf("the page refers to something outside: %q", found)
	}
	known := map[string]bool{}
	for _, id := range ids.FindAllStringSubmatch(html, -1) {
		if known[id[1]] {
			t.Errorf("the id %q is there twice", id[1])
		}
		known[id[1]] = true
	}
	for _, label := range labels.FindAllStringSubmatch(html, -1) {
		for _, id := range strings.Fields(label[1]) {
			if !known[id] {
				t.Errorf("nothing has the id %q", id)
			}
		}
	}
	for _, svg := range svgs.FindAllString(html, -1) {
		drawn(t, svg)
	}
	allowed(t, html)
}

// drawn holds that a drawing is well-formed, described, and within its borders.
func drawn(t *testing.T, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	var box []float64
	described := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("a drawing is not well-formed: %v\n%.300s", err, svg)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if e.Name.Local == "desc" || e.Name.Local == "title" {
			described++
		}
		for _, a := range e.Attr {
			switch a.Name.Local {
			case "viewBox":
				box = values(t, a.Value)
			case "x", "x1", "x2", "cx", "width":
				inside(t, e.Name.Local, a, box[2])
			case "y", "y1", "y2", "cy", "height":
				inside(t, e.Name.Local, a, box[3])
			case "d":
				walk(t, a.Value, box)
			}
		}
	}
	if described < 2 {
		t.Errorf("a drawing has no title and description: %.200s", svg)
	}
}

var steps = regexp.MustCompile(`([MLHVhz])([^MLHVhz]*)`)

// walk holds that a path stays within its drawing.
func walk(t *testing.T, d string, box []float64) {
	t.Helper()
	x, y := 0.0, 0.0
	for _, step := range steps.FindAllStringSubmatch(d, -1) {
		at := values(t, step[2])
		switch command := step[1]; {
		case len(at) == 2 && (command == "M" || command == "L"):
			x, y = at[0], at[1]
		case len(at) == 1 && command == "H":
			x = at[0]
		case len(at) == 1 && command == "V":
			y = at[0]
		case len(at) == 1 && command == "h":
			x += at[0]
		case len(at) > 0 || command != "z":
			t.Errorf("a path has %q", step[0])
		}
		if x < 0 || x > box[2] || y < 0 || y > box[3] {
			t.Errorf("a path leaves its drawing at %v, %v", x, y)
		}
	}
}

func inside(t *testing.T, element string, a xml.Attr, most float64) {
	t.Helper()
	if v := values(t, a.Value); len(v) != 1 || v[0] < 0 || v[0] > most {
		t.Errorf("%s of a %s is %s, beyond %v", a.Name.Local, element, a.Value, most)
	}
}

func values(t *testing.T, text string) (all []float64) {
	t.Helper()
	for _, n := range figures.FindAllString(text, -1) {
		v, err := strconv.ParseFloat(n, 64)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// allowed holds that the policy lets exactly the page's own style and script be.
func allowed(t *testing.T, html string) {
	t.Helper()
	policy := policies.FindStringSubmatch(html)
	if policy == nil || !strings.Contains(policy[1], "default-src &#39;none&#39;") {
		t.Fatal("the page has no policy that forbids everything")
	}
	for _, element := range []string{"style", "script"} {
		parts := strings.Split(html, "<"+element+">")
		if len(parts) != 2 {
			t.Fatalf("%d elements %s, want 1", len(parts)-1, element)
		}
		source, _, _ := strings.Cut(parts[1], "</"+element+">")
		allowed := strings.NewReplacer("&#43;", "+", "&#39;", "'").Replace(policy[1])
		if !strings.Contains(allowed, element+"-src "+hash(source)) {
			t.Errorf("the policy does not allow the %s of the page", element)
		}
	}
	html = regexp.MustCompile(`"[^"]*"`).ReplaceAllString(html, `""`)
	if strings.Contains(html, " style=") || regexp.MustCompile(`<[^>]*\son[a-z]+=`).MatchString(html) {
		t.Error("an element has a style or a handler of its own, which the policy forbids")
	}
}
