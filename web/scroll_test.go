//go:build integration

package web_test

import (
	"strconv"
	"testing"
	"time"
)

// With -short the log is a third as long, and still twice what the page keeps of it.
func TestScrollingUpLoadsOlderAndDoesNotJump(t *testing.T) {
	messages := 3000
	if testing.Short() {
		messages = 1000
	}
	g := newFakeGateway(t)
	g.fill(1, messages, ada)
	p := visit(t, g, "?room=1")
	p.sees("message " + strconv.Itoa(messages))
	// What is in view moves by what was scrolled, and by nothing else.
	p.do(p.Eval(`window.frame = () => new Promise(r => requestAnimationFrame(r));
		window.scrollUp = async (by) => {
			const row = [...log.children].find(e => e.getBoundingClientRect().top > 100);
			const before = row.getBoundingClientRect().top;
			const moved = Math.min(by, box.scrollTop);
			box.scrollTop -= moved;
			for (let i = 0; i < 3; i++) await frame();
			return row.isConnected ? Math.abs(row.getBoundingClientRect().top - before - moved) : 10000;
		}`, nil))
	most, worst := 0, 0.0
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		worst = max(worst, get[float64](p, `scrollUp(300)`))
		most = max(most, get[int](p, `document.querySelectorAll("#log .row").length`))
		if first := p.texts()[0]; first == "message 1" {
			break
		}
	}
	if first := p.texts()[0]; first != "message 1" {
		t.Fatalf("after scrolling up the page begins with %q", first)
	}
	if worst > 2 {
		t.Errorf("what was in view has jumped by %.0f pixels", worst)
	}
	if most > 500 {
		t.Errorf("%d rows were in the page", most)
	}
	texts := p.texts()
	for i := range texts {
		if want := "message " + strconv.Itoa(i+1); texts[i] != want {
			t.Fatalf("message %d is %q", i+1, texts[i])
		}
	}
	// New messages are told of, and the button goes to them.
	g.say(1, bob, "news", 0)
	p.wait(`!jump.hidden && jump.textContent.includes("1 new message")`)
	p.click("#jump")
	p.sees("news")
	p.wait(`jump.hidden && box.scrollHeight - box.scrollTop - box.clientHeight < 2`)
}

// A thousand messages a second, for four seconds.
func TestAStormOfMessagesKeepsThePageSmallAndAtTheEnd(t *testing.T) {
	g := newFakeGateway(t)
	p := visit(t, g, "")
	p.do(p.Eval(`window.tasks = []; window.frames = 0; window.most = 0;
		new PerformanceObserver(l => tasks.push(...l.getEntries().map(e => Math.round(e.duration)))).observe({type: "longtask"});
		new MutationObserver(() => { frames++; most = Math.max(most, log.children.length); }).observe(log, {childList: true})`, nil))
	const messages, burst = 4000, 20
	tick := time.NewTicker(burst * time.Millisecond)
	defer tick.Stop()
	for i := range messages {
		if i%burst == 0 {
			<-tick.C
		}
		g.say(1, ada, "message "+strconv.Itoa(i+1), 0)
	}
	p.sees("message " + strconv.Itoa(messages))
	p.wait(`box.scrollHeight - box.scrollTop - box.clientHeight < 2`)
	if most := get[int](p, `most`); most > 500 {
		t.Errorf("%d rows were in the page", most)
	}
	texts := p.texts()
	for i, text := range texts {
		if want := "message " + strconv.Itoa(messages-len(texts)+i+1); text != want {
			t.Fatalf("row %d says %q, want %q", i, text, want)
		}
	}
	t.Logf("the page changed %d times; tasks over 50 ms: %v", get[int](p, `frames`), get[[]int](p, `tasks`))
}
