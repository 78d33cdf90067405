package tui

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
	"unicode"

	"github.com/gdamore/tcell/v2"
)

// Screen is a Terminal on the user's tty. Only this file knows of tcell.
type Screen struct {
	screen tcell.Screen
	events chan Event
	wg     sync.WaitGroup

	// Owned by the goroutine that draws.
	shown Grid // what the terminal shows
	whole bool // draw every cell
	base  Style

	mu   sync.Mutex
	drop chan struct{} // closed while nobody reads events
}

var _ Terminal = (*Screen)(nil)

// ErrNoTerminal says that there is nothing to draw on.
var ErrNoTerminal = errors.New("this program needs a terminal")

// fallbackTerm is what an unknown terminal is taken for: nearly all that are
// unknown to terminfo are kinds of xterm.
const fallbackTerm = "xterm-256color"

// OpenScreen takes the terminal over. Close gives it back.
func OpenScreen() (*Screen, error) {
	tcell.SetEncodingFallback(tcell.EncodingFallbackASCII)
	info, err := tcell.LookupTerminfo(os.Getenv("TERM"))
	if err != nil {
		if info, err = tcell.LookupTerminfo(fallbackTerm); err != nil {
			return nil, fmt.Errorf("look up the terminal: %w", err)
		}
	}
	if info.SetCursor == "" {
		return nil, fmt.Errorf("%w that can place text, which TERM=%s cannot", ErrNoTerminal, os.Getenv("TERM"))
	}
	screen, err := tcell.NewTerminfoScreenFromTtyTerminfo(nil, info)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoTerminal, err)
	}
	return newScreen(screen)
}

func newScreen(screen tcell.Screen) (*Screen, error) {
	if err := screen.Init(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoTerminal, err)
	}
	screen.EnablePaste()
	screen.EnableFocus()
	screen.EnableMouse(tcell.MouseButtonEvents)
	s := &Screen{screen: screen, events: make(chan Event, 64), whole: true, drop: make(chan struct{})}
	s.wg.Go(s.pump)
	return s, nil
}

// Close restores the terminal and waits for the goroutine of the events. Fini
// alone would end the reader of tcell's events before their writer, which it
// then awaits; Suspend awaits the writer while there is a reader.
func (s *Screen) Close() {
	s.stopReading()
	_ = s.screen.Suspend() // always nil; Fini follows
	s.screen.Fini()
	s.wg.Wait()
}

// Colors is how many colours the terminal shows; 0 also when NO_COLOR is set.
func (s *Screen) Colors() int { return s.screen.Colors() }

func (s *Screen) Size() (w, h int)     { return s.screen.Size() }
func (s *Screen) Events() <-chan Event { return s.events }
func (s *Screen) Repaint()             { s.whole = true }
func (s *Screen) Title(text string)    { s.screen.SetTitle(text) }

func (s *Screen) Capture(on bool) {
	if on {
		s.screen.EnableMouse(tcell.MouseButtonEvents)
	} else {
		s.screen.DisableMouse()
	}
}

// Draw writes the cells that differ from those shown.
func (s *Screen) Draw(g *Grid) {
	if len(g.cells) > 0 && s.base != g.base {
		s.base = g.base
		s.screen.SetStyle(cellStyle(g.base))
	}
	whole := s.whole || g.W != s.shown.W || g.H != s.shown.H
	for y := range g.H {
		for x := range g.W {
			if c := g.At(x, y); c.Width > 0 && (whole || *c != *s.shown.At(x, y)) {
				s.screen.Put(x, y, cellText(c), cellStyle(c.Style))
			}
		}
	}
	s.screen.ShowCursor(g.CursorX, g.CursorY)
	if s.whole {
		s.screen.Sync()
	} else {
		s.screen.Show()
	}
	s.whole = false
	s.shown.W, s.shown.H = g.W, g.H
	s.shown.cells = append(s.shown.cells[:0], g.cells...)
}

func cellText(c *Cell) string {
	if c.Text == "" {
		return " "
	}
	return c.Text
}

func cellStyle(s Style) tcell.Style {
	attrs := [...]struct {
		attr Attr
		set  func(tcell.Style) tcell.Style
	}{
		{Bold, func(t tcell.Style) tcell.Style { return t.Bold(true) }},
		{Dim, func(t tcell.Style) tcell.Style { return t.Dim(true) }},
		{Italic, func(t tcell.Style) tcell.Style { return t.Italic(true) }},
		{Underline, func(t tcell.Style) tcell.Style { return t.Underline(true) }},
		{Reverse, func(t tcell.Style) tcell.Style { return t.Reverse(true) }},
	}
	t := tcell.StyleDefault.Foreground(cellColor(s.FG)).Background(cellColor(s.BG))
	for _, a := range attrs {
		if s.Attr&a.attr != 0 {
			t = a.set(t)
		}
	}
	if s.Link != "" {
		t = t.Url(s.Link)
	}
	return t
}

func cellColor(c Color) tcell.Color {
	switch {
	case c&rgbColor != 0:
		return tcell.NewRGBColor(int32(c>>16&0xff), int32(c>>8&0xff), int32(c&0xff))
	case c&ansiColor != 0:
		return tcell.PaletteColor(int(c & 15))
	}
	return tcell.ColorDefault
}

// Suspend stops this job as Ctrl+Z does elsewhere.
func (s *Screen) Suspend() {
	s.stopReading()
	if err := s.screen.Suspend(); err != nil {
		s.readOn()
		return
	}
	back := make(chan os.Signal, 1)
	signal.Notify(back, syscall.SIGCONT)
	if err := syscall.Kill(0, syscall.SIGTSTP); err == nil {
		// The signal stops the other threads a moment later than it returns
		// here. Without job control nothing stops, and nothing continues.
		select {
		case <-back:
		case <-time.After(300 * time.Millisecond):
		}
	}
	signal.Stop(back)
	// A terminal that cannot be taken over again is gone: the pump ends.
	if err := s.screen.Resume(); err != nil {
		s.screen.Fini()
	}
	s.readOn()
}

// stopReading lets events fall to the ground: tcell waits for its reader of
// the tty, which must not wait for us.
func (s *Screen) stopReading() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.drop:
	default:
		close(s.drop)
	}
}

func (s *Screen) readOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop = make(chan struct{})
}

func (s *Screen) dropping() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drop
}

// pump translates tcell's events until the screen is closed or the tty gone.
func (s *Screen) pump() {
	defer close(s.events)
	var button bool
	for {
		ev := s.screen.PollEvent()
		var out Event
		switch ev := ev.(type) {
		case nil:
			return
		case *tcell.EventError:
			return
		case *tcell.EventMouse:
			out = mouseEvent(ev, &button)
		default:
			out = screenEvent(ev)
		}
		if out == nil {
			continue
		}
		select {
		case s.events <- out:
		case <-s.dropping():
		}
	}
}

func screenEvent(ev tcell.Event) Event {
	switch ev := ev.(type) {
	case *tcell.EventKey:
		if k, ok := keyEvent(ev); ok {
			return k
		}
	case *tcell.EventPaste:
		return Paste{On: ev.Start()}
	case *tcell.EventFocus:
		return Focus{On: ev.Focused}
	case *tcell.EventResize:
		w, h := ev.Size()
		return Resize{W: w, H: h}
	}
	return nil
}

// mouseEvent makes one Click of a button that goes down and comes up.
func mouseEvent(ev *tcell.EventMouse, button *bool) Event {
	x, y := ev.Position()
	was := *button
	*button = ev.Buttons()&tcell.Button1 != 0
	switch {
	case ev.Buttons()&tcell.WheelUp != 0:
		return Wheel{x, y, -1}
	case ev.Buttons()&tcell.WheelDown != 0:
		return Wheel{x, y, +1}
	case *button && !was:
		return Click{x, y}
	}
	return nil
}

var keyNames = map[tcell.Key]string{
	tcell.KeyEnter: "Enter", tcell.KeyTab: "Tab", tcell.KeyEsc: "Esc", tcell.KeyCtrlLeftSq: "Esc",
	tcell.KeyBackspace: "Backspace", tcell.KeyDelete: "Delete",
	tcell.KeyUp: "Up", tcell.KeyDown: "Down", tcell.KeyLeft: "Left", tcell.KeyRight: "Right",
	tcell.KeyHome: "Home", tcell.KeyEnd: "End", tcell.KeyPgUp: "PgUp", tcell.KeyPgDn: "PgDn",
	tcell.KeyF1: "F1", tcell.KeyF2: "F2", tcell.KeyF3: "F3", tcell.KeyF4: "F4",
	tcell.KeyF5: "F5", tcell.KeyF6: "F6", tcell.KeyF7: "F7", tcell.KeyF8: "F8",
	tcell.KeyF9: "F9", tcell.KeyF10: "F10", tcell.KeyF11: "F11", tcell.KeyF12: "F12",
}

// keyEvent translates a key, the forms of different terminals into one.
func keyEvent(ev *tcell.EventKey) (Key, bool) {
	var mod Mod
	for _, m := range [...]struct {
		from tcell.ModMask
		to   Mod
	}{{tcell.ModShift, Shift}, {tcell.ModCtrl, Ctrl}, {tcell.ModAlt, Alt}, {tcell.ModMeta, Alt}} {
		if ev.Modifiers()&m.from != 0 {
			mod |= m.to
		}
	}
	key := ev.Key()
	switch {
	case key == tcell.KeyBacktab:
		return Key{Name: "Tab", Mod: mod | Shift}, true
	case key == tcell.KeyCtrlLeftSq:
		return Key{Name: "Esc"}, true
	case key >= tcell.KeyCtrlA && key <= tcell.KeyCtrlZ:
		return Key{Rune: 'a' + rune(key-tcell.KeyCtrlA), Mod: mod | Ctrl}, true
	case key == tcell.KeyRune && mod == Ctrl|Alt && (ev.Rune() == 'm' || ev.Rune() == 'j'):
		return Key{Name: "Enter", Mod: Alt}, true // how Alt+Enter comes in
	case key == tcell.KeyRune && !unicode.IsControl(ev.Rune()):
		return Key{Rune: ev.Rune(), Mod: mod &^ Shift}, true
	}
	name, ok := keyNames[key]
	return Key{Name: name, Mod: mod}, ok
}
