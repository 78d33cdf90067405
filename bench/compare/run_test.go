package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/report"
	"tuitalk/bench/result"
	"tuitalk/bench/scenario"
)

// standIn are clients that say that everything arrived.
type standIn struct {
	scenario scenario.Scenario
	refused  bool // it gets no connection
	rate     float64
	since    time.Time
}

func (c *standIn) Connect(context.Context) error {
	if c.refused {
		return errors.New("nobody gets a connection")
	}
	time.Sleep(time.Millisecond)
	return nil
}

func (c *standIn) Begin(time.Time)        { c.since = time.Now() }
func (c *standIn) Rate(perSecond float64) { c.rate = perSecond }
func (c *standIn) Close() error           { return nil }

func (c *standIn) Sample() (s measure.Sample) {
	members := c.scenario.Clients / max(1, c.scenario.Rooms)
	s.Delivered = int64(c.rate * float64(members) * time.Since(c.since).Seconds())
	s.Latency.Record(time.Millisecond, s.Delivered)
	c.since = time.Now()
	return s
}

// rehearsal is a comparison in which all but the order of things is a stand-in:
// the targets are this process, and work half of the time. It belongs into a
// bubble of synctest, so that nothing depends on how busy the machine is.
type rehearsal struct {
	*comparer
	calls []string // of targets
	told  []string
	shown []report.CompareView
}

func rehearse(t *testing.T, names ...string) *rehearsal {
	t.Helper()
	r := &rehearsal{}
	o := Options{
		Loads: []Load{{"2 rooms of 5", 2, 5, []float64{100, 200}}}, Size: 64, Idle: 10, Repeats: 2,
		Measure: time.Second, ServerCPU: 0, GeneratorCPU: 1, Dir: t.TempDir(),
		Tell: func(line string) { r.told = append(r.told, line) },
		Show: func(p report.CompareView) { r.shown = append(r.shown, p) },
	}
	for _, name := range names {
		o.Targets = append(o.Targets, Target{Name: name, Speak: scenario.Wire, Aside: name == "aside", Start: r.starter(t, name)})
	}
	began := time.Now()
	r.comparer = &comparer{
		Options: o,
		newClients: func(s scenario.Scenario, url string) (clients, error) {
			return &standIn{scenario: s, refused: url == "ws://deaf"}, s.Validate()
		},
		pin: func(server, generator int) (func() error, error) {
			r.calls = append(r.calls, fmt.Sprintf("pin %d %d", server, generator))
			return func() error { r.calls = append(r.calls, "restore"); return nil }, nil
		},
		look: func(s *Server) (moment, error) {
			if s.URL == "ws://mortal" && time.Since(r.came) > 1500*time.Millisecond {
				return moment{}, errors.New("the server is gone")
			}
			half := time.Since(began) / 2
			return moment{at: time.Now(), cpu: half, busy: half}, nil
		},
	}
	return r
}

func (r *rehearsal) starter(t *testing.T, name string) func(context.Context, string, int) (*Server, error) {
	return func(_ context.Context, dir string, cpu int) (*Server, error) {
		if _, err := os.Stat(dir); err != nil || cpu != r.ServerCPU {
			t.Errorf("%s is started in %s on processor %d: %v", name, dir, cpu, err)
		}
		r.calls = append(r.calls, name)
		if name == "dead" {
			return nil, errors.New("no such program")
		}
		stop := func() (err error) {
			if r.calls = append(r.calls, "stop "+name); name == "clinging" {
				err = errors.New("it does not go")
			}
			return err
		}
		return &Server{URL: "ws://" + name, PIDs: []int{os.Getpid()}, Stop: stop}, nil
	}
}

func TestTargetsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rehearse(t, "a", "b", "aside")
		c, err := r.run(t.Context())
		if err != nil || c.Incomplete != "" {
			t.Fatalf("%v, %q", err, c.Incomplete)
		}
		want := []string{"pin 0 1"}
		for _, name := range []string{"a", "b", "aside", "a", "b", "a", "b", "a", "b"} {
			want = append(want, name, "stop "+name)
		}
		if want = append(want, "restore"); !slices.Equal(r.calls, want) {
			t.Errorf("calls %v, want %v", r.calls, want)
		}
		for i, want := range []int{3, 2, 2} {
			if got := len(c.Tables[i].Rows); got != want {
				t.Errorf("table %q has %d rows, want %d", c.Tables[i].Title, got, want)
			}
		}
		for i, repeats := range []int{2, 2, 1} {
			for j, perCPU := range []float64{200, 400} { // the server works half of the time
				cell := c.Tables[0].Rows[i].Cells[j]
				if len(cell.Values) != repeats || len(cell.P99) != repeats || cell.P50[0] <= 0 || cell.Values[0] != perCPU || cell.Note != "" {
					t.Errorf("%s: %+v, want %d times %v", c.Tables[0].Rows[i].Target, cell, repeats, perCPU)
				}
			}
		}
		if left, err := os.ReadDir(r.Dir); err != nil || len(left) > 0 {
			t.Errorf("%d folders of trials are left: %v", len(left), err)
		}
	})
}

// cells are what the first table tells of a target.
func cells(c *result.Comparison, row int) (all []string) {
	for _, cell := range c.Tables[0].Rows[row].Cells {
		all = append(all, cell.Text())
	}
	return all
}

func TestATargetThatFailsIsSaidToAndTheOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rehearse(t, "dead", "deaf", "mortal", "a")
		r.Repeats, r.Idle = 1, 0
		c, err := r.run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range [][]string{
			{"it does not start: no such program", "it does not start: no such program"},
			{"nobody gets a connection", "nobody gets a connection"},
			{"200", "the server is gone"},
			{"200", "400"},
		} {
			if got := cells(c, i); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", c.Tables[0].Rows[i].Target, got, want)
			}
		}
		if want := "3 of 4 trials failed; the first is dead, 2 rooms of 5, run 1 of 1: it does not start: no such program"; c.Incomplete != want {
			t.Errorf("missing is %q, want %q", c.Incomplete, want)
		}
	})
}

// It is interrupted in the second half of the third trial of four.
func TestWhatWasMeasuredIsKeptWhenItIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rehearse(t, "a", "b")
		r.Idle = 0
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r.Show = func(p report.CompareView) {
			if p.Trial == 3 && p.Doing == "measuring 200/s" {
				cancel()
			}
		}
		c, err := r.run(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range [][]string{{"200 (200–200)", "400, measured in 1 of 2 runs"}, {"200, measured in 1 of 2 runs", "400, measured in 1 of 2 runs"}} {
			if got := cells(c, i); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", c.Tables[0].Rows[i].Target, got, want)
			}
		}
		if want := "interrupted in trial 3 of 4; what was not measured says so"; c.Incomplete != want {
			t.Errorf("missing is %q, want %q", c.Incomplete, want)
		}
		if want := []string{"pin 0 1", "a", "stop a", "b", "stop b", "a", "stop a", "restore"}; !slices.Equal(r.calls, want) {
			t.Errorf("calls %v, want %v", r.calls, want)
		}
	})
}

func TestWhatNobodyCameToIsNotMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rehearse(t, "clinging", "a") // as it stays on the processor, nothing more can be measured
		c, err := r.run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := c.Incomplete, "ended in trial 1 of 8 (clinging, 2 rooms of 5, run 1 of 2): it does not go"; got != want {
			t.Errorf("missing is %q, want %q", got, want)
		}
		for i, want := range [][]string{
			{"200, measured in 1 of 2 runs", "400, measured in 1 of 2 runs"},
			{"not measured", "not measured"},
		} {
			if got := cells(c, i); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", c.Tables[0].Rows[i].Target, got, want)
			}
		}
		for _, table := range c.Tables[1:] { // joins; memory
			if got := table.Rows[1].Cells[0].Text(); got != "not measured" {
				t.Errorf("%s: %s", table.Title, got)
			}
		}
	})
}

func TestSettings(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"there is nothing to compare: no target is given":                           func(o *Options) { o.Targets = nil },
		"there is nothing to measure: no load is given":                             func(o *Options) { o.Loads, o.Idle = nil, 0 },
		"0 repetitions: there must be at least 1":                                   func(o *Options) { o.Repeats = 0 },
		"servers and generator cannot share processor 0: each needs one of its own": func(o *Options) { o.GeneratorCPU = 0 },
		"texts of 10 bytes: they need at least 48 for what measuring needs":         func(o *Options) { o.Size = 10 },
		"10ms measured: it must be at least 1s":                                     func(o *Options) { o.Measure = 10 * time.Millisecond },
		`load "2 rooms of 5": it needs rooms, members, and rates that rise`:         func(o *Options) { o.Loads[0].Deliveries = []float64{2, 1} },
		"processor -1: they are numbered from 0":                                    func(o *Options) { o.ServerCPU = -1 },
	} {
		r := rehearse(t, "a")
		change(&r.Options)
		if err := r.Validate(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if o := Defaults(); o.Validate() == nil {
		t.Error("defaults have no targets, and are taken")
	}
}
