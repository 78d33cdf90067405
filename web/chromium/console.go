//go:build !js

package chromium

import (
	"encoding/json"
	"strings"
)

// consoleLines bounds what is kept of a page's console.
const consoleLines = 2000

// event runs on the reader's goroutine.
func (p *Page) event(method string, params json.RawMessage) {
	switch method {
	case "Page.loadEventFired":
		p.mu.Lock()
		p.loads++
		p.mu.Unlock()
	case "Runtime.consoleAPICalled":
		p.consoleCalled(params)
	case "Runtime.exceptionThrown":
		p.thrown(params)
	case "Log.entryAdded":
		p.logged(params)
	}
}

func (p *Page) consoleCalled(params json.RawMessage) {
	var e struct {
		Type string `json:"type"`
		Args []struct {
			Value       json.RawMessage `json:"value"`
			Description string          `json:"description"`
		} `json:"args"`
	}
	if json.Unmarshal(params, &e) != nil {
		return
	}
	words := make([]string, 0, len(e.Args))
	for _, arg := range e.Args {
		var text string
		switch {
		case json.Unmarshal(arg.Value, &text) == nil:
			words = append(words, text)
		case arg.Description != "":
			words = append(words, arg.Description)
		default:
			words = append(words, string(arg.Value))
		}
	}
	p.note(Line{Level: e.Type, Text: strings.Join(words, " ")})
}

func (p *Page) thrown(params json.RawMessage) {
	var e struct {
		Details struct {
			Text      string `json:"text"`
			Exception struct {
				Description string `json:"description"`
			} `json:"exception"`
		} `json:"exceptionDetails"`
	}
	if json.Unmarshal(params, &e) != nil {
		return
	}
	p.note(Line{Level: "exception", Text: e.Details.Text + " " + e.Details.Exception.Description})
}

// logged takes what the browser itself says: refused by the content security
// policy, a load that failed, a deprecation.
func (p *Page) logged(params json.RawMessage) {
	var e struct {
		Entry struct {
			Source string `json:"source"`
			Level  string `json:"level"`
			Text   string `json:"text"`
			URL    string `json:"url"`
		} `json:"entry"`
	}
	if json.Unmarshal(params, &e) != nil {
		return
	}
	p.note(Line{Level: e.Entry.Level, Text: e.Entry.Source + ": " + e.Entry.Text + " " + e.Entry.URL})
}

func (p *Page) note(l Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.console) < consoleLines {
		p.console = append(p.console, l)
	}
}
