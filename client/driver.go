package client

import (
	"math/rand/v2"
	"sync"
	"time"

	"tuitalk/talk"
)

// Dialer opens lines.
type Dialer interface {
	// Dial begins to connect and returns at once. The line delivers Opened,
	// then any number of Received and DecodeFailed, and last, always and once,
	// Closed: also when it never opened, and after its Close. deliver may block
	// until the event is taken, and may be called from any one goroutine at a
	// time.
	Dial(conn ConnID, url string, deliver func(Event)) Line
}

// Line is one connection, open or being opened.
type Line interface {
	// Send queues a message and never blocks. An error means that the line is
	// going down; Closed follows.
	Send(m talk.Message) error
	// Close lets what is queued be written, for a moment, and hangs up. It
	// never blocks and may be called again.
	Close()
}

// Storage keeps a State over restarts.
type Storage interface {
	// Load returns what was kept. When the error wraps ErrDamaged, a part could
	// not be read and was put aside; the State holds the rest and is good.
	Load() (State, error)
	// Save makes the state durable before it returns. It may be called from
	// another goroutine than Load and Close, never from two at once.
	Save(State) error
	Close() error
}

// Outcome is what a view has to know of one Handle.
type Outcome struct {
	Change  Change
	Notices []Notice
	Refused bool // the user's event was not taken: keep the text; a Notice says why
	Done    bool // it is over: Close the driver
}

// eventQueue bounds the events that wait for the loop. Lines that have more
// stop reading meanwhile.
const eventQueue = 256

// closeTimeout is how long Close waits for lines to write what they have.
const closeTimeout = 2 * time.Second

// Driver does what a Session wants done, over a Dialer and a Storage. Except
// for Close, which may be called twice, it belongs to the goroutine that owns
// the Session: its loop hands every event from Events, and every one of the
// user, to Handle. Saving happens beside the loop; what must not happen before
// waits for it. The Storage stays with whoever opened it.
type Driver struct {
	// immutable
	session *Session
	dialer  Dialer
	storage Storage
	events  chan Event
	stop    chan struct{}

	// owned by the loop
	lines      map[ConnID]Line
	timer      *time.Timer
	held       []Effect // behind the Save under way; the outbox's bound is theirs
	saving     bool
	saveFailed bool // the last Save failed, and the user knows
	done       bool
	closed     bool

	open  sync.WaitGroup // lines that have not delivered Closed
	saves sync.WaitGroup
}

// NewDriver makes a driver. st may be nil: then nothing survives a restart.
func NewDriver(s *Session, d Dialer, st Storage) *Driver {
	return &Driver{
		session: s, dialer: d, storage: st,
		events: make(chan Event, eventQueue), stop: make(chan struct{}),
		lines: make(map[ConnID]Line),
	}
}

// Events are those of the lines, of the timer and of the driver itself.
func (d *Driver) Events() <-chan Event { return d.events }

// saved tells the loop that a Save is finished.
type saved struct{ err error }

func (saved) event() {}

// Handle hands an event to the session and does what it wants done.
func (d *Driver) Handle(ev Event) Outcome {
	var o Outcome
	switch e := ev.(type) {
	case saved:
		d.afterSave(e.err, &o)
		return o
	case Closed:
		delete(d.lines, e.Conn)
	case Post:
		e.ID = orNewID(e.ID)
		ev = e
	case SetName:
		e.ID = orNewID(e.ID)
		ev = e
	case Anew:
		if e.Secret.IsZero() {
			e.Secret = NewSecret()
		}
		ev = e
	}
	for _, effect := range d.session.Handle(time.Now(), ev) {
		d.sort(effect, &o)
	}
	d.run(&o)
	return o
}

// sort does at once what need not wait for a Save.
func (d *Driver) sort(effect Effect, o *Outcome) {
	switch e := effect.(type) {
	case Changed:
		o.Change |= e.What
		return
	case Notice:
		o.Notices = append(o.Notices, e)
		o.Refused = o.Refused || e.Refused
		return
	case WakeAt:
		d.wakeAt(e.At)
		return
	case Send:
		if line := d.lines[e.Conn]; line != nil && isHeartbeat(e.Message) {
			_ = line.Send(e.Message) // Closed tells
			return
		}
	}
	d.held = append(d.held, effect)
}

// isHeartbeat tells whether m only proves life: a slow disk is no reason to wait
// with it.
func isHeartbeat(m talk.Message) bool { return m.Tag() == talk.TagPing || m.Tag() == talk.TagPong }

// run does what is held, up to the next Save.
func (d *Driver) run(o *Outcome) {
	for len(d.held) > 0 && !d.saving {
		effect := d.held[0]
		d.held = d.held[1:]
		d.do(effect, o)
	}
	if len(d.held) == 0 {
		d.held = nil
	}
}

func (d *Driver) do(effect Effect, o *Outcome) {
	switch e := effect.(type) {
	case Dial:
		d.open.Add(1)
		var once sync.Once
		d.lines[e.Conn] = d.dialer.Dial(e.Conn, e.URL, func(ev Event) {
			d.deliver(ev)
			if _, last := ev.(Closed); last {
				once.Do(d.open.Done)
			}
		})
	case Send:
		if line := d.lines[e.Conn]; line != nil {
			_ = line.Send(e.Message) // Closed tells
		}
	case Hangup:
		if line := d.lines[e.Conn]; line != nil {
			line.Close()
			delete(d.lines, e.Conn)
		}
	case Save:
		d.save()
	case Done:
		d.done = true
		o.Done = true
	}
}

// save begins to make the state durable, with everything that held effects
// have done to it.
func (d *Driver) save() {
	if d.storage == nil {
		return
	}
	kept := d.held[:0]
	for _, e := range d.held {
		if _, again := e.(Save); !again {
			kept = append(kept, e)
		}
	}
	d.held = kept
	d.saving = true
	state := d.session.State()
	d.saves.Go(func() { d.deliver(saved{d.storage.Save(state)}) })
}

// afterSave goes on, whether or not it was saved: a full disk is no reason not
// to send.
func (d *Driver) afterSave(err error, o *Outcome) {
	d.saving = false
	if err != nil && !d.saveFailed {
		o.Notices = append(o.Notices, Notice{
			Text: "What you write cannot be kept on this machine until it is sent: " + err.Error(),
		})
	}
	d.saveFailed = err != nil
	d.run(o)
}

func (d *Driver) wakeAt(at time.Time) {
	wait := max(0, time.Until(at))
	if d.timer == nil {
		d.timer = time.AfterFunc(wait, func() { d.deliver(Tick{}) })
		return
	}
	d.timer.Reset(wait)
}

func (d *Driver) deliver(ev Event) {
	select {
	case d.events <- ev:
	case <-d.stop:
	}
}

// Close hangs up, lets what is queued be written, and waits for it, for two
// seconds at most. Unless the session has ended it saves once more.
func (d *Driver) Close() {
	if d.closed {
		return
	}
	d.closed = true
	if d.timer != nil {
		d.timer.Stop()
	}
	close(d.stop)
	for _, line := range d.lines {
		line.Close()
	}
	d.saves.Wait()
	if d.storage != nil && !d.done {
		_ = d.storage.Save(d.session.State()) // nobody is there to be told
	}
	ended := make(chan struct{})
	go func() {
		d.open.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(closeTimeout):
	}
}

// orNewID is id, or a new one of what is said now. An author's ids must differ;
// nobody needs to be unable to guess them.
func orNewID(id talk.UUID) talk.UUID {
	if !id.IsZero() {
		return id
	}
	return ordered(time.Now(), randomBytes())
}

func randomBytes() (b [16]byte) {
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}
