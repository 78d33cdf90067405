package coordinator

import (
	"testing"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/measure"
	"tuitalk/bench/result"
	"tuitalk/bench/virtualuser"
)

// stormy is a run with a storm of one worker, whose lines may not be cut by it.
func stormy(t *testing.T, deaf bool) (*result.Result, Storm) {
	t.Helper()
	w := startWorkers(t, 1, func(_ int, w *Worker) {
		w.newSwarm = func(cfg virtualuser.Config) (LoadGenerator, error) {
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
		w.newSwarm = func(cfg virtualuser.Config) (LoadGenerator, error) {
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

func TestAReaderDoesNotWaitForARunThatIsOver(t *testing.T) {
	over := make(chan struct{})
	l := &workerLink{replies: make(chan any), ticks: make(chan workerTick), over: over}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, err := range []error{
			l.take(kindReady, nil, nil), l.take(kindConnected, nil, nil), l.take(kindOutages, &outages{}, nil),
			l.take(kindEnded, &ended{}, nil), l.take(kindTick, &tick{Sample: measure.Sample{At: 1}}, nil),
		} {
			if err == nil {
				t.Error("nobody took it, and it is no error")
			}
		}
	}()
	close(over)
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("it waits")
	}
}
