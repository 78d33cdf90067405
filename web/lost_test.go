//go:build integration

package web_test

import (
	"slices"
	"testing"
	"time"
)

func TestAKilledGatewayLosesNothing(t *testing.T) {
	g := newFakeGateway(t)
	one, two := visit(t, g, ""), visit(t, g, "")
	one.say("before")
	two.sees("before")
	g.kill()
	one.say("while it is gone")
	one.say("and more")
	one.wait(`document.querySelectorAll(".waiting").length === 2`)
	one.wait(`document.querySelector("#line").dataset.phase === "reconnecting"`)
	one.do(one.Type("half a thought"))
	g.say(1, ada, "from elsewhere", 0)
	g.start()
	two.sees("and more")
	one.sees("and more")
	want := []string{"before", "from elsewhere", "while it is gone", "and more"}
	for _, p := range []*person{one, two} {
		p.online()
		if got := p.texts(); !slices.Equal(got, want) {
			t.Errorf("the page shows %q, want %q", got, want)
		}
	}
	if left := get[string](one, `input.value`); left != "half a thought" {
		t.Errorf("the input holds %q", left)
	}
	if folds := get[int](one, `document.querySelectorAll(".fold").length`); folds != 0 {
		t.Errorf("%d lines tell of people who came or left", folds)
	}
}

func TestARefusedMessageCanBeSentAgainOrDiscarded(t *testing.T) {
	g := newFakeGateway(t)
	g.setRefuse("bad")
	p := visit(t, g, "")
	p.say("bad one")
	p.say("good one")
	p.say("bad two")
	p.wait(`document.querySelectorAll(".failed").length === 2`)
	if reason := get[string](p, `document.querySelector(".failed .mark").textContent`); reason != "not sent: This is not taken here." {
		t.Errorf("the mark says %q", reason)
	}
	p.wait(`document.querySelector("[data-seq] .text")?.textContent === "good one"`)
	p.click(`.failed [data-act="discard"]`)
	p.wait(`document.querySelectorAll(".failed").length === 1`)
	g.setRefuse("")
	p.click(`.failed [data-act="retry"]`)
	p.sees("bad two")
	if got := g.texts(1); !slices.Equal(got, []string{"good one", "bad two"}) {
		t.Errorf("stored: %q", got)
	}
}

func TestUnsentTextOutlivesTheTab(t *testing.T) {
	g := newFakeGateway(t)
	p := visit(t, g, "")
	p.say("first")
	p.sees("first")
	g.kill()
	p.say("unsent")
	p.do(p.Type("a draft"))
	p.wait(`document.querySelectorAll(".waiting").length === 1`)
	g.start()
	p.do(p.Reload())
	p.sees("unsent")
	p.wait(`input.value === "a draft"`)
	if got := g.texts(1); !slices.Equal(got, []string{"first", "unsent"}) {
		t.Errorf("stored: %q", got)
	}
}

func TestWakingUpProbesTheLine(t *testing.T) {
	g := newFakeGateway(t)
	p := visit(t, g, "")
	p.say("first")
	p.sees("first")
	g.mu.Lock()
	for s := range g.seats { // the line is dead without a word
		s.in = false
		delete(g.seats, s)
		s.deaf = true
	}
	g.mu.Unlock()
	g.say(1, ada, "missed", 0)
	began := time.Now()
	p.do(p.Eval(`dispatchEvent(new Event("online"))`, nil))
	p.sees("missed")
	t.Logf("found dead and replaced in %s", time.Since(began).Round(time.Millisecond))
}
