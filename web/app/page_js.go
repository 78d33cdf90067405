//go:build js

package app

import (
	"syscall/js"
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
)

// earBuffer is how many page events may wait for the loop. More than one does
// only while the browser is slow to store something.
const earBuffer = 64

// heard is a page event on its way to the loop.
type heard struct {
	event Event // nil: a frame is due
	taken chan bool
}

// page is the browser's page, as the loop sees it.
type page struct {
	app    *App
	driver *client.Driver
	bridge js.Value
	events chan heard

	patch     Patch
	buffer    js.Value // a Uint8Array for the patch's numbers
	size      int
	scheduled bool
	timer     *time.Timer
}

// Run is the client in the browser. It returns only when it cannot begin.
func Run(version string) error {
	bridge := js.Global().Get("tuitalkBridge")
	storage, prefs, state, trouble := openStorage(bridge)
	pg := &page{bridge: bridge, events: make(chan heard, earBuffer), timer: time.NewTimer(time.Hour)}
	start := bridge.Call("start", js.FuncOf(pg.hear))
	session, err := newSession(version, state, start)
	if err != nil {
		return err
	}
	pg.driver = client.NewDriver(session, client.NewDialer(), storage)
	pg.app = New(Config{
		Version: version, Location: zone(), FirstUse: state.Name == "",
		Wide: start.Get("wide").Bool(), Address: start.Get("search").String(),
	}, session, pg.driver, prefs)
	if trouble != "" {
		pg.app.Warn(time.Now(), trouble)
	}
	pg.app.Start(time.Now(), Opening{
		Text: start.Get("text").String(), Enter: start.Get("enter").Bool(),
		Shown: start.Get("shown").Bool(), Focused: start.Get("focused").Bool(),
	})
	pg.frame(time.Now()) // at once, lest the user types into what is replaced
	pg.loop()
	bridge.Call("stop")
	pg.driver.Close()
	if storage != nil {
		_ = storage.Close() // the user has left
	}
	select {} // timers of the runtime may still call, and a program that has ended would fail
}

const noStorage = "This browser keeps nothing for this page: what is not sent when you close it is lost."

// openStorage opens what the browser keeps. Without it the client works, but
// forgets with the tab who the user is and what was not sent yet.
func openStorage(bridge js.Value) (storage client.Storage, prefs view.Prefs, state client.State, trouble string) {
	if !bridge.Call("mayStore").Bool() {
		return nil, nil, state, noStorage
	}
	browser, err := client.OpenBrowserStorage()
	if err != nil {
		return nil, nil, state, noStorage
	}
	if state, err = browser.Load(); err != nil {
		trouble = err.Error()
	}
	return browser, browser, state, trouble
}

// newSession makes the session of this tab: the room is that of the address,
// else the one that the tab was in, else 1.
func newSession(version string, state client.State, start js.Value) (*client.Session, error) {
	room, ok := RoomOf(start.Get("search").String(), start.Get("hash").String())
	if !ok {
		if room = state.Room; room == 0 {
			room = 1 // room 0 has an address, as every room that one was in
		}
	}
	return client.New(client.Config{
		Servers: []string{js.Global().Get("tuitalkEarly").Get("url").String()},
		Room:    room, Client: "tuitalk-web/" + version,
	}, state)
}

// zone asks the browser for the user's clock.
func zone() *time.Location {
	date := js.Global().Get("Date")
	return Zone(func(unix int64) int {
		return -60 * date.New(float64(unix)*1000).Call("getTimezoneOffset").Int()
	})
}

// loop owns the App, the Session and the Driver.
func (pg *page) loop() {
	for {
		pg.prepare()
		select {
		case ev := <-pg.driver.Events():
			pg.app.Drive(time.Now(), ev)
		case h := <-pg.events:
			pg.answer(h)
		case <-pg.timer.C:
			pg.app.Tick(time.Now())
		}
		if pg.app.Ended() && !pg.app.Stale() {
			return
		}
	}
}

// prepare asks for a frame and for the next Tick, if they are wanted.
func (pg *page) prepare() {
	if pg.app.Stale() && !pg.scheduled {
		pg.scheduled = true
		pg.bridge.Call("schedule")
	}
	if next := pg.app.Next(); !next.IsZero() {
		pg.timer.Reset(max(0, time.Until(next)))
	} else {
		pg.timer.Stop()
	}
}

func (pg *page) answer(h heard) {
	now := time.Now()
	if h.event == nil {
		pg.scheduled = false
		pg.frame(now)
		h.taken <- false
		return
	}
	taken := pg.app.Handle(now, h.event)
	if pg.app.Urgent() {
		pg.frame(now)
	}
	h.taken <- taken
}

func (pg *page) frame(now time.Time) {
	pg.app.Frame(now, &pg.patch)
	pg.apply()
}

// apply hands the patch to the page, in one call.
func (pg *page) apply() {
	p := &pg.patch
	if p.Empty() {
		return
	}
	ops := p.Ops()
	if len(ops) > pg.size {
		pg.size = 2 * len(ops)
		pg.buffer = js.Global().Get("Uint8Array").New(pg.size)
	}
	if len(ops) > 0 {
		js.CopyBytesToJS(pg.buffer, ops)
	}
	pg.bridge.Call("apply", pg.buffer, len(ops)/4, p.Text(), string(p.Scroll), int(p.Row))
	p.Reset()
}

// hear is called by the page, in a goroutine of its own each time. The loop
// answers within the same call unless it is busy; then the page does by itself
// what the key does there.
func (pg *page) hear(_ js.Value, args []js.Value) any {
	h := heard{taken: make(chan bool, 1)}
	if kind := args[0].String(); kind != "frame" {
		if h.event = readEvent(kind, args[1:]); h.event == nil {
			return false
		}
	}
	pg.events <- h
	return <-h.taken
}

// readEvent takes apart what the page tells.
func readEvent(kind string, args []js.Value) Event {
	switch kind {
	case "key":
		held := args[1].Int()
		return Key{
			Name: args[0].String(), Shift: held&1 != 0, Control: held&2 != 0, Alt: held&4 != 0, Meta: held&8 != 0,
			Text: args[2].String(), From: args[3].Int(), To: args[4].Int(),
		}
	case "input":
		return Typed{Text: args[0].String(), Caret: args[1].Int()}
	case "act":
		return Clicked{Act: args[0].String(), Arg: args[1].String(), Text: args[2].String()}
	case "answer":
		return Answered{Text: args[0].String()}
	case "scroll":
		return Scrolled{
			Above: args[0].Int(), View: args[1].Int(), Below: args[2].Int(),
			Following: args[3].Bool(), First: Ref(args[4].Int()), Last: Ref(args[5].Int()),
		}
	case "attention":
		return Attention{Kind: args[0].String(), Shown: args[1].Bool(), Focused: args[2].Bool()}
	case "wide":
		return Widened{Wide: args[0].Bool()}
	case "visit":
		return Visited{Search: args[0].String(), Hash: args[1].String()}
	}
	return nil
}
