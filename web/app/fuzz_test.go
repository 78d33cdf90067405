package app

import (
	"testing"
	"unicode"

	"tuitalk/client/view"
	"tuitalk/talk"
)

// Whatever comes from other people is shown as the sanitiser gives it, and as
// text: patches carry it without loss, and nothing of it becomes an element
// other than a link to the very address that is shown.
func FuzzWhatOthersSay(f *testing.F) {
	f.Add("ada", "hello https://example.org/ there")
	f.Add("\u202e<b>\x1b[1m", "a\x00b\xff\ud7ff\U0001f600\u2028c\td")
	f.Add("e\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301", "\u200d\u200d\U000e0041")
	f.Fuzz(func(t *testing.T, name, text string) {
		if len(text) > talk.MaxTextBytes {
			return
		}
		s := joined(t, 0)
		s.say(ada, name, text)
		s.receive(talk.Error{Code: talk.CodeFlood, Message: text})
		s.frame()
		row := s.el("log").all("entry")[0]
		if got := row.all("name")[0].text(); got != view.ShowName(ada, name) {
			t.Fatalf("the name %q is shown as %q", name, got)
		}
		shown := row.all("text")[0]
		if got := shown.text(); got != talk.CleanText(text) {
			t.Fatalf("the text %q is shown as %q", text, got)
		}
		for _, r := range s.notices() {
			if unicode.Is(unicode.Cc, r) && r != '\n' {
				t.Fatalf("a notice shows %q", s.notices())
			}
		}
		for _, c := range shown.children {
			if c.tag != "" && (c.tag != "a" || c.attrs["href"] != c.text()) {
				t.Fatalf("the text %q makes an element %s to %s", text, c.tag, c.attrs["href"])
			}
		}
	})
}
