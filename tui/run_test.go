package tui

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/talk"
)

// fakeTerminal keeps what it is shown.
type fakeTerminal struct {
	events chan Event

	mu     sync.Mutex
	w, h   int
	screen string
	frames []time.Time
	calls  []string
}

func newTerminal(w, h int) *fakeTerminal {
	return &fakeTerminal{events: make(chan Event, 16), w: w, h: h}
}

func (f *fakeTerminal) Size() (w, h int)     { return f.w, f.h }
func (f *fakeTerminal) Events() <-chan Event { return f.events }
func (f *fakeTerminal) Repaint()             { f.called("repaint") }
func (f *fakeTerminal) Title(s string)       { f.called("title " + s) }
func (f *fakeTerminal) Suspend()             { f.called("suspend") }
func (f *fakeTerminal) Capture(on bool) {
	f.called(map[bool]string{true: "capture", false: "release"}[on])
}

func (f *fakeTerminal) called(s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, s)
}

func (f *fakeTerminal) Draw(g *Grid) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.screen = screenText(g)
	f.frames = append(f.frames, time.Now())
}

func (f *fakeTerminal) seen() (screen string, frames int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.screen, len(f.frames)
}

// fakeDriver is a Driver over a stay, whose events the test sends.
type fakeDriver struct {
	*stay
	events chan client.Event
}

func (d *fakeDriver) Events() <-chan client.Event { return d.events }

// running runs a client in a bubble of its own time.
func running(t *testing.T, f func(term *fakeTerminal, d *fakeDriver, stop context.CancelFunc)) {
	synctest.Test(t, func(t *testing.T) {
		s := newStay(t, 80, 24)
		s.now = time.Now()
		term, d := newTerminal(80, 24), &fakeDriver{s, make(chan client.Event, 16)}
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		var wg sync.WaitGroup
		wg.Go(func() { Run(ctx, term, d, s.model) })
		synctest.Wait()
		f(term, d, stop)
		wg.Wait()
	})
}

// pause lets time go by and everything happen that it brings.
func pause(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (d *fakeDriver) goOnline() {
	d.events <- client.Opened{Conn: 1}
	d.events <- client.Received{Conn: 1, Message: talk.Welcome{UUID: ada.UUID}}
	d.events <- client.Received{Conn: 1, Message: talk.Joined{RoomID: 1, Members: []talk.Member{ada, bob}, MemberCount: 2}}
}

func (d *fakeDriver) say(seq int64, text string) {
	d.events <- client.Received{Conn: 1, Message: talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: bob.UUID, Name: "bob",
		Text: text, UnixTime: uint64(noon.Unix()), ID: entryID(seq), Seq: seq}}
}

func TestRunPaintsFirst(t *testing.T) {
	running(t, func(term *fakeTerminal, d *fakeDriver, stop context.CancelFunc) {
		screen, frames := term.seen()
		if frames == 0 || !strings.Contains(screen, "connecting") {
			t.Errorf("%d frames, the last is\n%s", frames, screen)
		}
		d.goOnline()
		d.say(1, "hello there")
		pause(50 * time.Millisecond)
		if screen, _ := term.seen(); !strings.Contains(screen, "hello there") || !strings.Contains(screen, "online") {
			t.Errorf("the screen is\n%s", screen)
		}
		for _, r := range "hi" {
			term.events <- Key{Rune: r}
		}
		synctest.Wait()
		if screen, _ := term.seen(); !strings.Contains(screen, "❯ hi") {
			t.Errorf("a key waits for its frame:\n%s", screen)
		}
		stop()
	})
}

func TestRunIsQuietWhenIdle(t *testing.T) {
	running(t, func(term *fakeTerminal, d *fakeDriver, stop context.CancelFunc) {
		d.goOnline()
		pause(time.Second)
		_, before := term.seen()
		pause(time.Hour)
		if _, after := term.seen(); after != before {
			t.Errorf("%d frames while nothing happened", after-before)
		}
		stop()
	})
}

func TestRunGathersFrames(t *testing.T) {
	running(t, func(term *fakeTerminal, d *fakeDriver, stop context.CancelFunc) {
		d.goOnline()
		pause(time.Second)
		_, before := term.seen()
		for i := range 3000 {
			d.say(int64(i+1), "x")
			time.Sleep(time.Millisecond)
			if i%100 == 0 {
				term.events <- Key{Rune: 'k'}
			}
		}
		pause(time.Second)
		screen, after := term.seen()
		if n := after - before; n > 3*maxFrames || n < 60 {
			t.Errorf("%d frames for 3,000 messages in 3 s", n)
		}
		if !strings.Contains(screen, strings.Repeat("k", 30)) || d.session.Log().Len() != 3000 {
			t.Errorf("%d messages, screen\n%s", d.session.Log().Len(), screen)
		}
		stop()
	})
}

func TestRunEnds(t *testing.T) {
	for name, end := range map[string]func(*fakeTerminal, context.CancelFunc){
		"a signal":         func(_ *fakeTerminal, stop context.CancelFunc) { stop() },
		"Ctrl+C":           func(term *fakeTerminal, _ context.CancelFunc) { term.events <- keyNamed("C-c") },
		"the terminal end": func(term *fakeTerminal, _ context.CancelFunc) { close(term.events) },
	} {
		running(t, func(term *fakeTerminal, d *fakeDriver, stop context.CancelFunc) {
			d.goOnline()
			pause(time.Second)
			end(term, stop)
			synctest.Wait()
			left := false
			for _, m := range d.sent {
				_, l := m.(talk.LeaveRoom)
				left = left || l
			}
			if left == (name == "the terminal end") {
				t.Errorf("%s: left the room: %v", name, left)
			}
		})
	}
}

func TestRunDoesWhatTheModelWants(t *testing.T) {
	running(t, func(term *fakeTerminal, d *fakeDriver, stop context.CancelFunc) {
		d.goOnline()
		pause(time.Second)
		for _, k := range []string{"C-z", "C-l", "F3", "F3"} {
			term.events <- keyNamed(k)
		}
		term.events <- Resize{W: 40, H: 10}
		pause(time.Second)
		if want := []string{"title TuiTalk 1", "suspend", "repaint", "repaint", "repaint", "release", "capture", "repaint"}; !slices.Equal(term.calls, want) {
			t.Errorf("calls %q, want %q", term.calls, want)
		}
		if screen, _ := term.seen(); strings.Count(screen, "\n") != 10 {
			t.Errorf("the screen is\n%s", screen)
		}
		if _, ok := d.sent[len(d.sent)-1].(talk.Ping); !ok {
			t.Errorf("after the suspension %T was sent", d.sent[len(d.sent)-1])
		}
		stop()
	})
}

// TestRunSavesWhatIsNotSent: a moment after the last key, and at the end, however
// it comes.
func TestRunSavesWhatIsNotSent(t *testing.T) {
	running(t, func(term *fakeTerminal, d *fakeDriver, stop context.CancelFunc) {
		draft := func() string { return d.kept.Pref(false, "draft.1") }
		d.goOnline()
		d.say(1, "hello there")
		term.events <- Key{Rune: 'a'}
		pause(100 * time.Millisecond)
		if draft() != "" {
			t.Error("every key is saved at once")
		}
		pause(view.SaveAfter)
		if read := d.kept.Pref(false, "read.1"); draft() != "a" || read != "1" {
			t.Errorf("kept: %q, read up to %q", draft(), read)
		}
		_, before := term.seen()
		pause(time.Hour)
		if _, frames := term.seen(); frames != before {
			t.Errorf("%d frames while nothing happens", frames-before)
		}
		term.events <- Key{Rune: 'b'}
		pause(time.Millisecond)
		close(term.events)
		pause(time.Millisecond)
		if draft() != "ab" {
			t.Errorf("at the end %q is kept", draft())
		}
	})
}
