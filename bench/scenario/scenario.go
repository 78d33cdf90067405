package scenario

import (
	"time"

	"tuitalk/talk"
)

// Scenario is who is there and what they do. Rates are those of the whole run,
// however many workers share it.
type Scenario struct {
	Name  string `json:"name"`
	About string `json:"about,omitempty"` // a line: what it is for

	Clients   int     `json:"clients"`    // connections in all
	Rooms     int     `json:"rooms"`      // rooms in which they are
	FirstRoom int32   `json:"first_room"` // the number of the first room, the others follow; 0: rooms that no run had before, see Locate
	Zipf      float64 `json:"zipf"`       // 0: rooms of one size; else the exponent s > 0: room k has a share like 1/k^s
	Idle      int     `json:"idle"`       // of the clients, how many sit in rooms of their own where nothing is said
	IdleRoom  int     `json:"idle_room"`  // members of each idle room

	Rate     float64  `json:"rate"`     // messages posted per second
	Size     int      `json:"size"`     // bytes of a text, at least MinSize
	Arrivals Arrivals `json:"arrivals"` // how the intended times of posting follow each other

	Hops       float64 `json:"hops"`        // per second: a client goes to another room (a leave and a join)
	Returns    float64 `json:"returns"`     // per second: a client hangs up without a word and comes back
	Fetches    float64 `json:"fetches"`     // per second: a client loads older history
	FetchLimit int     `json:"fetch_limit"` // entries of each
	Renames    float64 `json:"renames"`     // per second: a client takes another name; of sessions only, as are the next three
	Ends       float64 `json:"ends"`        // per second: a client goes for good, by its own will or killed, and somebody new comes
	Originals  float64 `json:"originals"`   // share of the clients that speak the original's forms, JSON or bincode
	Windows    float64 `json:"windows"`     // share of the clients that are the second window of another one's user
	Slow       float64 `json:"slow"`        // share of the clients that read slowly
	SlowBytes  int     `json:"slow_bytes"`  // bytes per second that a slow one reads

	Connects float64  `json:"connects"` // new connections per second at the start; 0: as fast as it goes
	WarmUp   Duration `json:"warm_up"`  // load that is not measured
	Duration Duration `json:"duration"` // load that is measured
	Settle   Duration `json:"settle"`   // how long everybody may take at the end to have everything

	Speak Speech `json:"speak"`
	Form  Form   `json:"form"`  // of what TuiTalk's clients speak; empty: JSON, as before there was a choice
	Check bool   `json:"check"` // record what everybody lives through, and have it checked
	Seed  uint64 `json:"seed"`  // of everything random but for the time that things take
}

// Arrivals is an open-loop arrival process.
type Arrivals string

const (
	Poisson  Arrivals = "poisson"  // independent people
	Constant Arrivals = "constant" // equal distances
)

// Speech is what a client is and speaks.
type Speech string

const (
	// Session is client.Session, exactly what users run.
	Session Speech = "session"
	// Wire speaks TuiTalk's extended form and keeps only what is measured: for
	// loads at which the session itself would be the bottleneck, and to compare
	// with servers that have no session.
	Wire Speech = "wire"
	// Centrifuge speaks the JSON protocol of centrifuge.
	Centrifuge Speech = "centrifuge"
)

// Form is how messages are written on the wire.
type Form string

const (
	Bincode Form = "bincode" // as users' clients do
	JSON    Form = "json"
)

// OnWire is the protocol's name of the form.
func (f Form) OnWire() talk.Form {
	if f == Bincode {
		return talk.ExtendedBincode
	}
	return talk.Extended
}

// MinSize is the shortest text that can carry what is measured.
const MinSize = 48

// Duration is a time.Duration that JSON has as text, as in "1m30s".
type Duration time.Duration
