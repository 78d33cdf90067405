package client

import (
	"time"

	"tuitalk/talk"
)

// Phase is the state of the line as people should see it.
type Phase uint8

const (
	// Connecting: never connected since the start.
	Connecting Phase = iota
	// Online: joined, live.
	Online
	// Resuming: the line broke less than 1.5 s ago; show as Online.
	Resuming
	// Reconnecting: the line is gone for longer; Status.Since tells since when.
	Reconnecting
	// Refused: the server said something that reconnecting cannot mend.
	Refused
	// Ended: after Quit.
	Ended
)

// Status is what a status line shows.
type Status struct {
	Phase   Phase
	Since   time.Time // when this phase began
	Server  string    // URL in use or tried
	Node    string    // name that the gateway gave itself
	RetryAt time.Time // Reconnecting: the next attempt
	Reason  string    // Refused, Reconnecting: a sentence why; show through talk.CleanText
	Owed    int       // own entries for other rooms that are not stored yet
}

// Delivery is how far an entry of the outbox has come.
type Delivery uint8

const (
	// Fresh: sent or about to be, for less than 300 ms, or stored and about to
	// appear in the log; show no mark.
	Fresh Delivery = iota
	// Waiting: not stored yet; show a mark.
	Waiting
	// Accepted: in the fleet's spool, not yet stored.
	Accepted
	// Failed: refused, or not stored for 60 s, and then still being sent; offer
	// Retry and Discard.
	Failed
)

// Outgoing is an own entry that is not in the log yet. It stands below the log.
type Outgoing struct {
	ID       talk.UUID
	RoomID   int32
	Text     string
	At       time.Time // when the user sent it
	Delivery Delivery
	Reason   string // Failed: why; show through talk.CleanText
}
