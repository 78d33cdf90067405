//go:build integration

package main

import (
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWorkersOnOtherMachines(t *testing.T) {
	t.Parallel()
	f := startElsewhere(t, 0)
	stranger := start(t, f.args("3s", "wrong")...)
	code := stranger.code(t)
	if said := strings.TrimSpace(stranger.err.String()); code != exitFailed || strings.Contains(said, "\n") || !strings.Contains(said, f.addrs[0]) || !strings.Contains(said, "keys differ") {
		t.Errorf("with a wrong key it ended with %d, saying %q", code, said)
	}
	out := filepath.Join(t.TempDir(), "run.json")
	b := start(t, f.args("5s", keyElsewhere, "-json", out, "-max-lost", "0")...)
	code = b.code(t)
	r := readResult(t, out)
	expectHeld(t, b, r, code)
	w := &r.Whole
	if w.Inside == 0 || w.Counts.Stored == 0 || w.Latency.Count() < w.Delivered || w.Delivered < 15*w.Counts.Stored {
		t.Errorf("%d inside, %d stored, %d delivered, %d latencies", w.Inside, w.Counts.Stored, w.Delivered, w.Latency.Count())
	}
	if c := r.Checked; c.Clients < 200 || c.Rooms != 10 || c.Shown < c.Sent {
		t.Errorf("checked: %d clients in %d rooms, %d sent, %d shown", c.Clients, c.Rooms, c.Sent, c.Shown)
	}
	// the machines say that they are others, and yet have our clock
	if len(r.Clocks) != 2 {
		t.Fatalf("clocks %+v", r.Clocks)
	}
	for i, clock := range r.Clocks {
		if !strings.Contains(clock.Worker, f.addrs[i]) || clock.Error <= 0 || max(clock.Offset, -clock.Offset) > clock.Error {
			t.Errorf("the clock of %s: %v s off, bound %v s", clock.Worker, clock.Offset, clock.Error)
		}
	}
}

// measuring starts a run that has no end, and returns when it measures, with how
// to get what it says from then on.
func (f *fleetElsewhere) measuring(t *testing.T) (b *bench, rest func() string) {
	t.Helper()
	b = &bench{Cmd: exec.Command(programs.bench, f.args("1h", keyElsewhere)...)}
	stderr, err := b.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin(t, b.Cmd)
	hangs := time.AfterFunc(2*time.Minute, func() { _ = b.Process.Kill() })
	t.Cleanup(func() { hangs.Stop(); _ = b.Process.Kill() })
	b.awaitPhase(t, stderr, "measuring")
	return b, func() string {
		t.Helper()
		said, err := io.ReadAll(stderr)
		if err != nil {
			t.Fatal(err)
		}
		return string(said)
	}
}

// expectLost wants a run to have ended for a worker, with one sentence about it.
func expectLost(t *testing.T, b *bench, said, addr string, says ...string) {
	t.Helper()
	code := b.code(t)
	var sentences []string
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "tuitalk-bench: ") {
			sentences = append(sentences, strings.TrimSpace(line))
		}
	}
	if code != exitFailed || len(sentences) != 1 || !strings.Contains(sentences[0], "worker "+addr+" ") {
		t.Fatalf("it ended with %d, saying %q", code, sentences)
	}
	for _, one := range says {
		if strings.Contains(sentences[0], one) {
			return
		}
	}
	t.Errorf("it says %q", sentences[0])
}

func TestAWorkerElsewhereThatIsKilledFailsTheRun(t *testing.T) {
	t.Parallel()
	f := startElsewhere(t, 2)
	b, rest := f.measuring(t)
	kill(t, fmt.Sprint(f.workers[1].Process.Pid))
	// what it had not read yet makes its kernel reset the line
	expectLost(t, b, rest(), f.addrs[1], "hung up in the middle of the run", "is lost: connection reset by peer")

	// the other one has ended its run, and serves the next
	_, f.addrs[1] = f.machines[1].worker(t, keyElsewhere)
	out := filepath.Join(t.TempDir(), "run.json")
	again := start(t, f.args("2s", keyElsewhere, "-json", out)...)
	code := again.code(t)
	expectHeld(t, again, readResult(t, out), code)
}

// TestAWorkerWhoseLinkGoesDownIsFound: nothing is refused and nothing reset, it is
// only silent.
func TestAWorkerWhoseLinkGoesDownIsFound(t *testing.T) {
	t.Parallel()
	f := startElsewhere(t, 4)
	b, rest := f.measuring(t)
	must(t, "ip", "link", "set", f.machines[1].cable, "down")
	cut := time.Now()
	expectLost(t, b, rest(), f.addrs[1], "has said nothing for 20s")
	t.Logf("it took %v to find out", time.Since(cut).Round(time.Second))
}
