package view

import (
	"slices"
	"strings"
	"testing"

	"tuitalk/talk"
)

func TestFindLinks(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"no link: http:// or https://", nil},
		{"http://a", []string{"http://a"}},
		{"see https://example.org/x?y=1&z=%20#top.", []string{"https://example.org/x?y=1&z=%20#top"}},
		{"(https://example.org)", []string{"https://example.org"}},
		{"(see https://en.wikipedia.org/wiki/Go_(game))", []string{"https://en.wikipedia.org/wiki/Go_(game)"}},
		{"[https://example.org/a[1]], then", []string{"https://example.org/a[1]"}},
		{"<https://example.org>", []string{"https://example.org"}},
		{"\"https://example.org/\"!!!", []string{"https://example.org/"}},
		{"HTTPS://Example.ORG/ and http://b.example,c", []string{"HTTPS://Example.ORG/", "http://b.example,c"}},
		{"https://a\nhttps://b", []string{"https://a", "https://b"}},
		{"https://de.wikipedia.org/wiki/Köln。", []string{"https://de.wikipedia.org/wiki/Köln"}},
		{"http://[::1]:8080/", []string{"http://[::1]:8080/"}},
		{"http://127.0.0.1:8080", []string{"http://127.0.0.1:8080"}},
		{"xhttp://example.org", nil},
		{"javascript:alert(1) ftp://x.example file:///etc/passwd", nil},
		{"https://bank.example@evil.example/", nil},
		{"https://ok.example/@user", []string{"https://ok.example/@user"}},
		{"https://-x", nil},
		{"http://https://a", nil},
		{"https://a.example/\u200bhidden", []string{"https://a.example/"}},
		{"https://a.example/" + strings.Repeat("x", maxLinkBytes), nil},
		{"*https://a.example/*", []string{"https://a.example/"}},
	} {
		var got []string
		for _, l := range FindLinks(c.text) {
			got = append(got, c.text[l.Start:l.End])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("FindLinks(%.60q) = %q, want %q", c.text, got, c.want)
		}
	}
}

func FuzzFindLinks(f *testing.F) {
	f.Add("see https://a.example/(b) and http://c")
	f.Add("http://http://x\x1b]8;;")
	f.Fuzz(func(t *testing.T, text string) {
		text = talk.CleanText(text)
		at := 0
		for _, l := range FindLinks(text) {
			if l.Start < at || l.End <= l.Start || l.End > len(text) {
				t.Fatalf("link %v in %q", l, text)
			}
			at = l.End
			s := text[l.Start:l.End]
			if talk.CleanText(s) != s || strings.ContainsAny(s, " \n\"<>") {
				t.Errorf("the link %q holds what no link holds", s)
			}
		}
	})
}
