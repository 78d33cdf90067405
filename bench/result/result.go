package result

import (
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/measure"
	"tuitalk/bench/scenario"
)

// Result is everything that is known of a run. Its JSON form is what the reports
// are made from.
type Result struct {
	Version  int               `json:"version"` // of this form: 1
	Command  string            `json:"command"` // as entered, without secrets
	Kind     string            `json:"kind"`    // load, ramp, storm, chaos, soak
	Started  time.Time         `json:"started"`
	Target   []string          `json:"target"`
	Scenario scenario.Scenario `json:"scenario"`
	Machine  Machine           `json:"machine"`
	Build    string            `json:"build"` // of the generator: version and commit

	Seconds  []measure.Sample `json:"seconds"`  // all workers together, oldest first
	Whole    measure.Sample   `json:"whole"`    // the measured time
	Measured [2]int64         `json:"measured"` // Unix times: first second and the one behind the last

	Servers []Server `json:"servers,omitempty"` // processes that were watched
	Faults  []Fault  `json:"faults,omitempty"`
	Steps   []Step   `json:"steps,omitempty"` // ramp: each rate that was tried
	Behind  Behind   `json:"behind"`          // when the time to settle was over

	Bottleneck string          `json:"bottleneck,omitempty"` // why the generator, not the target, was measured; "": it was not
	Checked    *checker.Report `json:"checked,omitempty"`    // nil: not recorded
	Clocks     []Clock         `json:"clocks,omitempty"`     // of the workers
	// ClockError is by how many seconds a latency from one worker's author to
	// another's receiver may be off: the two greatest errors of Clocks.
	ClockError float64 `json:"clock_error,omitempty"`
}

// Machine is where the generator ran.
type Machine struct {
	CPUs   int    `json:"cpus"`
	Model  string `json:"model"`
	Memory int64  `json:"memory"` // bytes
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

// Server is a process of the target, watched from the outside, with all that it
// has started.
type Server struct {
	Name       string  `json:"name"`
	CPU        []Point `json:"cpu"`                  // cores in use
	RSS        []Point `json:"rss"`                  // bytes
	Files      []Point `json:"files,omitempty"`      // that are open, sockets included
	Goroutines []Point `json:"goroutines,omitempty"` // as its metrics tell; none if it has no metrics
}

// Behind is who had not everything yet. What never came is in no histogram.
type Behind struct {
	Clients  int `json:"clients"`
	Messages int `json:"messages"` // theirs that were not stored, and others' that they were not shown
}

// Point is a value at a time.
type Point struct {
	At    int64   `json:"at"` // Unix
	Value float64 `json:"value"`
}

// Fault is something that was done to the target, and what came of it.
type Fault struct {
	What     string    `json:"what"`
	Evidence string    `json:"evidence,omitempty"`
	Held     bool      `json:"held"` // it took hold
	At       time.Time `json:"at"`
	Over     time.Time `json:"over"`
	// Over the clients that it touched and that came back:
	Detect    Dist    `json:"detect"`    // until the client knew that its connection was gone
	Reconnect Dist    `json:"reconnect"` // until a new connection was open
	Resume    Dist    `json:"resume"`    // until it was joined again
	CaughtUp  Dist    `json:"caught_up"` // until the first delivery without a hole
	Blackout  Dist    `json:"blackout"`  // the longest time kept from news, over all clients if the run was checked; else CaughtUp
	NotBack   int     `json:"not_back"`  // clients that were not brought up to date again, and so are in none of these
	Herd      int64   `json:"herd"`      // most attempts at a connection in one second
	Recovery  float64 `json:"recovery"`  // seconds until p99 was within 10% of before; or Never, Unknown
}

// Dist is a distribution of times over clients, with the curve for a plot.
type Dist struct {
	Count int       `json:"count"`
	P50   float64   `json:"p50"` // seconds
	P99   float64   `json:"p99"`
	Max   float64   `json:"max"`
	Curve []float64 `json:"curve,omitempty"` // percentiles 0, 1, … 100
}

// Step is one rate of a ramp.
type Step struct {
	Rate   float64        `json:"rate"` // messages posted per second
	Sample measure.Sample `json:"sample"`
	Good   bool           `json:"good"` // it held the bound
	Why    string         `json:"why,omitempty"`
}

// Clock bounds how far a worker's clock is from the coordinator's.
type Clock struct {
	Worker string  `json:"worker"`
	Offset float64 `json:"offset"` // seconds, to be added to the worker's times
	Error  float64 `json:"error"`  // seconds, at most so far off
}
