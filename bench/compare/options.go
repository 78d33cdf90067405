package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tuitalk/bench/report"
	"tuitalk/bench/result"
	"tuitalk/bench/scenario"
)

// Options of a comparison. Command, Build and Machine go into it as they are.
type Options struct {
	Command, Build string
	Machine        result.Machine

	Targets []Target
	Loads   []Load
	Size    int // bytes of a text
	Idle    int // connections at which the memory of an idle one is measured; 0: it is not
	Repeats int // trials of each target under each load

	WarmUp  time.Duration // of each rate, not measured
	Measure time.Duration // of each rate
	Rest    time.Duration // of the idle clients, before the memory is measured

	ServerCPU, GeneratorCPU int

	Dir  string                   // for what the servers keep and log; "": a temporary one
	Tell func(line string)        // what is to stay before people who wait; nil: nobody does
	Show func(report.CompareView) // how far it is, at each step; nil: nobody looks
}

// Target is a server that can be started.
type Target struct {
	Name  string
	What  string // a sentence: what it is, and how it is set
	Build string
	Speak scenario.Speech
	// Aside is for a target that is only there to be looked at: it is tried once,
	// for the first load.
	Aside bool
	// Start starts it, pinned to a processor, with dir for what it keeps.
	Start func(ctx context.Context, dir string, cpu int) (*Server, error)
}

// Server is a target that runs.
type Server struct {
	URL  string       // of its WebSocket
	PIDs []int        // of all processes that work for it
	Stop func() error // ends them
}

// Load is how many clients there are, and the rates at which they are talked to.
type Load struct {
	Name           string
	Rooms, Members int
	Deliveries     []float64 // per second, rising
}

func (l *Load) clients() int { return l.Rooms * l.Members }

// Defaults compares as `make bench` does, in less than ten minutes.
func Defaults() Options {
	return Options{
		Loads: []Load{
			{"100 rooms of 100", 100, 100, []float64{20e3, 50e3, 100e3, 200e3}},
			{"a room of 5,000", 1, 5000, []float64{100e3, 300e3}},
		},
		Size: 64, Idle: 18_000, Repeats: 3,
		WarmUp: 800 * time.Millisecond, Measure: 2 * time.Second, Rest: 2 * time.Second,
		ServerCPU: 0, GeneratorCPU: 1,
	}
}

// Validate finds the first thing that is wrong.
func (o *Options) Validate() error {
	switch {
	case len(o.Targets) == 0:
		return errors.New("there is nothing to compare: no target is given")
	case len(o.Loads) == 0 && o.Idle == 0:
		return errors.New("there is nothing to measure: no load is given")
	case o.Repeats < 1:
		return fmt.Errorf("%d repetitions: there must be at least 1", o.Repeats)
	case o.ServerCPU == o.GeneratorCPU:
		return fmt.Errorf("servers and generator cannot share processor %d: each needs one of its own", o.ServerCPU)
	case o.Size < scenario.MinSize:
		return fmt.Errorf("texts of %d bytes: they need at least %d for what measuring needs", o.Size, scenario.MinSize)
	case o.Measure < time.Second:
		return fmt.Errorf("%v measured: it must be at least 1s", o.Measure)
	}
	for _, l := range o.Loads {
		if l.Rooms < 1 || l.Members < 1 || len(l.Deliveries) == 0 || !slices.IsSorted(l.Deliveries) || l.Deliveries[0] <= 0 {
			return fmt.Errorf("load %q: it needs rooms, members, and rates that rise", l.Name)
		}
	}
	for _, cpu := range []int{o.ServerCPU, o.GeneratorCPU} {
		if cpu < 0 {
			return fmt.Errorf("processor %d: they are numbered from 0", cpu)
		}
	}
	return nil
}

func (o *Options) tell(format string, args ...any) {
	if o.Tell != nil {
		o.Tell(fmt.Sprintf(format, args...))
	}
}
