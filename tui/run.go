package tui

import (
	"context"
	"strconv"
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
)

// Terminal is what the client is shown on.
type Terminal interface {
	// Size is the number of columns and rows.
	Size() (w, h int)
	// Events are what the user does. The channel is closed when the terminal
	// is gone.
	Events() <-chan Event
	// Draw shows a grid; it may keep what it holds until the next Draw.
	Draw(g *Grid)
	// Repaint makes the next Draw write every cell.
	Repaint()
	// Capture asks for the events of the mouse, or no longer.
	Capture(on bool)
	// Title names the window.
	Title(text string)
	// Suspend stops the program as the shell's job control does, and returns
	// when it is in front again.
	Suspend()
}

// Driver is what the client does things with; client.Driver is one.
type Driver interface {
	Events() <-chan client.Event
	Handle(client.Event) client.Outcome
}

var _ Driver = (*client.Driver)(nil)

const (
	batch     = 256             // events taken between two looks at the clock
	partingBy = 2 * time.Second // for what is to be sent before the end
)

// Run shows m on t until the user quits, the terminal is gone, or ctx ends;
// then too the room is left. It owns the session: nothing else may touch it
// meanwhile.
func Run(ctx context.Context, t Terminal, d Driver, m *Model) {
	l := &loop{terminal: t, driver: d, model: m, timer: time.NewTimer(0), save: time.NewTimer(view.SaveAfter)}
	defer l.timer.Stop()
	defer l.save.Stop()
	l.frame() // before connecting
	l.drive(client.Start{}, false)
	for !l.over {
		l.step(ctx)
	}
	m.Save()
}

// loop is the one goroutine of the terminal client.
type loop struct {
	terminal Terminal
	driver   Driver
	model    *Model
	grid     Grid

	limiter frameLimiter
	timer   *time.Timer // runs out when a frame is due
	save    *time.Timer // runs out when drafts and such are to be saved
	saving  bool        // save runs
	changed bool        // since the last frame
	urgent  bool        // the user did it
	parting <-chan time.Time
	over    bool
}

// step waits for something to happen, takes what is there, and draws if it is
// time to.
func (l *loop) step(ctx context.Context) {
	stopped := ctx.Done()
	if l.parting != nil {
		stopped = nil
	}
	select {
	case <-stopped:
		l.do(l.model.leaveForGood())
	case <-l.parting:
		l.over = true
	case ev, ok := <-l.terminal.Events():
		l.input(ev, ok)
	case ev := <-l.driver.Events():
		l.drive(ev, false)
	case <-l.timer.C:
	case <-l.save.C:
		l.saving = false
		l.model.Save()
	}
	for range batch {
		if l.over || !l.more() {
			break
		}
	}
	if l.over || !l.changed {
		return
	}
	if wait := l.limiter.wait(time.Now(), l.urgent); wait > 0 {
		l.timer.Reset(wait)
		return
	}
	l.frame()
}

// more takes one event if one is there.
func (l *loop) more() bool {
	select {
	case ev, ok := <-l.terminal.Events():
		l.input(ev, ok)
	case ev := <-l.driver.Events():
		l.drive(ev, false)
	default:
		return false
	}
	return true
}

func (l *loop) input(ev Event, ok bool) {
	if !ok {
		l.over = true
		return
	}
	if _, resized := ev.(Resize); resized {
		l.terminal.Repaint()
	}
	l.changed, l.urgent = true, true
	l.do(l.model.Update(ev))
}

// drive hands an event to the driver, and what came of it to the model.
func (l *loop) drive(ev client.Event, byUser bool) {
	h := ClientOutcome{Outcome: l.driver.Handle(ev)}
	if byUser {
		h.Cause = ev
	}
	if h.Change != 0 || len(h.Notices) > 0 || h.Done || h.Refused {
		l.changed = true
		l.do(l.model.Update(h))
	}
}

func (l *loop) do(effects []Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case Do:
			if _, quit := e.Event.(client.Quit); quit {
				l.parting = time.After(partingBy)
			}
			l.drive(e.Event, true)
		case Suspend:
			l.terminal.Suspend()
			l.terminal.Repaint()
			l.input(l.size(), true)
			l.drive(client.Probe{}, false) // who knows how long that was
		case Repaint:
			l.terminal.Repaint()
		case Capture:
			l.terminal.Capture(e.On)
		case Title:
			l.terminal.Title(e.Text)
		case Exit:
			l.over = true
		}
	}
}

func (l *loop) size() Resize {
	w, h := l.terminal.Size()
	return Resize{W: w, H: h}
}

func (l *loop) frame() {
	l.do(l.model.Settle())
	l.model.View(&l.grid)
	l.model.hits = append(l.model.hits[:0], l.grid.hits...)
	l.terminal.Draw(&l.grid)
	l.changed, l.urgent = false, false
	l.limiter.drew(time.Now())
	if l.model.Unsaved() && !l.saving {
		l.saving = true
		l.save.Reset(view.SaveAfter)
	}
}

// Farewell is what is left to say when the screen is gone: "" or a sentence.
func Farewell(unsent int) string {
	switch unsent {
	case 0:
		return ""
	case 1:
		return "1 message is not sent yet; it is kept and goes out at the next start."
	}
	return strconv.Itoa(unsent) + " messages are not sent yet; they are kept and go out at the next start."
}
