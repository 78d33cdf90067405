package coordinator

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
	"tuitalk/bench/scenario"
	"tuitalk/bench/virtualuser"
)

// shortRun is a run of a second with workers of this process.
func shortRun(t *testing.T, w *inProcess) Options {
	t.Helper()
	s := scenario.Default()
	s.Clients, s.Rooms, s.Check = 10, 2, false
	s.WarmUp, s.Duration, s.Settle = 0, scenario.Duration(2*time.Second), scenario.Duration(10*time.Second)
	return Options{
		Kind: "load", Scenario: s, Key: "k", Workers: w.addrs,
		Targets: []string{(&chat{}).serve(t)},
	}
}

func TestARunGoesThroughItsPhases(t *testing.T) {
	t.Parallel()
	skews := []time.Duration{3 * time.Hour, -40 * time.Millisecond}
	w := startWorkers(t, 2, func(i int, w *Worker) {
		w.machine = "elsewhere"
		w.now = func() time.Time { return time.Now().Add(skews[i]) }
	})
	o := shortRun(t, w)
	o.Scenario.Check = true
	o.During = func(ctx context.Context, c *Coordinator) error {
		if err := c.Rate(300); err != nil {
			return err
		}
		n := c.BeginFault(result.Fault{What: "a test", Held: true, Evidence: "none"})
		defer c.EndFault(n)
		return c.Storm()
	}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"connect", "begin", "rate 150", "storm", "hush", "heads", "close"}
	for i, f := range w.fakes {
		if !slices.Equal(f.told, want) {
			t.Errorf("worker %d was told %v, want %v", i, f.told, want)
		}
		if f.cfg.Share != i || f.cfg.Of != 2 || len(f.heads) != 2 {
			t.Errorf("worker %d is %d of %d, heads %v", i, f.cfg.Share, f.cfg.Of, f.heads)
		}
		off := (f.cfg.Offset + skews[i]).Abs()
		if bound := time.Duration(r.Clocks[i].Error * float64(time.Second)); off > bound || bound > time.Second {
			t.Errorf("worker %d: the offset is off by %v, bound %v", i, off, bound)
		}
	}
	n := r.Measured[1] - r.Measured[0]
	// on a busy machine a worker's tick may come too late for its second
	both := slices.ContainsFunc(r.Seconds, func(s measure.Sample) bool { return s.Open == 10 })
	if n < 2 || r.Whole.Posted < 10 || r.Whole.Posted > 20*(n+1) || !both {
		t.Errorf("%d s measured, %d posted, both workers are seen: %v", n, r.Whole.Posted, both)
	}
	if f := r.Faults[0]; f.Resume.Count != 5000 || f.Resume.P50 != 1 || len(f.Resume.Curve) != 101 {
		t.Errorf("the fault: %+v", f.Resume)
	}
	if r.Checked == nil || r.Checked.Clients != 2 {
		t.Errorf("checked: %+v", r.Checked)
	}
}

func TestAnInterruptedRunTellsWhatWasMeasured(t *testing.T) {
	t.Parallel()
	w := startWorkers(t, 1, nil)
	o := shortRun(t, w)
	o.Scenario.Duration = scenario.Duration(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.During = func(ctx context.Context, c *Coordinator) error {
		time.AfterFunc(4*time.Second, cancel)
		<-ctx.Done()
		return context.Cause(ctx)
	}
	r, err := Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if n := r.Measured[1] - r.Measured[0]; n < 2 || r.Whole.Posted == 0 {
		t.Errorf("%d s measured, %d posted", n, r.Whole.Posted)
	}
	if told := w.fakes[0].told; told[len(told)-1] != "close" || !slices.Contains(told, "hush") {
		t.Errorf("the worker was told %v", told)
	}
}

func TestARunThatIsInterruptedEarlyHasNoResult(t *testing.T) {
	t.Parallel()
	w := startWorkers(t, 1, nil)
	o := shortRun(t, w)
	o.Scenario.WarmUp = scenario.Duration(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	time.AfterFunc(500*time.Millisecond, cancel)
	if _, err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
		t.Errorf("it says %v", err)
	}
}

// hangsUp is the address of a server that hangs up on everybody.
func hangsUp(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func TestEachFailureIsOneSentence(t *testing.T) {
	t.Parallel()
	loses := func(i int, w *Worker) {
		w.newGroup = func(cfg virtualuser.Config) (LoadGenerator, error) {
			f := newFake(cfg)
			if i == 1 {
				f.refuse = "3 of 5 clients are inside: connection refused"
			}
			return f, nil
		}
	}
	for _, tc := range []struct {
		name   string
		change func(i int, w *Worker)
		spoil  func(o *Options, w *inProcess)
		says   string
	}{
		{"another key", func(_ int, w *Worker) { w.Key = "other" }, nil, "the keys differ"},
		{"no key", nil, func(o *Options, _ *inProcess) { o.Key = "" }, "the keys differ"},
		{"nobody there", nil, func(o *Options, _ *inProcess) { o.Workers[1] = "127.0.0.1:1" }, "worker 127.0.0.1:1 cannot be reached: connection refused"},
		{"something else there", nil, func(o *Options, _ *inProcess) { o.Workers[1] = hangsUp(t) }, "it does not answer as a worker does: it hung up"},
		{"clients do not get in", loses, nil, "3 of 5 clients are inside"},
		{"a wrong scenario", nil, func(o *Options, _ *inProcess) { o.Scenario.Clients = 0 }, "-clients 0"},
		{"no target", nil, func(o *Options, _ *inProcess) { o.Targets = []string{"ws://127.0.0.1:1/ws"} }, "connection refused"},
		{"During", nil, func(o *Options, _ *inProcess) {
			o.During = func(context.Context, *Coordinator) error { return errors.New("no more tea") }
		}, "no more tea"},
		{"a worker goes away", nil, func(o *Options, w *inProcess) {
			o.During = func(ctx context.Context, _ *Coordinator) error {
				w.stop[1]()
				<-ctx.Done()
				return context.Cause(ctx)
			}
		}, "hung up in the middle of the run"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := startWorkers(t, 2, tc.change)
			o := shortRun(t, w)
			if tc.spoil != nil {
				tc.spoil(&o, w)
			}
			_, err := Run(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("it says %v", err)
			}
		})
	}
}

// TestAStrangerGetsNothing: without the key a worker tells nothing, does nothing,
// and does not read long frames.
func TestAStrangerGetsNothing(t *testing.T) {
	w := startWorkers(t, 1, nil)
	for name, answer := range map[string]func(theirs []byte) any{
		"a call at once": func([]byte) any {
			return map[string]any{"method": "Worker.Prepare", "params": []any{Plan{Of: 1}}, "id": 0}
		},
		"no proof": func([]byte) any { return greeting{Version: protocol, Nonce: nonce()} },
		"the other's role": func(theirs []byte) any {
			n := nonce()
			return greeting{Version: protocol, Nonce: n, Proof: proof("k", asWorker, theirs, n)}
		},
		"a moved border": func(theirs []byte) any {
			n := append(slices.Clone(theirs[8:]), nonce()...)
			return greeting{Version: protocol, Nonce: n, Proof: proof("k", asCoordinator, theirs, n)}
		},
		"another version": func(theirs []byte) any {
			n := nonce()
			return greeting{Version: protocol + 1, Nonce: n, Proof: proof("k", asCoordinator, theirs, n)}
		},
		"a long greeting": func(theirs []byte) any {
			n := nonce()
			return greeting{Version: protocol, Nonce: n, Proof: proof("k", asCoordinator, theirs, n), Machine: strings.Repeat("x", maxGreeting)}
		},
	} {
		conn, err := net.Dial("tcp", w.addrs[0])
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := hear(conn, writeTimeout)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewEncoder(conn).Encode(answer(theirs.Nonce)); err != nil {
			t.Fatal(err)
		}
		if g, err := hear(conn, writeTimeout); err == nil {
			t.Errorf("%s: it is answered %+v", name, g)
		}
		_ = conn.Close()
	}
	if len(w.fakes) > 0 {
		t.Error("it made clients")
	}
}
