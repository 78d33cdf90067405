package result

import (
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/measure"
	"tuitalk/bench/scenario"
)

// demo is a run of 60 seconds with a fault at 30, from which the latency took
// eight seconds to come back. Nothing in it was measured.
func demo() *Result {
	start := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	r := &Result{
		Command: "tuitalk-bench chaos", Kind: "chaos", Started: start, Target: []string{"ws://127.0.0.1:8080/ws"}, Build: "demonstration",
		Scenario: scenario.Scenario{Name: "rooms", Clients: 1000, Rooms: 10, Rate: 100},
		Machine:  Machine{CPUs: 2, Model: "AMD EPYC", Memory: 23 << 30, Kernel: "6.1", Go: "go1.26"},
		Measured: [2]int64{start.Unix(), start.Unix() + 60},
	}
	for i := range 60 {
		s := measure.Sample{At: start.Unix() + int64(i), Counts: measure.Counts{Intended: 100, Posted: 100, Stored: 99, Delivered: 9900}}
		p99 := 5 * time.Millisecond
		if i >= 30 && i < 38 {
			p99, s.Dialled = 80*time.Millisecond, int64(500-10*(i-30))
		}
		s.Latency.Record(time.Millisecond, 9700)
		s.Latency.Record(p99, 200)
		s.Stored.Record(2*time.Millisecond, 99)
		s.Open, s.Inside, s.Nodes = 1000, 998, map[string]int{"gw-1": 500, "gw-2": 498}
		r.Seconds = append(r.Seconds, s)
		r.Whole.Follow(&s)
	}
	r.Whole.Errors = map[string]int64{"reset": 3, "refused": 12}
	d := func(v float64) Dist { return Dist{Count: 500, P50: v, P99: 3 * v, Max: 4 * v} }
	r.Faults = []Fault{{What: "gateway-kill", Held: true, At: start.Add(30 * time.Second), Over: start.Add(33 * time.Second),
		Blackout: d(0.031), Detect: d(0.005), Reconnect: d(0.015), Resume: d(0.02), CaughtUp: d(0.025)}}
	r.Checked = &checker.Report{Clients: 1000, Entries: 6000, Shown: 594000, Sent: 6000, Counts: map[checker.Kind]int{}}
	r.Derive()
	return r
}

func demoComparison() *Comparison {
	return &Comparison{Command: "tuitalk-bench compare", Build: "demonstration", Setting: "server on CPU 0", Tables: []Table{{
		Title: "100 rooms", Unit: "deliveries per CPU-second", Columns: []string{"20,000/s", "50,000/s"},
		Rows: []Row{
			{Target: "tuitalk", Cells: []Cell{{Values: []float64{300e3, 310e3, 290e3}, P50: []float64{1e-3, 3e-3, 2e-3}, P99: []float64{9e-3, 8e-3, 7e-3}}, {Values: []float64{305e3}}}},
			{Target: "peer|a", Cells: []Cell{{Values: []float64{130e3, 120e3}, Note: "two runs only"}, {Saturated: 41e3}}},
			{Target: "missing"},
		},
	}}}
}
