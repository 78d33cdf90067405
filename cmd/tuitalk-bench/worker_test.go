//go:build integration

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tuitalk/bench/coordinator"
)

// workers are the processes that it has started.
func (b *bench) workers() []string {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", b.Process.Pid))
	if err != nil {
		return nil
	}
	var all []string
	for _, name := range threads {
		if text, err := os.ReadFile(name); err == nil {
			all = append(all, strings.Fields(string(text))...)
		}
	}
	return all
}

func TestAWorkerThatIsKilledFailsTheRun(t *testing.T) {
	t.Parallel()
	url, _ := startGateway(t)
	b := &bench{Cmd: exec.Command(programs.bench, "load", "-target", url, "-clients", "100", "-processes", "2", "-duration", "1h")}
	stderr, err := b.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin(t, b.Cmd)
	t.Cleanup(func() { _ = b.Process.Kill() })
	b.awaitPhase(t, stderr, "warming up")
	workers := b.workers()
	if len(workers) != 2 {
		t.Fatalf("it has the children %v", workers)
	}
	kill(t, workers[0])
	rest, err := io.ReadAll(stderr)
	if err != nil {
		t.Fatal(err)
	}
	code := b.code(t)
	lines := strings.Split(strings.TrimSpace(string(rest)), "\n")
	if last := lines[len(lines)-1]; code != exitFailed || !strings.Contains(last, "ended in the middle of the run: signal: killed") {
		t.Errorf("it ended with %d, saying %q", code, last)
	}
	awaitGone(t, workers[1])
}

func TestWorkersEndWithWhoStartedThem(t *testing.T) {
	t.Parallel()
	url, _ := startGateway(t)
	b := start(t, "load", "-target", url, "-clients", "100", "-processes", "2", "-duration", "1h", "-quiet")
	var workers []string
	for end := time.Now().Add(time.Minute); len(workers) < 2 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		workers = b.workers()
	}
	if len(workers) != 2 {
		t.Fatalf("it has the children %v", workers)
	}
	if err := b.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	b.code(t)
	for _, w := range workers {
		awaitGone(t, w)
	}
}

func kill(t *testing.T, pid string) {
	t.Helper()
	var id int
	if _, err := fmt.Sscan(pid, &id); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(id, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func awaitGone(t *testing.T, pid string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat("/proc/" + pid); err != nil {
			return
		}
	}
	t.Errorf("process %s lives on", pid)
}

// listening starts a worker, and returns the address that it says it listens on.
func listening(t *testing.T, w *exec.Cmd) string {
	t.Helper()
	stdout, err := w.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin(t, w)
	t.Cleanup(func() { _ = w.Process.Kill(); _ = w.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("a worker did not start: %q, %v", line, err)
	}
	return strings.TrimPrefix(strings.TrimSpace(line), coordinator.Listening)
}

func TestWorkersElsewhereWantTheKey(t *testing.T) {
	t.Parallel()
	url, _ := startGateway(t)
	w := exec.Command(programs.bench, "worker", "-listen", "127.0.0.1:0")
	w.Env = append(os.Environ(), coordinator.KeyVariable+"=open sesame")
	addr := listening(t, w)
	out := filepath.Join(t.TempDir(), "run.json")
	args := []string{"load", "-target", url, "-clients", "100", "-rooms", "5", "-warm-up", "0s", "-duration", "2s", "-workers", addr, "-json", out}
	stranger := start(t, append(args, "-key", "wrong")...)
	if code := stranger.code(t); code != exitFailed || !strings.Contains(stranger.err.String(), "keys differ") {
		t.Errorf("without the key it ended with %d: %s", code, stranger.err.String())
	}
	for range 2 { // it serves one after the other
		b := start(t, append(args, "-key=open sesame")...)
		code := b.code(t)
		r := readResult(t, out)
		expectHeld(t, b, r, code)
		if strings.Contains(r.Command, "sesame") {
			t.Errorf("the key is in the result: %s", r.Command)
		}
	}
}
