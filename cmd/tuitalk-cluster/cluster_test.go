//go:build integration

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
)

// commander runs the real program in a folder of its own.
type commander struct{ program, dir string }

func newCommander(t *testing.T) commander {
	t.Helper()
	dir, err := os.MkdirTemp("", "tuitalk-cluster-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL's user passes through
		t.Fatal(err)
	}
	c := commander{dir: filepath.Join(dir, "data")}
	if c.program, err = devcluster.Build(dir, "tuitalk/cmd/tuitalk-cluster", false); err != nil {
		t.Fatal(err)
	}
	if _, err := devcluster.Build(dir, "tuitalk/cmd/tuitalk-gateway", false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command(c.program, "stop", "-dir", c.dir).Run() }) // if the test failed
	return c
}

// run returns what a command printed and how it ended.
func (c commander) run(t *testing.T, args ...string) (said string, code int) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(c.program, append(args, "-dir", c.dir)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

func TestClusterCommand(t *testing.T) {
	c := newCommander(t)
	expect := func(args string, wantCode int, wants ...string) string {
		t.Helper()
		said, code := c.run(t, strings.Fields(args)...)
		if code != wantCode {
			t.Errorf("%s: ended with %d, want %d", args, code, wantCode)
		}
		for _, want := range wants {
			if !strings.Contains(said, want) {
				t.Errorf("%s: %q is not in\n%s", args, want, said)
			}
		}
		return said
	}
	expect("status", 1, "no cluster runs")
	expect("promote", 1, "no cluster runs")
	expect("stop", 0, "It does not run.")
	expect("restart", 2, "none of start, run, status, promote, stop")
	expect("start -gateways none", 2, `-gateways: "none" is not a whole number`)

	said := expect("start -gateways 1", 0, "nginx", "gateway-1", "redis-6", "primary, tuitalk2 streaming quorum", "standby of", "replica of", "ready;")
	if strings.Contains(said, "\x1b") {
		t.Error("what goes into a file is coloured")
	}
	expect("start -gateways 1", 0, "It runs already.", "gateway-1")
	expect("run", 1, "a cluster runs there already")

	state, err := devcluster.LoadClusterState(settings{dir: c.dir}.stateFile())
	if err != nil {
		t.Fatal(err)
	}
	replica := state.Parts[len(state.Parts)-3]
	if err := syscall.Kill(replica.Process.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	expect("status", 1, "frozen", "not all parts are well", replica.Log)
	if err := syscall.Kill(replica.Process.PID, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	expect("promote", 0, "postgres-2 is the primary now")
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if _, code := c.run(t, "status"); code == 0 || time.Now().After(end) {
			break
		}
	}
	expect("status", 0, "primary, tuitalk1 streaming quorum", "standby of")
	if state, err = devcluster.LoadClusterState(settings{dir: c.dir}.stateFile()); err != nil {
		t.Fatal(err)
	}
	expect("stop", 0, "Stopped.")
	for _, p := range state.Parts {
		if p.Process.State() != devcluster.Dead {
			t.Errorf("%s lives on", p.Name)
		}
	}
	expect("status", 1, "no cluster runs")
}
