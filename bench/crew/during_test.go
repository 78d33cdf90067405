package crew

import (
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
	"tuitalk/bench/scenario"
)

func TestARampFindsTheKnee(t *testing.T) {
	for _, knee := range []float64{0.2, 1, 7, 99, 100, 101, 150, 1234, 99_999, 4e6} {
		r := Ramp{From: 100, Factor: 2, Precision: 0.05}
		best, least, tries := 0.0, math.Inf(1), 0
		err := r.search(func(rate, good float64) (bool, error) {
			if tries++; good != best {
				t.Errorf("knee %v: the best was %v, not %v", knee, best, good)
			}
			if rate <= knee {
				best = max(best, rate)
				return true, nil
			}
			least = min(least, rate)
			return false, nil
		})
		if err != nil || best < knee/1.05 || best > knee || least > best*1.05 {
			t.Errorf("knee %v: found %v (not %v) in %d steps, %v", knee, best, least, tries, err)
		}
		if tries > 30 {
			t.Errorf("knee %v: %d steps", knee, tries)
		}
	}
}

func TestARampWithoutAKneeEnds(t *testing.T) {
	for _, held := range []bool{true, false} {
		r, tries := Ramp{From: 100, Factor: 2, Precision: 0.05}, 0
		if err := r.search(func(float64, float64) (bool, error) { tries++; return held, nil }); err != nil || tries > maxSteps {
			t.Errorf("%d steps, %v", tries, err)
		}
	}
}

func TestWhatDoesNotHoldIsSaid(t *testing.T) {
	r := Ramp{Bound: 20 * time.Millisecond}
	make := func(change func(s *measure.Sample)) *measure.Sample {
		s := &measure.Sample{}
		s.Intended, s.Posted, s.Counts.Stored, s.Delivered = 100, 100, 100, 1000
		s.Latency.Record(10*time.Millisecond, 1000)
		s.Late.Record(time.Millisecond, 100)
		change(s)
		return s
	}
	for says, change := range map[string]func(s *measure.Sample){
		"":                                       func(*measure.Sample) {},
		"the p99 is 30":                          func(s *measure.Sample) { s.Latency.Record(30*time.Millisecond, 100) },
		"100 messages were posted, 90 stored":    func(s *measure.Sample) { s.Counts.Stored = 90 },
		"100 messages went out 900 times":        func(s *measure.Sample) { s.Delivered = 900 },
		"120 messages fell due, 100 were posted": func(s *measure.Sample) { s.Intended = 120 },
		"nothing was delivered":                  func(s *measure.Sample) { s.Latency = measure.Hist{} },
		"the generator was the bottleneck":       func(s *measure.Sample) { s.Late.Record(time.Second, 100) },
	} {
		if got := r.judge(make(change), 10); !strings.HasPrefix(got, says) || says == "" && got != "" {
			t.Errorf("got %q, want %q", got, says)
		}
	}
}

func TestTheKneeOfTheGeneratorIsNotThatOfTheTarget(t *testing.T) {
	slow, late := result.Step{Rate: 300}, result.Step{Rate: 200}
	slow.Sample.Latency.Record(time.Second, 10)
	late.Sample.Late.Record(time.Second, 10)
	held := result.Step{Rate: 100, Good: true}
	if why := limited([]result.Step{held, slow, late}); why == "" || strings.HasPrefix(why, "the generator") {
		t.Errorf("the lowest step failed through the generator: %q", why)
	}
	late.Rate = 400
	if why := limited([]result.Step{held, slow, late}); why != "" {
		t.Errorf("the lowest step failed through the target: %q", why)
	}
}

func TestGrowth(t *testing.T) {
	server := func(values ...float64) *result.Result {
		r := &result.Result{Measured: [2]int64{100, 200}, Servers: []result.Server{{Name: "gateway"}}}
		for i, v := range values {
			r.Servers[0].RSS = append(r.Servers[0].RSS, result.Point{At: 100 + int64(i), Value: v * (1 << 20)})
		}
		return r
	}
	for _, tc := range []struct {
		name   string
		r      *result.Result
		passed bool
	}{
		{"steady", server(100, 110, 100, 110, 100, 110, 100, 110, 100, 110), true},
		{"leaks", server(100, 110, 120, 130, 140, 150, 160, 170, 180, 190), false},
		{"one peak at the end", server(100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 900), true},
		{"small", server(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), true},
		{"hardly seen", server(100, 100), false},
		{"nobody watched", &result.Result{}, false},
	} {
		checks := Growth(tc.r, 0.2)
		if len(checks) != 1 || checks[0].Passed != tc.passed || checks[0].Why == "" {
			t.Errorf("%s: %+v", tc.name, checks)
		}
	}
}

func TestProcessesAreWatchedWithWhatTheyStart(t *testing.T) {
	// a shell whose child uses the processor
	cmd := exec.Command("sh", "-c", "timeout 10 sh -c 'while :; do :; done' & wait")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, child := range children(cmd.Process.Pid) {
			if p, err := os.FindProcess(child); err == nil {
				_ = p.Signal(os.Interrupt) // timeout passes it on
			}
		}
		_ = cmd.Wait()
	}()
	there := []Process{{"busy", cmd.Process.Pid}, {"gone", 1 << 30}}
	w := watch{processes: func() []Process { return there }}
	cpu, looks := 0.0, 0
	for began := time.Now(); looks < 4 || cpu <= 0 && looks < 90; time.Sleep(100 * time.Millisecond) {
		w.look(began.Add(time.Duration(looks) * 100 * time.Millisecond))
		looks++
		if len(w.servers) != 1 || w.servers[0].Name != "busy" || len(w.servers[0].CPU) != looks-1 {
			t.Fatalf("after %d looks: %+v", looks, w.servers)
		}
		for _, p := range w.servers[0].CPU {
			cpu = max(cpu, p.Value)
		}
	}
	if rss := w.servers[0].RSS[looks-1].Value; cpu <= 0 || cpu > 192 || rss < 100<<10 {
		t.Errorf("%v cores, %v bytes", cpu, rss)
	}
}

func TestHowManyProcesses(t *testing.T) {
	o := Options{Targets: []string{"ws://127.0.0.1:1/ws"}, Scenario: scenario.Default()}
	o.Scenario.Clients = 2*PerProcess + 1
	if err := o.fill(); err != nil || o.Processes < 3 || len(o.Sources) != o.Processes {
		t.Errorf("%d processes, sources %v, %v", o.Processes, o.Sources, err)
	}
	o.Scenario.Clients, o.Processes = 9_000_000, 1
	if err := o.fill(); err == nil || !strings.Contains(err.Error(), "too few open files") || strings.Contains(err.Error(), "\n") {
		t.Errorf("9 million in one process: %v", err)
	}
	o = Options{Targets: []string{"ws://chat.example/ws"}, Scenario: scenario.Default()}
	if err := o.fill(); err != nil || o.Sources != nil || o.Processes != 1 {
		t.Errorf("%d processes, sources %v, %v", o.Processes, o.Sources, err)
	}
}
