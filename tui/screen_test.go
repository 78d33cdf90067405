package tui

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"
)

func TestKeyEvent(t *testing.T) {
	for _, c := range []struct {
		key  tcell.Key
		ch   rune
		mod  tcell.ModMask
		want string // of Key.String, or the rune
	}{
		{tcell.KeyRune, 'a', 0, "a"}, {tcell.KeyRune, 'A', tcell.ModShift, "A"}, {tcell.KeyRune, 'b', tcell.ModAlt, "M-b"},
		{tcell.KeyRune, 'm', tcell.ModAlt | tcell.ModCtrl, "M-Enter"}, {tcell.KeyRune, 'j', tcell.ModAlt | tcell.ModCtrl, "M-Enter"},
		{tcell.KeyEnter, 0, 0, "Enter"}, {tcell.KeyEnter, 0, tcell.ModShift, "S-Enter"}, {tcell.KeyEnter, 0, tcell.ModAlt, "M-Enter"},
		{tcell.KeyCtrlJ, 0, tcell.ModCtrl, "C-j"}, {tcell.KeyCtrlC, 0, tcell.ModCtrl, "C-c"}, {tcell.KeyRune, 'c', tcell.ModCtrl, "C-c"},
		{tcell.KeyTab, 0, 0, "Tab"}, {tcell.KeyBacktab, 0, 0, "S-Tab"}, {tcell.KeyTab, 0, tcell.ModShift, "S-Tab"},
		{tcell.KeyBackspace, 0, 0, "Backspace"}, {tcell.KeyRune, 0x7f, 0, "Backspace"}, {tcell.KeyRune, 0x7f, tcell.ModAlt, "M-Backspace"},
		{tcell.KeyUp, 0, tcell.ModShift, "S-Up"}, {tcell.KeyHome, 0, tcell.ModCtrl, "C-Home"}, {tcell.KeyPgUp, 0, 0, "PgUp"},
		{tcell.KeyEsc, 0, 0, "Esc"}, {tcell.KeyF1, 0, 0, "F1"}, {tcell.KeyRune, 'ß', 0, "ß"},
		{tcell.KeyInsert, 0, 0, ""}, {tcell.KeyCtrlSpace, 0, tcell.ModCtrl, ""}, {tcell.KeyRune, 0x9b, 0, ""}, {tcell.Key(1), 0, 0, ""},
	} {
		k, ok := keyEvent(tcell.NewEventKey(c.key, c.ch, c.mod))
		got := k.String()
		if got == "" {
			got = string(k.Rune)
		}
		if !ok {
			got = ""
		}
		if got != c.want || ok != (c.want != "") {
			t.Errorf("key %v %q %v = %q, %v; want %q", c.key, c.ch, c.mod, got, ok, c.want)
		}
	}
}

// TestScreenOnASimulation draws a chat, and presses keys, over tcell's own
// simulation of a screen.
func TestScreenOnASimulation(t *testing.T) {
	sim := tcell.NewSimulationScreen("UTF-8")
	screen, err := newScreen(sim)
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	sim.SetSize(80, 24)
	s := online(t, 80, 24)
	chat(s)
	s.frame()
	screen.Draw(&s.grid)
	if got, want := simText(sim), screenText(&s.grid); got != want {
		t.Errorf("the screen is\n%s\nwant\n%s", got, want)
	}
	s.typed("日本語, now ")
	s.press("PgUp")
	s.frame()
	screen.Draw(&s.grid)
	if got, want := simText(sim), screenText(&s.grid); got != want {
		t.Errorf("the second screen is\n%s\nwant\n%s", got, want)
	}
	sim.InjectKey(tcell.KeyRune, 'x', tcell.ModNone)
	sim.InjectMouse(3, 4, tcell.WheelUp, tcell.ModNone)
	sim.InjectMouse(5, 6, tcell.Button1, tcell.ModNone)
	sim.InjectMouse(5, 7, tcell.Button1, tcell.ModNone)
	for _, ev := range []tcell.Event{tcell.NewEventPaste(true), tcell.NewEventFocus(false), tcell.NewEventResize(30, 10)} {
		if err := sim.PostEvent(ev); err != nil {
			t.Fatal(err)
		}
	}
	var got []Event
	for len(got) == 0 || got[len(got)-1] != (Resize{30, 10}) {
		if ev := <-screen.Events(); ev != (Resize{80, 25}) && ev != (Resize{80, 24}) {
			got = append(got, ev)
		}
	}
	want := []Event{Key{Rune: 'x'}, Wheel{3, 4, -1}, Click{5, 6}, Paste{true}, Focus{false}, Resize{30, 10}}
	if len(got) != len(want) {
		t.Fatalf("events %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("event %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func simText(sim tcell.SimulationScreen) string {
	cells, w, h := sim.GetContents()
	var b strings.Builder
	for y := range h {
		var l strings.Builder
		for x := 0; x < w; x++ {
			s := string(cells[y*w+x].Runes)
			l.WriteString(s)
			x += max(textWidth(s), 1) - 1
		}
		b.WriteString(strings.TrimRight(l.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// fakeTty is a tty whose bytes are kept.
type fakeTty struct {
	mu     sync.Mutex
	out    bytes.Buffer
	keys   chan []byte
	closed chan struct{}
	once   sync.Once
}

func newTty() *fakeTty { return &fakeTty{keys: make(chan []byte, 16), closed: make(chan struct{})} }

func (f *fakeTty) Start() error        { return nil }
func (f *fakeTty) Stop() error         { return nil }
func (f *fakeTty) Drain() error        { f.once.Do(func() { close(f.closed) }); return nil }
func (f *fakeTty) Close() error        { return f.Drain() }
func (f *fakeTty) NotifyResize(func()) {}
func (f *fakeTty) WindowSize() (tcell.WindowSize, error) {
	return tcell.WindowSize{Width: 80, Height: 24}, nil
}

func (f *fakeTty) Read(b []byte) (int, error) {
	select {
	case keys := <-f.keys:
		return copy(b, keys), nil
	case <-f.closed:
		return 0, io.EOF
	}
}

func (f *fakeTty) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out.Write(b)
}

func (f *fakeTty) taken() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := bytes.Clone(f.out.Bytes())
	f.out.Reset()
	return b
}

func openTty(t testing.TB) (*Screen, *fakeTty) {
	t.Helper()
	info, err := tcell.LookupTerminfo(fallbackTerm)
	if err != nil {
		t.Fatal(err)
	}
	tty := newTty()
	inner, err := tcell.NewTerminfoScreenFromTtyTerminfo(tty, info)
	if err != nil {
		t.Fatal(err)
	}
	screen, err := newScreen(inner)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(screen.Close)
	return screen, tty
}

// checkBytes holds that a terminal is told nothing but what tcell itself tells
// it: placing, colours, attributes, modes, links.
func checkBytes(t testing.TB, b []byte) {
	t.Helper()
	if !utf8.Valid(b) {
		t.Fatalf("invalid UTF-8 goes out: %q", b)
	}
	for len(b) > 0 {
		if b[0] == 0x1b {
			n := ownSequence(b)
			if n == 0 {
				t.Fatalf("a foreign sequence goes out: %.60q", b)
			}
			b = b[n:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		if r != '\b' && (unicode.Is(unicode.Cc, r) || unshown(r)) {
			t.Fatalf("%U goes out: %.60q", r, b)
		}
		b = b[n:]
	}
}

// ownSequence is the length of the sequence of tcell at the start of b, or 0.
func ownSequence(b []byte) int {
	for _, s := range []string{"\x1b]2;", "\x1b]8;"} {
		if bytes.HasPrefix(b, []byte(s)) {
			end := bytes.Index(b, []byte("\x1b\\"))
			if end < 0 || bytes.ContainsFunc(b[len(s):end], func(r rune) bool { return unicode.IsControl(r) || unshown(r) }) {
				return 0
			}
			text := string(b[len(s):end])
			if s == "\x1b]2;" && !strings.Contains(text, "TuiTalk ") || s == "\x1b]8;" && text != ";" && !strings.HasPrefix(strings.ToLower(text), ";http") {
				return 0
			}
			return end + 2
		}
	}
	if len(b) > 2 && b[1] == '(' {
		return 3
	}
	if len(b) > 1 && (b[1] == '=' || b[1] == '>') {
		return 2
	}
	if len(b) < 3 || b[1] != '[' {
		return 0
	}
	for i := 2; i < len(b); i++ {
		switch {
		case b[i] >= 0x40 && b[i] <= 0x7e:
			// Placing, erasing, colours, modes, the cursor's look, the stack of titles.
			if bytes.IndexByte([]byte("HJKmhlqtu"), b[i]) < 0 {
				return 0
			}
			return i + 1
		case b[i] < 0x20 || b[i] > 0x3f:
			return 0
		}
	}
	return 0
}

// FuzzInjection lets everybody say something hostile in every place, on a real
// tcell screen, and reads what the terminal would.
func FuzzInjection(f *testing.F) {
	for i, s := range []string{
		"\x1b]0;owned\a", "\x1b[2J\x1b[31m", "\u009b31m\u009d0;x\u009c", "\u202eevil\u2066\u200b\ufeff",
		"https://a.example/\x1b]8;;http://evil\x1b\\x", "\x9b31m\xff\xfe", "\x0e\x0f\x05\x7f\r\b\v", "$<5000>", "%p1%d",
		"a\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301", family + "\u200d\u200d", "\x1bP+q\x1b\\",
	} {
		f.Add(uint64(i), s)
	}
	f.Fuzz(func(t *testing.T, seed uint64, text string) {
		if len(text) > 300 {
			return
		}
		screen, tty := openTty(t)
		s := online(t, 80, 24)
		rnd := rand.New(rand.NewPCG(seed, 1))
		for range 4 {
			s.anything(rnd, text, 5)
			s.update(Resize{W: 80, H: 24})
			s.frame()
			for _, e := range s.effects {
				if e, ok := e.(Title); ok {
					screen.Title(e.Text)
				}
			}
			s.effects = nil
			screen.Draw(&s.grid)
			checkBytes(t, tty.taken())
		}
	})
}

// TestTheCheckSees holds that checkBytes finds what it is for.
func TestTheCheckSees(t *testing.T) {
	for _, s := range []string{
		"\x1b]0;x\a", "\x1b]2;x\x1b\\", "\x1b]8;;javascript:x\x1b\\", "\x1b]52;c;x\x1b\\", "\x1b[5n", "\x1b[6n", "\x1bc", "\x1bP1\x1b\\",
		"\u009b31m", "\u202e", "\u200b", "\a", "\x0e",
	} {
		found := &finding{TB: t}
		func() {
			defer func() { _ = recover() }()
			checkBytes(found, []byte(s))
		}()
		if !found.fatal {
			t.Errorf("%q is not found", s)
		}
	}
}

// finding is a test that notes its failure instead of failing.
type finding struct {
	testing.TB
	fatal bool
}

func (f *finding) Helper() {}
func (f *finding) Fatalf(string, ...any) {
	f.fatal = true
	panic("found")
}

func TestKeysOverATty(t *testing.T) {
	screen, tty := openTty(t)
	// tcell tells its reader of keys the size from a goroutine of its own, and
	// clips the mouse to 0×0 until then.
	if first := <-screen.Events(); first != (Resize{W: 80, H: 24}) {
		t.Fatalf("the first event is %#v, not the size", first)
	}
	tty.keys <- []byte("a\r\x1b\r\x1b[13;2u\x1b[27;2;13~\x1b[200~x\ry\x1b[201~\x1b[5~\x1b[1;5H\x1b[O\x1b[<64;3;4M\x1bb\xc3\xa9")
	want := []Event{
		Key{Rune: 'a'}, Key{Name: "Enter"}, Key{Name: "Enter", Mod: Alt}, Key{Name: "Enter", Mod: Shift}, Key{Name: "Enter", Mod: Shift},
		Paste{true}, Key{Rune: 'x'}, Key{Name: "Enter"}, Key{Rune: 'y'}, Paste{false},
		Key{Name: "PgUp"}, Key{Name: "Home", Mod: Ctrl}, Focus{false}, Wheel{2, 3, -1}, Key{Rune: 'b', Mod: Alt}, Key{Rune: 'é'},
	}
	for i, w := range want {
		if got := <-screen.Events(); got != w {
			t.Errorf("event %d is %#v, want %#v", i, got, w)
		}
	}
}

// TestScreenCloses ends while nobody reads the events that wait.
func TestScreenCloses(t *testing.T) {
	screen, tty := openTty(t)
	for range 10 {
		tty.keys <- bytes.Repeat([]byte("x"), 100)
	}
	screen.Close()
	for range screen.Events() {
	}
	screen.Close()
}

func TestNoTerminal(t *testing.T) {
	t.Setenv("TERM", "dumb")
	if _, err := OpenScreen(); !errors.Is(err, ErrNoTerminal) || strings.Contains(err.Error(), "\n") {
		t.Errorf("a dumb terminal: %v", err)
	}
}
