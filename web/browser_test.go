//go:build integration

package web_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"tuitalk/talk"
	"tuitalk/web"
	"tuitalk/web/chromium"
)

// browser is shared by all tests; every page has a storage of its own.
var browser *chromium.Browser

func TestMain(m *testing.M) {
	if !web.Built() {
		fmt.Fprintln(os.Stderr, "the browser client was not built: run go run ./web/build")
		os.Exit(1)
	}
	goroutines := runtime.NumGoroutine()
	var err error
	if browser, err = chromium.Start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := browser.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if err := noGoroutinesLeft(goroutines); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// noGoroutinesLeft waits until no more goroutines run than before the tests.
func noGoroutinesLeft(before int) error {
	deadline := time.Now().Add(30 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			stacks := make([]byte, 64<<10)
			return fmt.Errorf("goroutines are left:\n%s", stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
	return nil
}

var (
	ada = talk.Member{UUID: talk.MakeUUID(8, [16]byte{0: 37, 15: 200}), Username: "ada"}
	bob = talk.Member{UUID: talk.MakeUUID(8, [16]byte{0: 74, 15: 201}), Username: "bob"}
)

// person is a page with helpers that end the test when something fails.
type person struct {
	*chromium.Page
	t *testing.T
}

// visit opens the page of a room as somebody new, and waits until it is live.
// Whatever the browser complains of in its console fails the test.
func visit(t *testing.T, g *fakeGateway, query string) *person {
	t.Helper()
	page, err := browser.Page(g.url() + query)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{Page: page, t: t}
	t.Cleanup(func() {
		if t.Failed() {
			texts := p.texts()
			t.Logf("the page ends with %q", texts[max(0, len(texts)-10):])
		}
		p.quiet()
		if err := page.Close(); err != nil {
			t.Error(err)
		}
	})
	p.online()
	p.do(p.Eval(`window.box = document.querySelector("#scroll")`, nil))
	return p
}

// quiet fails the test when the console has anything but lines that are cut:
// those of connections that the test has cut itself.
func (p *person) quiet() {
	p.t.Helper()
	for _, line := range p.Console() {
		if !strings.Contains(line.Text, "WebSocket connection to") {
			p.t.Errorf("the console says: %s %s", line.Level, line.Text)
		}
	}
}

func (p *person) do(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) wait(js string)   { p.t.Helper(); p.do(p.WaitFor(js)) }
func (p *person) press(key string) { p.t.Helper(); p.do(p.Press(key)) }
func (p *person) click(sel string) { p.t.Helper(); p.do(p.Click(sel)) }

func (p *person) online() {
	p.t.Helper()
	p.wait(`document.querySelector("#line").dataset.phase === "online"`)
}

// say types a line and strikes Enter.
func (p *person) say(line string) {
	p.t.Helper()
	p.do(p.Type(line))
	p.press("Enter")
}

// get computes something on the page.
func get[T any](p *person, js string) (v T) {
	p.t.Helper()
	p.do(p.Eval(js, &v))
	return v
}

// texts are the messages in the page.
func (p *person) texts() []string {
	p.t.Helper()
	return get[[]string](p, `[...document.querySelectorAll("#log .text")].map(e => e.textContent)`)
}

// sees waits until the last message in the page is this one, stored.
func (p *person) sees(text string) {
	p.t.Helper()
	p.wait(`(e => e && e.dataset.seq && e.querySelector(".text").textContent === ` + chromium.Quote(text) +
		`)([...document.querySelectorAll("#log .entry")].at(-1))`)
}

func TestTwoPeopleTalk(t *testing.T) {
	g := newFakeGateway(t)
	g.say(1, ada, "from before", 60)
	one, two := visit(t, g, ""), visit(t, g, "")
	one.sees("from before")
	one.say("hello from one")
	two.sees("hello from one")
	two.do(two.Type("two lines\nat once"))
	two.press("Enter")
	one.sees("two lines\nat once")
	if got, want := one.texts(), []string{"from before", "hello from one", "two lines\nat once"}; !slices.Equal(got, want) {
		t.Errorf("one sees %q", got)
	}
	if own := get[[]string](one, `[...document.querySelectorAll(".own .text")].map(e => e.textContent)`); !slices.Equal(own, []string{"hello from one"}) {
		t.Errorf("marked as one's own: %q", own)
	}
	if got := g.texts(1); len(got) != 3 {
		t.Errorf("stored: %q", got)
	}
}

func TestAFirstVisitAsksForAName(t *testing.T) {
	g := newFakeGateway(t)
	p := visit(t, g, "")
	p.wait(`!document.querySelector("#ask").hidden`)
	if name := get[string](p, `document.querySelector("#me-name").textContent`); !strings.HasPrefix(name, "guest-") {
		t.Errorf("the first name is %q", name)
	}
	p.click("#ask-input")
	p.do(p.Type("Grace"))
	p.press("Enter")
	p.wait(`document.querySelector("#ask").hidden && document.querySelector("#me-name").textContent === "Grace"`)
	if focus := get[string](p, `document.activeElement.id`); focus != "input" {
		t.Errorf("the keyboard is at %q", focus)
	}
	p.say("hi")
	p.sees("hi")
	p.do(p.Reload())
	p.online()
	p.wait(`document.querySelector("#me-name").textContent === "Grace"`)
	if hidden := get[bool](p, `document.querySelector("#ask").hidden`); !hidden {
		t.Error("the second visit asks again")
	}
}

func TestCommandsByKeys(t *testing.T) {
	g := newFakeGateway(t)
	g.fill(1, 250, ada)
	g.say(7, bob, "in seven", 60)
	p := visit(t, g, "?room=1")
	p.sees("message 250")

	p.say("/help")
	p.wait(`document.querySelector(".help")?.textContent.includes("/fetch")`)
	p.press("Escape")
	p.press("Escape") // the question for the name, then the help
	p.wait(`!document.querySelector(".help")`)

	p.say("/name Ada Lovelace")
	p.wait(`document.querySelector("#me-name").textContent === "Ada Lovelace"`)
	p.wait(`document.querySelector(".fold")?.textContent.includes("is now Ada Lovelace")`)

	p.say("/clear")
	p.wait(`!document.querySelector("#log").children.length`)
	p.say("/fetch 5")
	p.wait(`document.querySelectorAll("#log .entry").length > 0`)
	if got := p.texts(); !slices.Equal(got, []string{"message 247", "message 248", "message 249", "message 250"}) {
		t.Errorf("after /fetch 5 (the last of them is the new name) the page shows %q", got)
	}

	p.say("/room 7")
	p.sees("in seven")
	p.wait(`location.search === "?room=7" && document.title.includes("Room 7")`)
	p.do(p.Eval(`history.back()`, nil))
	p.sees("message 250")

	p.say("/nothing")
	p.wait(`document.querySelector(".notice.wrong")`)
	if left := get[string](p, `input.value`); left != "/nothing" {
		t.Errorf("what was wrong is gone: %q", left)
	}
	for range len("/nothing") {
		p.press("Backspace")
	}
	p.do(p.Type("/hel"))
	p.press("Tab")
	p.wait(`input.value === "/help"`)
	p.press("Enter")
	p.wait(`document.querySelector(".help") && input.value === ""`)
	p.press("ArrowUp")
	p.wait(`input.value === "/help"`)
	p.press("ArrowDown")
	p.wait(`input.value === ""`)

	p.say("/quit")
	p.wait(`document.querySelector("#line").dataset.phase === "ended"`)
	p.click(`[data-act="reload"]`)
	p.online()
	p.sees("message 250")
}

func TestHostileNamesAndTextsAreHarmless(t *testing.T) {
	g := newFakeGateway(t)
	evil := talk.Member{UUID: bob.UUID, Username: "<img src=x onerror=document.title='owned'>\u202e\u200b\x1b[2J"}
	text := "<script>document.title='owned'</script>\n<b onclick=alert(1)>b</b> \u202egnp.exe javascript:alert(1) " +
		"https://user@evil.example https://ok.example/?q=<x> \x1b]0;owned\x07" + "e" + strings.Repeat("\u0301", 200)
	g.say(1, evil, text, 10)
	g.say(1, evil, strings.Repeat("wide", 900), 5)
	g.say(1, ada, "end", 1)
	p := visit(t, g, "")
	p.sees("end")
	if title := get[string](p, `document.title`); strings.Contains(title, "owned") {
		t.Error("a script from a message has run")
	}
	if n := get[int](p, `document.querySelectorAll("#log img, #log script, #log b, #log [onclick]").length`); n != 0 {
		t.Errorf("a message has made %d elements", n)
	}
	if links := get[[]string](p, `[...document.querySelectorAll("#log a")].map(a => a.href + " " + a.textContent + " " + a.rel)`); !slices.Equal(links,
		[]string{"https://ok.example/?q= https://ok.example/?q= noopener noreferrer"}) {
		t.Errorf("links: %q", links)
	}
	shown := get[string](p, `document.querySelector("#log").textContent`)
	for _, forbidden := range []string{"\u202e", "\x1b", "\x07", "\u200b", strings.Repeat("\u0301", 9)} {
		if strings.Contains(shown, forbidden) {
			t.Errorf("the page shows %q", forbidden)
		}
	}
	if wide := get[bool](p, `document.documentElement.scrollWidth > innerWidth || box.scrollWidth > box.clientWidth`); wide {
		t.Error("a long word makes the page scroll sideways")
	}
}

func TestAnInputMethodsEnterDoesNotSend(t *testing.T) {
	g := newFakeGateway(t)
	p := visit(t, g, "")
	p.click("#input")
	p.do(p.Compose("に"))
	p.do(p.PressProcessed("Enter"))
	p.wait(`input.value === "に"`)
	p.do(p.Compose("日"))
	p.do(p.Eval(`input.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", isComposing: true, bubbles: true, cancelable: true}))`, nil))
	p.do(p.Insert("日本"))
	p.wait(`input.value === "日本"`)
	if got := g.texts(1); len(got) != 0 {
		t.Fatalf("sent while composing: %q", got)
	}
	p.press("Enter")
	p.sees("日本")
	if got := g.texts(1); !slices.Equal(got, []string{"日本"}) {
		t.Errorf("sent %q", got)
	}
}

func TestThePageWorksOnAPhone(t *testing.T) {
	g := newFakeGateway(t)
	g.fill(1, 30, ada)
	p := visit(t, g, "")
	p.do(p.Show(chromium.Screen{Width: 360, Height: 640, Scale: 3, Mobile: true}))
	p.do(p.Reload())
	p.sees("message 30")
	if wide := get[int](p, `document.documentElement.scrollWidth`); wide > 360 {
		t.Errorf("the page is %d pixels wide", wide)
	}
	// Smaller text makes a phone zoom in when the input gets the keyboard.
	if size := get[string](p, `getComputedStyle(input).fontSize`); size != "16px" {
		t.Errorf("the input's font is %s", size)
	}
	if hint := get[string](p, `input.enterKeyHint`); hint != "send" {
		t.Errorf("the keyboard's Enter says %q", hint)
	}
	if hidden := get[bool](p, `document.querySelector("#members").hidden`); !hidden {
		t.Error("the member list covers the log")
	}
	p.click("#people")
	p.wait(`!document.querySelector("#members").hidden && document.querySelectorAll(".member").length === 1`)
	p.click("#people")
	p.wait(`document.querySelector("#members").hidden`)
	p.click("#input")
	p.do(p.Type("from a phone"))
	p.click("#send")
	p.sees("from a phone")
	if focus := get[string](p, `document.activeElement.id`); focus != "input" {
		t.Errorf("the keyboard went away with the send button: %q", focus)
	}
}

func TestTwoTabsAreOneUser(t *testing.T) {
	g := newFakeGateway(t)
	one := visit(t, g, "")
	one.say("mine")
	one.sees("mine")
	page, err := one.Sibling(g.url())
	if err != nil {
		t.Fatal(err)
	}
	two := &person{Page: page, t: t}
	two.online()
	two.sees("mine")
	if own := get[int](two, `document.querySelectorAll(".own").length`); own != 1 {
		t.Errorf("the second tab marks %d messages as the user's", own)
	}
	two.quiet()
}
