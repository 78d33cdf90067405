//go:build integration

package web_test

import (
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// gate lets a test withhold the module, or refuse it some times.
type gate struct {
	mu      sync.Mutex
	open    chan struct{} // nil: open
	refuse  int           // answers 404 so many times first
	refused int
}

func (g *gate) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path.Ext(r.URL.Path) == ".wasm" && !g.pass(r) {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (g *gate) pass(r *http.Request) bool {
	g.mu.Lock()
	open := g.open
	if g.refused < g.refuse {
		g.refused++
		g.mu.Unlock()
		return false
	}
	g.mu.Unlock()
	if open != nil {
		select {
		case <-open:
		case <-r.Context().Done():
		}
	}
	return true
}

// visitGated opens the page without waiting for the client.
func visitGated(t *testing.T, g *fakeGateway) *person {
	t.Helper()
	page, err := browser.Page("about:blank")
	if err != nil {
		t.Fatal(err)
	}
	p := &person{Page: page, t: t}
	t.Cleanup(func() { p.do(page.Close()) })
	p.do(p.Call("Page.navigate", map[string]any{"url": g.url()}, nil))
	return p
}

func TestTheShellPaintsConnectsAndTakesTextBeforeTheModule(t *testing.T) {
	g := newFakeGateway(t)
	g.gate.open = make(chan struct{})
	g.say(1, ada, "from before", 60)
	p := visitGated(t, g)
	p.wait(`document.querySelector("#input") && tuitalkEarly.socket.readyState === 1`)
	p.wait(`performance.getEntriesByName("first-contentful-paint").length`)
	if n := get[int](p, `tuitalkEarly.frames.length`); n != 0 || g.heard() != 0 {
		t.Errorf("before the client runs, %d frames came and %d went", n, g.heard())
	}
	p.click("#input")
	p.do(p.Type("early bird"))
	p.press("Enter")
	if value := get[string](p, `input.value`); value != "early bird" {
		t.Errorf("before the client runs, the input holds %q", value)
	}
	close(g.gate.open)
	p.sees("early bird")
	if got := g.texts(1); !slices.Equal(got, []string{"from before", "early bird"}) {
		t.Errorf("stored: %q", got)
	}
	if n := g.connections(); n != 1 {
		t.Errorf("%d connections were opened: the first one was not taken over", n)
	}
	t.Logf("first contentful paint after %.0f ms",
		get[float64](p, `performance.getEntriesByName("first-contentful-paint")[0].startTime`))
	p.quiet()
}

func TestAModuleOfAnotherVersionIsAskedForAgain(t *testing.T) {
	g := newFakeGateway(t)
	g.gate.refuse = 3
	p := visitGated(t, g)
	p.online()
	p.say("hello")
	p.sees("hello")
}

func TestWithoutStorageOneCanStillTalk(t *testing.T) {
	g := newFakeGateway(t)
	p := visitGated(t, g)
	p.do(p.Call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `
		for (const name of ["localStorage", "sessionStorage"])
			Object.defineProperty(window, name, {get() { throw new DOMException("denied", "SecurityError"); }});
	`}, nil))
	p.do(p.Reload())
	p.online()
	p.wait(`document.querySelector(".notice.wrong")`)
	p.say("hello")
	p.sees("hello")
	p.quiet()
}

// How the page is on this machine: logged, for no time is a pass or a failure.
func TestMeasures(t *testing.T) {
	g := newFakeGateway(t)
	p := visit(t, g, "")
	p.do(p.Call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `
		const streaming = WebAssembly.instantiateStreaming;
		WebAssembly.instantiateStreaming = async (...args) => {
			const made = await streaming.apply(WebAssembly, args);
			window.memory = made.instance.exports.mem;
			window.ready = performance.now();
			return made;
		};
		window.tasks = [];
		new PerformanceObserver((l) => tasks.push(...l.getEntries().map((e) => Math.round(e.duration)))).observe({type: "longtask"});
	`}, nil))
	for _, kind := range []string{"first", "second"} {
		p.do(p.Reload())
		p.online()
		p.wait(`window.ready && performance.getEntriesByName("first-contentful-paint").length`)
		t.Logf("%s load: painted after %.0f ms, module ready after %.0f ms, tasks over 50 ms: %v", kind,
			get[float64](p, `performance.getEntriesByName("first-contentful-paint")[0].startTime`),
			get[float64](p, `ready`), get[[]int](p, `tasks.splice(0)`))
	}
	p.do(p.Eval(`window.keys = [];
		addEventListener("keydown", (e) => {
			const at = e.timeStamp;
			requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = () => keys.push(performance.now() - at); c.port2.postMessage(0); });
		}, true)`, nil))
	for i, r := range strings.Repeat("the quick brown fox ", 5) {
		p.do(p.Type(string(r)))
		p.wait(`keys.length > ` + strconv.Itoa(i))
	}
	t.Logf("key to frame: %s", get[string](p, `(k => "p50 " + k[k.length >> 1].toFixed(1) + " ms, p95 " + k[Math.floor(k.length * 0.95)].toFixed(1) + " ms")(keys.sort((a, b) => a - b))`))
	measureMemory(t, g, p)
}

// measureMemory lets 100,000 messages of 80 bytes arrive, with -short 20,000.
func measureMemory(t *testing.T, g *fakeGateway, p *person) {
	t.Helper()
	const most = 64 << 20
	messages := 100_000
	if testing.Short() {
		messages = 20_000
	}
	text := "0123456789012345678901234567890123456789012345678901234567890123456789012345678"
	for n := 0; n < messages; n += 1000 {
		for range 1000 {
			g.say(1, ada, text+"x", 0)
		}
		p.wait(`document.querySelectorAll("#log .row").length <= 500 && +[...document.querySelectorAll("[data-seq]")].at(-1).dataset.seq > ` + strconv.Itoa(n))
	}
	g.say(1, ada, "the end", 0)
	p.sees("the end")
	memory := get[int](p, `memory.buffer.byteLength`)
	t.Logf("%d messages: %d MiB of memory, tasks over 50 ms: %v", messages, memory>>20, get[[]int](p, `tasks`))
	if memory > most {
		t.Errorf("%d messages take %d MiB", messages, memory>>20)
	}
}
