//go:build integration

package web_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	anyName     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}`)
	shownSecret = regexp.MustCompile(`"secret":"[0-9a-f]{64}"`)
)

// TestNothingOfOneServerReachesAnother: one browser, two servers. The second writes
// down all that it gets and refuses the user, who begins anew there and is who he
// was at the first.
func TestNothingOfOneServerReachesAnother(t *testing.T) {
	a, b := newFakeGateway(t), newFakeGateway(t)
	one := visit(t, a, "?room=1")
	one.say("/name Anton")
	one.say("said at a")
	one.sees("said at a")
	page, err := one.Sibling(b.url() + "?room=1")
	if err != nil {
		t.Fatal(err)
	}
	two := &person{Page: page, t: t}
	two.online()
	two.say("said at b")
	two.sees("said at b")
	b.refuseAll()
	two.wait(`document.querySelector('#notices [data-act="anew"]') !== null`)
	two.say("unsent at b")
	two.click(`#notices [data-act="anew"]`)
	two.online()
	two.sees("unsent at b")
	two.wait(`document.querySelector(".waiting, .failed") === null`)
	if got := b.texts(1); !slices.Equal(got, []string{"said at b", "unsent at b"}) {
		t.Errorf("b stored %q", got)
	}
	one.do(one.Reload())
	one.online()
	one.sees("said at a")
	atA, atB := a.got(), b.got()
	secrets := func(text string) int {
		all := shownSecret.FindAllString(text, -1)
		slices.Sort(all)
		return len(slices.Compact(all))
	}
	if secrets(atA) != 1 || secrets(atB) != 2 {
		t.Errorf("a was shown %d secrets, b %d", secrets(atA), secrets(atB))
	}
	for _, name := range append(anyName.FindAllString(atA, -1), "said at a", "Anton") {
		if strings.Contains(atB, name) {
			t.Errorf("%q of a came to b", name)
		}
	}
	if strings.Contains(atA, "said at b") {
		t.Error("what was said at b came to a")
	}
	two.quiet()
}
