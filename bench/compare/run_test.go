package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tuitalk/bench/measure"
	"tuitalk/bench/scenario"
)

// standIn is a crowd that says that everything arrived.
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

func needTwo(t *testing.T) {
	t.Helper()
	if runtime.NumCPU() < 2 {
		t.Skip("comparing needs two processors")
	}
}

// small is a comparison with targets that are this process.
func small(t *testing.T, names ...string) (*tour, *[]string) {
	t.Helper()
	needTwo(t)
	var calls []string
	o := Options{
		Loads: []Load{{"2 rooms of 5", 2, 5, []float64{100, 200}}}, Size: 64, Idle: 10, Repeats: 2,
		Measure: time.Second, ServerCPU: 0, GeneratorCPU: 1, Dir: t.TempDir(),
	}
	for _, name := range names {
		o.Targets = append(o.Targets, Target{
			Name: name, Speak: scenario.Wire, Aside: name == "aside",
			Start: func(_ context.Context, dir string, cpu int) (*Server, error) {
				if _, err := os.Stat(dir); err != nil || cpu != o.ServerCPU {
					t.Errorf("%s is started in %s on processor %d: %v", name, dir, cpu, err)
				}
				calls = append(calls, name)
				if name == "dead" {
					return nil, errors.New("no such program")
				}
				return &Server{URL: "ws://" + name, PIDs: []int{os.Getpid()}, Stop: func() error { calls = append(calls, "stop "+name); return nil }}, nil
			},
		})
	}
	return &tour{Options: o, gather: func(s scenario.Scenario, url string) (crowd, error) {
		return &standIn{scenario: s, refused: url == "ws://deaf"}, s.Validate()
	}}, &calls
}

func TestTargetsTakeTurns(t *testing.T) {
	tr, calls := small(t, "a", "b", "aside")
	var told []string
	tr.Tell = func(line string) { told = append(told, line) }
	c, err := tr.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	starts := slices.DeleteFunc(slices.Clone(*calls), func(s string) bool { return strings.HasPrefix(s, "stop") })
	if want := []string{"a", "b", "aside", "a", "b", "a", "b", "a", "b"}; !slices.Equal(starts, want) {
		t.Errorf("visited %v, want %v", starts, want)
	}
	if len(*calls) != 2*len(starts) {
		t.Errorf("not everything that was started was stopped: %v", *calls)
	}
	if len(told) != 1+len(starts) || !strings.HasPrefix(told[0], "9 visits of 3 targets, about ") {
		t.Errorf("people were told %q", told)
	}
	for i, want := range []int{3, 2, 2} {
		if got := len(c.Tables[i].Rows); got != want {
			t.Errorf("table %q has %d rows, want %d", c.Tables[i].Title, got, want)
		}
	}
	for i := range 2 { // this process is busy as little as it likes, so the values can be anything
		for _, cell := range c.Tables[0].Rows[i].Cells {
			if len(cell.Values) != 2 || len(cell.P99) != 2 || cell.P50[0] <= 0 {
				t.Errorf("%s: %+v", c.Tables[0].Rows[i].Target, cell)
			}
		}
	}
	if left, err := os.ReadDir(tr.Dir); err != nil || len(left) > 0 {
		t.Errorf("%d folders of visits are left: %v", len(left), err)
	}
}

func TestATargetThatFailsIsSaidToAndTheOthersGoOn(t *testing.T) {
	tr, _ := small(t, "dead", "deaf", "a")
	tr.Repeats, tr.Idle = 1, 0
	c, err := tr.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"it does not start: no such program", "nobody gets a connection", ""} {
		if got := c.Tables[0].Rows[i].Cells[0].Note; got != want {
			t.Errorf("%s: %q, want %q", c.Tables[0].Rows[i].Target, got, want)
		}
	}
}

func TestTheProcessorsAreGivenBack(t *testing.T) {
	needTwo(t)
	var before, within, after unix.CPUSet
	get := func(set *unix.CPUSet) {
		t.Helper()
		if err := unix.SchedGetaffinity(0, set); err != nil {
			t.Fatal(err)
		}
	}
	get(&before)
	restore, err := pin(1)
	if err != nil {
		t.Fatal(err)
	}
	get(&within)
	if err := restore(); err != nil {
		t.Fatal(err)
	}
	get(&after)
	if within.Count() != 1 || !within.IsSet(1) || after != before {
		t.Errorf("processors: before %v, then %v, after %v", before, within, after)
	}
}

func TestTheEndOfTheContextEndsTheComparison(t *testing.T) {
	tr, calls := small(t, "a")
	ctx, cancel := context.WithCancel(t.Context())
	tr.Tell = func(line string) {
		if strings.Contains(line, " 1/4") {
			time.AfterFunc(10*time.Millisecond, cancel)
		}
	}
	if _, err := tr.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("run: %v", err)
	}
	if want := []string{"a", "stop a"}; !slices.Equal(*calls, want) {
		t.Errorf("calls %v, want %v", *calls, want)
	}
}

func TestCPUTimeGrowsWithWork(t *testing.T) {
	self := []int{os.Getpid()}
	from, err := cpuTime(self)
	if err != nil {
		t.Fatal(err)
	}
	for begin, n := time.Now(), 0; time.Since(begin) < 20*time.Millisecond; n++ {
		_ = fmt.Sprint(n)
	}
	to, err := cpuTime(self)
	if err != nil || to <= from {
		t.Errorf("processor time from %v to %v: %v", from, to, err)
	}
	if held, err := memory(self); err != nil || held < 1<<20 {
		t.Errorf("this process holds %d bytes: %v", held, err)
	}
	if _, err := memory([]int{1 << 30}); err == nil {
		t.Error("a process that is not has memory")
	}
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
		tr, _ := small(t, "a")
		change(&tr.Options)
		if err := tr.Validate(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if o := Defaults(); o.Validate() == nil {
		t.Error("defaults have no targets, and are taken")
	}
}
