package report

import "time"

// View is how a run stands, for the terminal.
type View struct {
	Kind    string        // load, ramp, storm, chaos, soak, compare
	Name    string        // of the scenario
	Phase   string        // "connecting", "warming up", "measuring", "settling", "checking"
	Elapsed time.Duration // of the whole run
	Total   time.Duration // that the whole run is expected to take; 0: not known

	Open, Inside, Wanted int // connections, clients in their room, and clients in all

	Asked     float64 // posts per second that the scenario asks for; 0: not known
	Intended  float64 // posts that fell due in the last second
	Posted    float64 // in the last second
	Delivered float64 // in the last second

	Last  Times           // latency in the last second
	Whole Times           // latency since the measured time began
	P99s  []time.Duration // of each second since the load began, oldest first; 0: nothing was delivered

	Nodes    map[string]int // connections by gateway
	Faults   []Mark
	Self     Health
	Warnings []string // the latest last
}

// Times are percentiles of a distribution; all 0 if it is empty.
type Times struct{ P50, P99, Max time.Duration }

// Mark is a fault, by times since the run began.
type Mark struct {
	What     string
	At, Over time.Duration // Over 0: it goes on
}

// Health is how the generator itself is.
type Health struct {
	Late    time.Duration // p99 of how much later than intended it posted
	Busy    float64       // the greatest share of a second in which an event loop was at work
	CPU     float64       // cores in use
	RSS     int64         // bytes
	Files   int           // open, in the process that has most
	MaxOpen int
}
