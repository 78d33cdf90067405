package coordinator

import (
	"context"
	"testing"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/result"
	"tuitalk/bench/scenario"
	"tuitalk/bench/virtualuser"
)

// stormy is a run with a storm of one worker, whose lines may not be cut by it.
func stormy(t *testing.T, deaf bool) (*result.Result, Storm) {
	t.Helper()
	w := startWorkers(t, 1, func(_ int, w *Worker) {
		w.newGroup = func(cfg virtualuser.Config) (LoadGenerator, error) {
			f := newFake(cfg)
			f.deaf = deaf
			return f, nil
		}
	})
	o := shortRun(t, w)
	var went Storm
	storms := Storms{Times: 1, Calm: time.Second, Patience: 3 * time.Second, Tell: func(s Storm) { went = s }}
	if deaf {
		storms.Patience = time.Second
	}
	o.During = storms.Drive
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Faults) != 1 || r.Faults[0].Over.Before(r.Faults[0].At) {
		t.Fatalf("%+v", r.Faults)
	}
	return r, went
}

func TestAStormIsMeasuredByWhoCameBack(t *testing.T) {
	t.Parallel()
	r, went := stormy(t, false)
	if f := &r.Faults[0]; !f.Held || f.Resume.Count != 2500 || f.NotBack != 0 {
		t.Errorf("%+v", f)
	}
	// 2,500 joins, all of them 1.05 s after the storm reached the worker
	if went.Cut != 5 || went.Back != 5 || went.Took < 1050*time.Millisecond || went.Joins != 2500/went.Took.Seconds() {
		t.Errorf("%+v", went)
	}
}

func TestAStormThatCutsNothingDidNotHold(t *testing.T) {
	t.Parallel()
	if r, _ := stormy(t, true); r.Faults[0].Held || r.Faults[0].Evidence != "of the 5 lines that were open, 0 were lost" {
		t.Errorf("%+v", r.Faults[0])
	}
}

func TestWhoDoesNotComeBackIsCounted(t *testing.T) {
	at := time.Unix(1000, 0)
	lost := func(client, second int, back bool) virtualuser.Outage {
		o := virtualuser.Outage{Client: client, Lost: at.Add(time.Duration(second) * time.Second)}
		if o.Detected = o.Lost; back {
			o.CaughtUp = o.Lost.Add(time.Second)
		}
		return o
	}
	outages := []virtualuser.Outage{
		lost(1, 0, false), lost(2, 0, true), lost(3, 0, false), lost(3, 3, true), // 3 lost its line twice, and came back
		lost(1, 20, true), lost(4, 21, false),
	}
	for name, want := range map[string][2]int{"lines only": {1, 1}, "checked": {1, 6}} {
		var checked *checker.Report
		if name == "checked" {
			checked = &checker.Report{Faults: []checker.FaultFigures{{}, {NotBack: 2, Unheard: 4}}}
		}
		faults := faultsOf([]result.Fault{{At: at}, {At: at.Add(10 * time.Second)}}, outages, checked)
		if got := [2]int{faults[0].NotBack, faults[1].NotBack}; got != want {
			t.Errorf("%s: %v did not come back, want %v", name, got, want)
		}
	}
}

// TestWhoIsBehindIsInTheResult: also if it is known only when the time to settle
// is over.
func TestWhoIsBehindIsInTheResult(t *testing.T) {
	t.Parallel()
	w := startWorkers(t, 1, func(_ int, w *Worker) {
		w.newGroup = func(cfg virtualuser.Config) (LoadGenerator, error) {
			f := newFake(cfg)
			f.behind = true
			return f, nil
		}
	})
	o := shortRun(t, w)
	o.Scenario.Settle = o.Scenario.Duration
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if want := (result.Behind{Clients: 3, Messages: 40}); r.Behind != want {
		t.Errorf("%+v, want %+v", r.Behind, want)
	}
}

// TestWhatIsTakenOfAWorkerEndsWithTheRun: also where nobody takes its ticks.
func TestWhatIsTakenOfAWorkerEndsWithTheRun(t *testing.T) {
	t.Parallel()
	w := startWorkers(t, 1, nil)
	l, err := dialWorker(t.Context(), "it", w.addrs[0], "k")
	if err != nil {
		t.Fatal(err)
	}
	defer l.rpc.Close()
	over, end := context.WithCancelCause(t.Context())
	l.over, l.fail, l.tell = over, end, func(string) {}
	if err := l.call(over, "Prepare", Plan{Scenario: scenario.Default(), Of: 1, Targets: []string{"ws://127.0.0.1:1/ws"}}, nil); err != nil {
		t.Fatal(err)
	}
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		l.listen(make(chan workerTick))
	}()
	end(nil)
	select {
	case <-listening:
	case <-time.After(10 * time.Second):
		t.Fatal("it waits")
	}
	select {
	case <-l.done:
		t.Error("all of it is said to be here")
	default:
	}
}
