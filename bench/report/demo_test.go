package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/measure"
	"tuitalk/bench/result"
	"tuitalk/bench/scenario"
)

// demo is data for pages to look at and to test: nothing in it was measured.
func demo(seconds int) *result.Result {
	rng := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	r := &result.Result{
		Version: result.Version, Command: "tuitalk-bench chaos -clients 15000 -rate 300", Kind: "chaos", Started: start,
		Target: []string{"ws://127.0.0.1:8080/ws"}, Build: "demonstration",
		Scenario: scenario.Scenario{Name: "rooms", Clients: 15000, Rooms: 150, Rate: 300, Size: 64, Arrivals: scenario.Poisson,
			WarmUp: scenario.Duration(10 * time.Second), Duration: scenario.Duration(time.Duration(seconds) * time.Second), Settle: scenario.Duration(10 * time.Second), Speak: scenario.Session, Seed: 7},
		Machine:  result.Machine{CPUs: 2, Model: "AMD EPYC", Memory: 23 << 30, Kernel: "6.1", Go: "go1.26"},
		Measured: [2]int64{start.Unix() + 10, start.Unix() + 10 + int64(seconds)},
		Clocks:   []result.Clock{{Worker: "local 0", Error: 21e-6}, {Worker: "10.0.0.2:7000", Offset: -0.0123, Error: 180e-6}},
	}
	for i, what := range []string{"gateway-kill", "redis-all-kill", "postgres-kill", "gateway-freeze"} {
		at := start.Add(10*time.Second + time.Duration(2*i+1)*time.Duration(seconds)*time.Second/10)
		hold := []time.Duration{3 * time.Second, 4 * time.Second, time.Second, 12 * time.Second}[i]
		f := result.Fault{What: what, Held: true, At: at, Over: at.Add(hold), Evidence: "the process is gone"}
		middle := []float64{.031, .028, .038, .05}[i]
		tail := []float64{2.2, 6, 3, 200}[i]
		f.Blackout, f.Detect = dist(rng, middle, tail), dist(rng, middle/6, 2)
		f.Reconnect, f.Resume, f.CaughtUp = dist(rng, middle/2, 3), dist(rng, middle/1.5, 3), dist(rng, middle/1.2, 3)
		r.Faults = append(r.Faults, f)
	}
	for i := -10; i < seconds+5; i++ {
		r.Seconds = append(r.Seconds, second(rng, r, r.Measured[0]+int64(i)))
		if i >= 0 && i < seconds {
			r.Whole.Follow(&r.Seconds[len(r.Seconds)-1])
		}
	}
	r.Derive()
	r.Servers = demoServers(rng, r, seconds)
	r.Checked = &checker.Report{Events: 9_123_456, Clients: 15000, Rooms: 150, Entries: int(r.Whole.Posted), Sent: int(r.Whole.Posted), Shown: int(r.Whole.Delivered)}
	return r
}

func demoServers(rng *rand.Rand, r *result.Result, seconds int) (all []result.Server) {
	for _, name := range []string{"gateway-1", "gateway-2", "gateway-3", "nginx", "postgres"} {
		s := result.Server{Name: name}
		base := 0.2 + rng.Float64()*0.5
		for i := range seconds {
			at := r.Measured[0] + int64(i)
			s.CPU = append(s.CPU, result.Point{At: at, Value: base * (1 + 0.1*rng.NormFloat64())})
			s.RSS = append(s.RSS, result.Point{At: at, Value: base * 400e6 * (1 + 0.3*float64(i)/float64(seconds))})
		}
		all = append(all, s)
	}
	return all
}

func dist(rng *rand.Rand, middle, tail float64) result.Dist {
	d := result.Dist{Count: 5000}
	for i := range 101 {
		z := float64(i-50) / 22
		v := middle * math.Exp(0.4*z)
		if i > 90 {
			v = middle * math.Pow(tail, float64(i-89)/11) * (1.2 + 0.1*rng.Float64())
		}
		d.Curve = append(d.Curve, v)
		if i > 0 {
			d.Curve[i] = max(d.Curve[i], d.Curve[i-1])
		}
	}
	d.P50, d.P99, d.Max = d.Curve[50], d.Curve[99], d.Curve[100]
	return d
}

// second is one second of the demonstration, with trouble during faults.
func second(rng *rand.Rand, r *result.Result, at int64) measure.Sample {
	s := measure.Sample{At: at}
	trouble, down := 1.0, -1
	for i := range r.Faults {
		if f := &r.Faults[i]; at >= f.At.Unix() && at <= f.Over.Unix()+2 {
			trouble = []float64{14, 60, 30, 8}[i]
			if i == 0 && at < f.Over.Unix() {
				down = i
			}
			if at == f.At.Unix() && i%3 == 0 {
				s.Dialled, s.Joins, s.Counts.Lost = 5212, 5012, 5000
			}
		}
	}
	s.Intended = int64(300 + 17*rng.NormFloat64())
	s.Posted, s.Counts.Stored = s.Intended, s.Intended-int64(rng.IntN(3))
	s.Delivered = s.Posted * 99
	s.BytesIn, s.BytesOut = s.Delivered*180, s.Posted*160
	s.Open, s.Inside = 15000, 15000
	s.Nodes = map[string]int{"gw-1": 5000, "gw-2": 5000, "gw-3": 5000}
	if down >= 0 {
		s.Nodes = map[string]int{"gw-2": 7480, "gw-3": 7520}
	}
	s.Self = measure.Self{CPU: 0.7 + 0.05*rng.NormFloat64(), Busy: 0.4 + 0.1*rng.Float64(), RSS: 900 << 20, Files: 15100, MaxOpen: 20000}
	for range 400 {
		v := time.Duration(1.3e6 * math.Exp(0.55*rng.NormFloat64()))
		service := v * 9 / 10
		if rng.Float64() < 0.04*trouble/10 {
			v = time.Duration(float64(v) * trouble)
		}
		s.Latency.Record(v, s.Delivered/400)
		s.Service.Record(service, s.Delivered/400)
		s.Stored.Record(v*7/10, 1)
		s.Late.Record(time.Duration(40e3*math.Exp(0.5*rng.NormFloat64())), 1)
	}
	s.Errors = map[string]int64{"connection reset by peer": s.Counts.Lost}
	return s
}

// demoRamp is a ramp whose knee is at 4,000.
func demoRamp() *result.Result {
	r := demo(60)
	r.Kind, r.Faults, r.Checked = "ramp", nil, nil
	for _, rate := range []float64{500, 1000, 2000, 4000, 5000, 6000} {
		var h measure.Hist
		rng := rand.New(rand.NewPCG(3, 4))
		for range 2000 {
			h.Record(time.Duration(1e6*math.Exp(0.5*rng.NormFloat64())/math.Max(0.02, 1-rate/5600)), 10)
		}
		s := result.Step{Rate: rate, Good: rate <= 4000, Sample: measure.Sample{Latency: h, Counts: measure.Counts{Delivered: int64(rate) * 990}}}
		if !s.Good {
			s.Why = fmt.Sprintf("p99 %s is above the bound of 20 ms", result.Took(h.At(99)))
		}
		r.Steps = append(r.Steps, s)
	}
	return r
}

// demoBroken is a run that went wrong in every way.
func demoBroken() *result.Result {
	r := demo(30)
	r.Bottleneck = "its busiest loop worked 97% of a second"
	r.Faults[1].Held = false
	r.Checked.Counts = map[checker.Kind]int{checker.Lost: 2, checker.Reordered: 1}
	r.Checked.Violations = []checker.Violation{{Kind: checker.Lost, What: "c17 was never shown 812 of room 3", Story: []string{
		"   +1.000210 s  c3 sends 0f3a2b11 to room 3", "   +1.002391 s  c3 is told: stored 0f3a2b11 as 812", "   +1.003001 s  c17 shows 813 of room 3"}}}
	return r
}

func demoComparison() *result.Comparison {
	rng := rand.New(rand.NewPCG(5, 6))
	c := &result.Comparison{
		Version: result.ComparisonVersion, Command: "tuitalk-bench compare", Build: "demonstration",
		Machine: result.Machine{CPUs: 2, Model: "AMD EPYC", Memory: 23 << 30, Kernel: "6.1", Go: "go1.26"},
		Started: time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC), Setting: "server pinned to CPU 0, generator to CPU 1",
		Targets: []result.Target{{Name: "tuitalk", What: "this project's gateway"}, {Name: "centrifuge", What: "centrifuge with its memory broker"},
			{Name: "centrifuge-redis", What: "centrifuge with Redis and recovery"}, {Name: "gorilla", What: "a goroutine per connection on gorilla/websocket"}, {Name: "floor", What: "a bare epoll loop that writes the same bytes"}},
	}
	loads := result.Table{Title: "100 rooms of 100 members, 64-byte texts", Unit: "deliveries per CPU-second", Better: result.More,
		What: "Deliveries divided by the CPU time that the server spent.", Columns: []string{"20,000 deliveries/s", "50,000", "100,000", "200,000"}}
	idle := result.Table{Title: "Idle connections", Unit: "KiB per connection", Better: result.Less, Columns: []string{"18,000 connections"}}
	for i, target := range c.Targets {
		row := result.Row{Target: target.Name}
		for j := range loads.Columns {
			cell := result.Cell{}
			for range 3 {
				cell.Values = append(cell.Values, []float64{310e3, 140e3, 90e3, 120e3, 420e3}[i]*(1+0.04*rng.NormFloat64()))
				p50 := []float64{1e-3, 2e-3, 4e-3, 3e-3, .6e-3}[i] * math.Pow(2, float64(j)) * (1 + 0.1*rng.Float64())
				cell.P50, cell.P99 = append(cell.P50, p50), append(cell.P99, p50*(4+rng.Float64()))
			}
			if limit := []float64{0, 141e3, 88e3, 118e3, 0}[i]; j == 3 && limit > 0 {
				cell = result.Cell{Saturated: limit}
			}
			row.Cells = append(row.Cells, cell)
		}
		loads.Rows = append(loads.Rows, row)
		memory := []float64{4.1, 26, 27, 31, 2.2}[i]
		idle.Rows = append(idle.Rows, result.Row{Target: target.Name, Cells: []result.Cell{{Values: []float64{memory, memory * 1.02, memory * 0.99}}}})
	}
	c.Tables = []result.Table{loads, idle}
	return c
}
