package tui

import "tuitalk/client"

// Event is something that the model has to know.
type Event interface{ event() }

// Mod is a set of modifier keys.
type Mod uint8

const (
	Shift Mod = 1 << iota
	Alt
	Ctrl
)

// Key is a key that was pressed. Name is "" for a character, which is in Rune;
// with Ctrl it is the lower-case letter. Otherwise Name is one of Enter, Tab,
// Esc, Backspace, Delete, Up, Down, Left, Right, Home, End, PgUp, PgDn, F1 to
// F12, and Rune is 0.
type Key struct {
	Name string
	Rune rune
	Mod  Mod
}

// Events of the terminal and of the client.
type (
	// Paste begins or ends the keys of a pasted text.
	Paste struct{ On bool }
	// Resize gives the new size in cells.
	Resize struct{ W, H int }
	// Wheel turned over a place; By is in notches, negative is up.
	Wheel struct{ X, Y, By int }
	// Click is the main button going down.
	Click struct{ X, Y int }
	// Focus tells whether the user's keys go to this terminal.
	Focus struct{ On bool }
	// ClientOutcome is what the driver made of an event: look at the session again.
	ClientOutcome struct {
		client.Outcome
		Cause client.Event // what the user did, nil when it was somebody else
	}
)

func (Key) event()           {}
func (Paste) event()         {}
func (Resize) event()        {}
func (Wheel) event()         {}
func (Click) event()         {}
func (Focus) event()         {}
func (ClientOutcome) event() {}

// Effect is something that the model wants done, in the order given.
type Effect interface{ effect() }

type (
	// Do hands an event to the driver; its outcome comes back as ClientOutcome.
	Do struct{ Event client.Event }
	// Suspend gives the terminal back to the shell until it is in front again.
	Suspend struct{}
	// Repaint draws every cell again, for a terminal that was scribbled on.
	Repaint struct{}
	// Capture asks for the events of the mouse, or no longer.
	Capture struct{ On bool }
	// Title names the terminal's window.
	Title struct{ Text string }
	// Exit ends the program at once.
	Exit struct{}
)

func (Do) effect()      {}
func (Suspend) effect() {}
func (Repaint) effect() {}
func (Capture) effect() {}
func (Title) effect()   {}
func (Exit) effect()    {}

// String names the key as the table of bindings does: "C-a", "M-Enter",
// "S-Tab"; "" for a character without Ctrl or Alt.
func (k Key) String() string {
	name := k.Name
	if name == "" {
		if k.Mod&(Ctrl|Alt) == 0 {
			return ""
		}
		name = string(k.Rune)
	}
	if k.Mod&Shift != 0 && k.Name != "" {
		name = "S-" + name
	}
	if k.Mod&Alt != 0 {
		name = "M-" + name
	}
	if k.Mod&Ctrl != 0 {
		name = "C-" + name
	}
	return name
}
