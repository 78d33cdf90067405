package app

// Event is something that happens on the page. Offsets in texts are in UTF-16
// units, as the page counts them; distances are in CSS pixels.
type Event interface{ event() }

type (
	// Key is a key struck in the input, outside of an input method.
	Key struct {
		Name                      string // as KeyboardEvent.key
		Shift, Control, Alt, Meta bool
		Text                      string // what the input holds
		From, To                  int    // what is selected in it; equal: the caret
	}
	// Typed says that the input holds another text.
	Typed struct {
		Text  string
		Caret int
	}
	// Clicked is a button: its data-act and data-arg.
	Clicked struct {
		Act, Arg string
		Text     string // what the input holds
	}
	// Answered is the text of the small form for a name or a room.
	Answered struct{ Text string }
	// Scrolled tells where the view is after it has moved or changed.
	Scrolled struct {
		Above, View, Below int  // not seen above, seen, not seen below
		Following          bool // the newest row is in view
		First, Last        Ref  // the first and the last row in view; 0: none
	}
	// Attention tells whether somebody looks at the page.
	Attention struct {
		Kind    string // the event's name
		Shown   bool   // the page is not hidden
		Focused bool   // and has the keyboard
	}
	// Widened tells whether there is room for the member list beside the log.
	Widened struct{ Wide bool }
	// Visited is a step in the browser's history, or a changed fragment.
	Visited struct{ Search, Hash string }
)

func (Key) event()       {}
func (Typed) event()     {}
func (Clicked) event()   {}
func (Answered) event()  {}
func (Scrolled) event()  {}
func (Attention) event() {}
func (Widened) event()   {}
func (Visited) event()   {}

// byteOffset turns an offset in UTF-16 units into one in bytes.
func byteOffset(s string, units int) int {
	for i, r := range s {
		if units <= 0 {
			return i
		}
		units--
		if r > 0xffff {
			units--
		}
	}
	return len(s)
}
