//go:build !js

package chromium

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// ErrNotYet says that a condition did not come true in time.
var ErrNotYet = errors.New("the condition did not come true")

// waitTimeout bounds WaitFor, pollEvery is how often it looks.
const (
	waitTimeout = time.Minute
	pollEvery   = 20 * time.Millisecond
)

// Page is one tab. Its methods are for one goroutine at a time.
type Page struct {
	browser *Browser
	person  string // the browser context: cookies and storage
	target  string
	session string

	mu      sync.Mutex
	console []Line
	loads   int // load events seen
}

// Line is one line of a page's console, or something the browser says there.
type Line struct {
	Level string // "log", "warning", "error", "exception", …
	Text  string
}

// Page opens url in a tab with storage of its own and waits until it is loaded.
func (b *Browser) Page(url string) (*Page, error) {
	var made struct {
		ID string `json:"browserContextId"`
	}
	if err := b.call("", "Target.createBrowserContext", struct{}{}, &made); err != nil {
		return nil, err
	}
	return b.open(made.ID, url)
}

// Sibling opens url in a further tab of the same person: they share storage.
func (p *Page) Sibling(url string) (*Page, error) { return p.browser.open(p.person, url) }

func (b *Browser) open(person, url string) (*Page, error) {
	p := &Page{browser: b, person: person}
	var made struct {
		ID string `json:"targetId"`
	}
	err := b.call("", "Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": person}, &made)
	if err != nil {
		return nil, err
	}
	p.target = made.ID
	var attached struct {
		ID string `json:"sessionId"`
	}
	err = b.call("", "Target.attachToTarget", map[string]any{"targetId": p.target, "flatten": true}, &attached)
	if err != nil {
		return nil, err
	}
	p.session = attached.ID
	b.conn.listen(p.session, p.event)
	for _, method := range []string{"Page.enable", "Runtime.enable", "Log.enable"} {
		if err := p.Call(method, struct{}{}, nil); err != nil {
			return nil, err
		}
	}
	// Every tab behaves as if it were the one in front.
	if err := p.Call("Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}, nil); err != nil {
		return nil, err
	}
	return p, p.Navigate(url)
}

func (b *Browser) call(session, method string, params, result any) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	return b.conn.call(ctx, session, method, params, result)
}

// Call asks the page anything that the DevTools protocol knows; result may be nil.
func (p *Page) Call(method string, params, result any) error {
	return p.browser.call(p.session, method, params, result)
}

// Navigate loads url and waits for the load event.
func (p *Page) Navigate(url string) error {
	var answer struct {
		ErrorText string `json:"errorText"`
	}
	before := p.loaded()
	if err := p.Call("Page.navigate", map[string]any{"url": url}, &answer); err != nil {
		return err
	}
	if answer.ErrorText != "" {
		return fmt.Errorf("open %s: %s", url, answer.ErrorText)
	}
	return p.awaitLoad(before)
}

// Reload loads the page anew and waits for the load event.
func (p *Page) Reload() error {
	before := p.loaded()
	if err := p.Call("Page.reload", struct{}{}, nil); err != nil {
		return err
	}
	return p.awaitLoad(before)
}

func (p *Page) awaitLoad(before int) error {
	return p.poll(func() (bool, error) { return p.loaded() > before, nil })
}

func (p *Page) loaded() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.loads
}

// Eval computes a JavaScript expression, awaits it if it is a promise, and
// unpacks its value into out, which may be nil.
func (p *Page) Eval(js string, out any) error {
	var answer struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text      string `json:"text"`
			Exception struct {
				Description string `json:"description"`
			} `json:"exception"`
		} `json:"exceptionDetails"`
	}
	params := map[string]any{"expression": js, "awaitPromise": true, "returnByValue": true, "userGesture": true}
	if err := p.Call("Runtime.evaluate", params, &answer); err != nil {
		return err
	}
	if e := answer.Exception; e != nil {
		return fmt.Errorf("evaluate %s: %s %s", js, e.Text, e.Exception.Description)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Result.Value, out); err != nil {
		return fmt.Errorf("evaluate %s: %w", js, err)
	}
	return nil
}

// WaitFor waits until a JavaScript expression is truthy, also over a reload.
// When it does not become so, the error tells the console's last lines.
func (p *Page) WaitFor(js string) error {
	var last error
	err := p.poll(func() (bool, error) {
		var ok bool
		last = p.Eval("!!("+js+")", &ok)
		if errors.Is(last, ErrGone) {
			return false, last
		}
		return ok, nil
	})
	if errors.Is(err, ErrNotYet) {
		return fmt.Errorf("wait for %s: %w; last error: %v; console: %v", js, err, last, p.lastLines(5))
	}
	return err
}

// poll looks until it is told true, an error, or the time is up.
func (p *Page) poll(look func() (bool, error)) error {
	deadline := time.NewTimer(waitTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if ok, err := look(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return ErrNotYet
		case <-p.browser.exited:
			return ErrGone
		}
	}
}

// Screenshot writes what the page shows as PNG to a file.
func (p *Page) Screenshot(path string) error {
	var answer struct {
		Data string `json:"data"`
	}
	if err := p.Call("Page.captureScreenshot", map[string]any{"format": "png"}, &answer); err != nil {
		return err
	}
	image, err := base64.StdEncoding.DecodeString(answer.Data)
	if err != nil {
		return fmt.Errorf("decode a screenshot: %w", err)
	}
	if err := os.WriteFile(path, image, 0o644); err != nil {
		return fmt.Errorf("write a screenshot: %w", err)
	}
	return nil
}

// Screen is what a page is shown on.
type Screen struct {
	Width, Height int     // CSS pixels
	Scale         float64 // device pixels a CSS pixel; 0 means 1
	Mobile        bool    // a phone: touch, overlay scroll bars, the viewport tag counts
	Dark          bool    // prefers-color-scheme: dark
	StillMotion   bool    // prefers-reduced-motion: reduce
}

// Show puts the page on another screen.
func (p *Page) Show(s Screen) error {
	scale := s.Scale
	if scale == 0 {
		scale = 1
	}
	metrics := map[string]any{"width": s.Width, "height": s.Height, "deviceScaleFactor": scale, "mobile": s.Mobile}
	if err := p.Call("Emulation.setDeviceMetricsOverride", metrics, nil); err != nil {
		return err
	}
	if err := p.Call("Emulation.setTouchEmulationEnabled", map[string]any{"enabled": s.Mobile}, nil); err != nil {
		return err
	}
	scheme, motion := "light", "no-preference"
	if s.Dark {
		scheme = "dark"
	}
	if s.StillMotion {
		motion = "reduce"
	}
	features := []map[string]string{
		{"name": "prefers-color-scheme", "value": scheme},
		{"name": "prefers-reduced-motion", "value": motion},
	}
	return p.Call("Emulation.setEmulatedMedia", map[string]any{"features": features}, nil)
}

// Console returns what the page's console has said since the page was opened.
func (p *Page) Console() []Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Line(nil), p.console...)
}

func (p *Page) lastLines(n int) []Line {
	lines := p.Console()
	return lines[max(0, len(lines)-n):]
}

// Close closes the tab. The person's storage stays until the browser ends.
func (p *Page) Close() error {
	defer p.browser.conn.listen(p.session, nil)
	return p.browser.call("", "Target.closeTarget", map[string]any{"targetId": p.target}, nil)
}

// Quote writes a string as a JavaScript literal.
func Quote(s string) string {
	literal, _ := json.Marshal(s) // a string always has a JSON form
	return string(literal)
}
