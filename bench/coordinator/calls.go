package coordinator

import (
	"net/netip"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/scenario"
	"tuitalk/bench/tlsconfig"
)

// protocol is the version of what doc.go describes.
const protocol = 4

// service is the name under which a worker's methods are called.
const service = "Worker"

type (
	// Plan is what a worker is to do.
	Plan struct {
		Scenario scenario.Scenario `json:"scenario"`
		Share    int               `json:"share"` // of Of, from 0: client i belongs to share i mod Of
		Of       int               `json:"of"`
		Targets  []string          `json:"targets"`
		Trust    tlsconfig.Policy  `json:"trust"`
		Sources  []netip.Addr      `json:"sources,omitempty"`
		Offset   time.Duration     `json:"offset"`   // ns to add to the worker's clock to get the coordinator's
		Patience time.Duration     `json:"patience"` // ns that connecting may take
		Record   bool              `json:"record"`
	}
	// Tick is a second as a worker saw it, and how its clients stood at the end.
	Tick struct {
		Sample   measure.Sample `json:"sample"`
		Clients  int            `json:"clients"`        // that are behind
		Messages int            `json:"messages"`       // that are not stored yet
		Told     []string       `json:"told,omitempty"` // lines for people
		Over     bool           `json:"over,omitempty"` // there are no more: it holds nothing else
	}
	// Ended is how a worker's clients ended.
	Ended struct {
		Recorded int64    `json:"recorded"` // bytes of the recording
		Error    string   `json:"error,omitempty"`
		Told     []string `json:"told,omitempty"` // lines for people since the last Tick
	}
)
