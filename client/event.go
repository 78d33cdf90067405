package client

import (
	"time"

	"tuitalk/talk"
)

// ConnID names one attempt at a connection, so that what an old one still says
// is told apart. IDs grow and are never used twice in one Session.
type ConnID uint64

// Event is something that happened: on a line, in time, or by the user's hand.
type Event interface{ event() }

// Events of the transports.
type (
	// Opened says that the handshake of a dialled connection is done.
	Opened struct{ Conn ConnID }
	// Received is one decoded frame.
	Received struct {
		Conn    ConnID
		Message talk.Message
	}
	// DecodeFailed is a frame that could not be decoded.
	DecodeFailed struct {
		Conn ConnID
		Err  error
	}
	// Closed says that a connection is gone or never came to be. Code is the
	// WebSocket close code, 0 if there was none.
	Closed struct {
		Conn   ConnID
		Code   int
		Reason string
	}
)

// Events of time and surroundings.
type (
	// Start begins: connect, join. In the phase Refused it tries again.
	Start struct{}
	// Tick says that the time asked for by a WakeAt has come. Ticks too early
	// or too many do no harm.
	Tick struct{}
	// Probe says that the line may be dead without a word (woken from sleep,
	// network back, page visible): answer soon or be replaced.
	Probe struct{}
)

// Events of the user.
type (
	// Post says something in the current room. ID names it for good; the
	// driver fills it with a fresh random UUID when it is zero.
	Post struct {
		ID   talk.UUID
		Text string
	}
	// Join changes the room.
	Join struct{ Room int32 }
	// SetName changes the user's name, at once or when the line is back.
	SetName struct {
		ID   talk.UUID // as in Post
		Name string
	}
	// FetchOlder loads up to Limit entries before the first one shown.
	FetchOlder struct{ Limit int }
	// Clear empties the shown log; the room's history stays on the server, and
	// FetchOlder begins from the first entry shown after it, else from the head.
	Clear struct{}
	// Retry sends a failed entry again.
	Retry struct{ ID talk.UUID }
	// Discard removes a failed or waiting entry from the outbox. One that is on
	// its way may still be stored.
	Discard struct{ ID talk.UUID }
	// Anew makes the user somebody else, as at a first start: nobody can become
	// again who he was. The driver fills Secret with a fresh one when it is zero.
	// What is unsent is kept; see outbox.changeAuthor. In the phase Refused it is
	// the way out.
	Anew struct{ Secret talk.Secret }
	// Quit leaves the room for good and ends: the last effect is Done.
	Quit struct{}
)

func (Opened) event()       {}
func (Received) event()     {}
func (DecodeFailed) event() {}
func (Closed) event()       {}
func (Start) event()        {}
func (Tick) event()         {}
func (Probe) event()        {}
func (Post) event()         {}
func (Join) event()         {}
func (SetName) event()      {}
func (FetchOlder) event()   {}
func (Clear) event()        {}
func (Retry) event()        {}
func (Discard) event()      {}
func (Anew) event()         {}
func (Quit) event()         {}

// Effect is something that the Session wants done, in the order given.
type Effect interface{ effect() }

type (
	// Dial opens a connection; Opened or Closed answers.
	Dial struct {
		Conn ConnID
		URL  string
	}
	// Send writes a message to a connection that is open.
	Send struct {
		Conn    ConnID
		Message talk.Message
	}
	// Hangup closes a connection; nothing of it is wanted any more.
	Hangup struct{ Conn ConnID }
	// Save makes the session's state durable before any later effect happens.
	Save struct{}
	// WakeAt asks for a Tick at that time; it replaces the one before.
	WakeAt struct{ At time.Time }
	// Changed says what a view has to look at again.
	Changed struct{ What Change }
	// Notice is a sentence for the user that is not part of the log: a refusal,
	// a wrong use. It is not sanitised: show it through talk.CleanText.
	Notice struct {
		Code    talk.Code
		Text    string
		Refused bool // the event just handled was not taken; keep its text
		Anew    bool // Anew may be what the user wants now: offer it with the sentence
	}
	// Done ends it. What is unsent is saved, for the next start.
	Done struct{}
)

func (Dial) effect()    {}
func (Send) effect()    {}
func (Hangup) effect()  {}
func (Save) effect()    {}
func (WakeAt) effect()  {}
func (Changed) effect() {}
func (Notice) effect()  {}
func (Done) effect()    {}

// Change is a set of parts of the session that a view shows.
type Change uint16

const (
	// Appended: entries were added at the end of Log.
	Appended Change = 1 << iota
	// Prepended: older entries were added at the front of Log.
	Prepended
	// Reset: Log is another one (room changed, cleared, or loaded anew).
	Reset
	// OutboxChanged: Outbox or Pending changed.
	OutboxChanged
	// MembersChanged: Members or MemberCount changed.
	MembersChanged
	// StatusChanged: Status, Room, Name or Me changed.
	StatusChanged
	// HistoryChanged: Loading or Complete changed.
	HistoryChanged
	// Trimmed: the oldest entries were dropped from the front of Log, since it
	// would grow beyond Config.Keep.
	Trimmed
)
