package coordinator

import (
	"net/netip"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/scenario"
	"tuitalk/bench/tlsconfig"
	"tuitalk/bench/virtualuser"
)

// protocol is the version of what doc.go describes.
const protocol = 3

// kind says what a frame is.
type kind byte

// What a worker says.
const (
	kindHello     kind = 1 // hello
	kindWelcome   kind = 2 // welcome
	kindProbed    kind = 3 // probed
	kindReady     kind = 4 // nothing
	kindConnected kind = 5 // nothing
	kindTick      kind = 6 // tick
	kindOutages   kind = 7 // outages
	kindChunk     kind = 8 // bytes of the recording
	kindEnded     kind = 9 // ended
	kindFailed    kind = 10
	kindTold      kind = 11
)

// What a coordinator says.
const (
	kindGreet   kind = 65 // greet
	kindProbe   kind = 66 // probe
	kindPlan    kind = 67 // plan
	kindConnect kind = 68 // nothing
	kindBegin   kind = 69 // begin
	kindHush    kind = 70 // nothing
	kindRate    kind = 71 // rate
	kindStorm   kind = 72 // nothing
	kindHeads   kind = 73 // heads
	kindAsk     kind = 74 // nothing
	kindStop    kind = 75 // nothing
)

// messages makes the message of each kind that has one.
var messages = map[kind]func() any{
	kindHello:   func() any { return new(hello) },
	kindWelcome: func() any { return new(welcome) },
	kindProbed:  func() any { return new(probed) },
	kindTick:    func() any { return new(tick) },
	kindOutages: func() any { return new(outages) },
	kindEnded:   func() any { return new(ended) },
	kindFailed:  func() any { return new(sentence) },
	kindTold:    func() any { return new(sentence) },
	kindGreet:   func() any { return new(greet) },
	kindProbe:   func() any { return new(probe) },
	kindPlan:    func() any { return new(plan) },
	kindBegin:   func() any { return new(begin) },
	kindRate:    func() any { return new(rate) },
	kindHeads:   func() any { return new(heads) },

	kindReady: none, kindConnected: none, kindChunk: none, kindConnect: none,
	kindHush: none, kindStorm: none, kindAsk: none, kindStop: none,
}

func none() any { return nil }

// Of a worker.
type (
	hello struct {
		Version int    `json:"version"`
		Nonce   []byte `json:"nonce"`
	}
	welcome struct {
		Proof   []byte `json:"proof"`
		Machine string `json:"machine"` // names the running kernel: those that have the same have one clock
		Host    string `json:"host"`
		Build   string `json:"build"`
		Files   uint64 `json:"files"` // that the process may have open
	}
	probed struct {
		N  int   `json:"n"`
		At int64 `json:"at"` // Unix time in ns by the worker's clock
	}
	tick struct {
		Sample   measure.Sample `json:"sample"`
		Clients  int            `json:"clients"`  // that are behind
		Messages int            `json:"messages"` // that are not stored yet
	}
	outages struct {
		Outages []virtualuser.Outage `json:"outages"`
		More    bool                 `json:"more"`
	}
	ended struct {
		Recorded int64  `json:"recorded"` // bytes of the recording
		Error    string `json:"error,omitempty"`
	}
	sentence struct {
		Text string `json:"text"`
	}
)

// Of a coordinator.
type (
	greet struct {
		Version int    `json:"version"`
		Nonce   []byte `json:"nonce"`
		Proof   []byte `json:"proof"`
	}
	probe struct {
		N int `json:"n"`
	}
	plan struct {
		Scenario scenario.Scenario `json:"scenario"`
		Share    int               `json:"share"`
		Of       int               `json:"of"`
		Targets  []string          `json:"targets"`
		Trust    tlsconfig.Policy  `json:"trust"`
		Sources  []netip.Addr      `json:"sources,omitempty"`
		Offset   time.Duration     `json:"offset"`   // ns to add to the worker's clock to get the coordinator's
		Patience time.Duration     `json:"patience"` // ns that connecting may take
		Record   bool              `json:"record"`
	}
	begin struct {
		At int64 `json:"at"` // Unix time in ns by the coordinator's clock
	}
	rate struct {
		PerSecond float64 `json:"per_second"` // of this worker
	}
	heads struct {
		Heads map[int32]int64 `json:"heads"`
	}
)
