//go:build !js

package chromium

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Modifier bits of the DevTools protocol.
const (
	altBit = 1 << iota
	controlBit
	metaBit
	shiftBit
)

// key is how a key of a keyboard of the United States is called.
type key struct {
	name string // KeyboardEvent.key
	code string // KeyboardEvent.code
	vk   int    // Windows virtual key code: KeyboardEvent.keyCode
	text string // what it writes, if anything
}

var named = map[string]key{
	"Enter":      {"Enter", "Enter", 13, "\r"},
	"Tab":        {"Tab", "Tab", 9, ""},
	"Escape":     {"Escape", "Escape", 27, ""},
	"Backspace":  {"Backspace", "Backspace", 8, ""},
	"Delete":     {"Delete", "Delete", 46, ""},
	"Space":      {" ", "Space", 32, " "},
	"ArrowUp":    {"ArrowUp", "ArrowUp", 38, ""},
	"ArrowDown":  {"ArrowDown", "ArrowDown", 40, ""},
	"ArrowLeft":  {"ArrowLeft", "ArrowLeft", 37, ""},
	"ArrowRight": {"ArrowRight", "ArrowRight", 39, ""},
	"PageUp":     {"PageUp", "PageUp", 33, ""},
	"PageDown":   {"PageDown", "PageDown", 34, ""},
	"Home":       {"Home", "Home", 36, ""},
	"End":        {"End", "End", 35, ""},
}

var modifiers = map[string]int{
	"Alt": altBit, "Control": controlBit, "Meta": metaBit, "Shift": shiftBit,
}

// Press presses and releases a key, with modifiers before it: "Enter",
// "Shift+Enter", "Control+a", "ArrowUp".
func (p *Page) Press(name string) error {
	held := 0
	for {
		before, after, found := strings.Cut(name, "+")
		bit, ok := modifiers[before]
		if !found || !ok {
			break
		}
		held |= bit
		name = after
	}
	k, ok := named[name]
	if !ok {
		runes := []rune(name)
		if len(runes) != 1 {
			return fmt.Errorf("press %q: no such key", name)
		}
		k = letter(runes[0])
	}
	if held&^shiftBit != 0 {
		k.text = ""
	}
	return p.strike(k, held)
}

// Type writes text by real key events, one after the other; a line break is
// Shift+Enter, so that it does not send. Characters that no key has arrive as
// from an input method, committed at once.
func (p *Page) Type(text string) error {
	for _, r := range text {
		var err error
		switch {
		case r == '\n':
			err = p.Press("Shift+Enter")
		case r < unicode.MaxASCII && unicode.IsPrint(r):
			err = p.strike(letter(r), 0)
		default:
			err = p.Insert(string(r))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func letter(r rune) key {
	k := key{name: string(r), text: string(r)}
	switch upper := unicode.ToUpper(r); {
	case upper >= 'A' && upper <= 'Z':
		k.code, k.vk = "Key"+string(upper), int(upper)
	case r >= '0' && r <= '9':
		k.code, k.vk = "Digit"+string(r), int(r)
	case r == ' ':
		return named["Space"]
	}
	return k
}

func (p *Page) strike(k key, held int) error {
	event := map[string]any{
		"type": "keyDown", "key": k.name, "code": k.code, "windowsVirtualKeyCode": k.vk,
		"modifiers": held, "text": k.text, "unmodifiedText": k.text,
	}
	if k.text == "" {
		event["type"] = "rawKeyDown"
	}
	if err := p.Call("Input.dispatchKeyEvent", event, nil); err != nil {
		return err
	}
	event["type"] = "keyUp"
	delete(event, "text")
	delete(event, "unmodifiedText")
	return p.Call("Input.dispatchKeyEvent", event, nil)
}

// Insert puts text in as an input method or a paste does: all at once, without keys.
func (p *Page) Insert(text string) error {
	return p.Call("Input.insertText", map[string]any{"text": text}, nil)
}

// Compose leaves text in the input as an input method shows it before it is
// committed; the caret stands behind it. Insert commits.
func (p *Page) Compose(text string) error {
	end := len(utf16.Encode([]rune(text)))
	return p.Call("Input.imeSetComposition",
		map[string]any{"text": text, "selectionStart": end, "selectionEnd": end}, nil)
}

// PressProcessed strikes a key that an input method takes for itself: pages see
// it with keyCode 229.
func (p *Page) PressProcessed(name string) error {
	k, ok := named[name]
	if !ok {
		return fmt.Errorf("press %q: no such key", name)
	}
	k.vk, k.text = 229, ""
	return p.strike(k, 0)
}

// Click presses the mouse's first button in the middle of the first element
// that matches the selector, scrolled into view.
func (p *Page) Click(selector string) error {
	x, y, err := p.middle(selector)
	if err != nil {
		return err
	}
	for _, kind := range []string{"mouseMoved", "mousePressed", "mouseReleased"} {
		event := map[string]any{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
		if kind == "mouseMoved" {
			event["button"], event["clickCount"] = "none", 0
		}
		if err := p.Call("Input.dispatchMouseEvent", event, nil); err != nil {
			return err
		}
	}
	return nil
}

// middle finds the middle of an element once it stands still and nothing
// covers it there.
func (p *Page) middle(selector string) (x, y float64, err error) {
	var at []float64
	err = p.Eval(`(async () => {
		let before = null;
		for (let frame = 0; frame < 120; frame++) {
			const e = document.querySelector(`+Quote(selector)+`);
			e?.scrollIntoView({block: "nearest"});
			const r = e?.getBoundingClientRect();
			const now = r && r.width && r.height ? [r.x + r.width / 2, r.y + r.height / 2] : null;
			const there = now && document.elementFromPoint(...now);
			if (there && e.contains(there) && before && before[0] === now[0] && before[1] === now[1]) return now;
			before = now;
			await new Promise((next) => requestAnimationFrame(next));
		}
		return [];
	})()`, &at)
	if err != nil {
		return 0, 0, err
	}
	if len(at) != 2 {
		return 0, 0, fmt.Errorf("find %s: no such element is shown, or it is covered, or never stands still", selector)
	}
	return at[0], at[1], nil
}
