//go:build integration

package main

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"tuitalk/bench/result"
	"tuitalk/deploy/devcluster"
)

var programs struct{ gateway, bench string }

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "tuitalk-bench-test")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if programs.gateway, err = devcluster.Build(dir, "tuitalk/cmd/tuitalk-gateway", false); err == nil {
			programs.bench, err = devcluster.Build(dir, "tuitalk/cmd/tuitalk-bench", false)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// startGateway starts a real one, and gives its address.
func startGateway(t *testing.T) (url string, g *devcluster.Gateway) {
	t.Helper()
	dir := t.TempDir()
	g, err := devcluster.StartGateway(t.Context(), devcluster.GatewayOptions{
		Program: programs.gateway, Dir: dir, Store: "sqlite:" + filepath.Join(dir, "chat.db"), Args: []string{"-limits", "none"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return "ws://" + g.Addr() + "/ws", g
}

// bench is the real program under way.
type bench struct {
	*exec.Cmd
	out, err bytes.Buffer
}

// begin starts a process that ends with this one, from a thread of its own: the
// kernel ends it with the thread that started it, and threads come and go.
func begin(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, over, gone := make(chan error), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		runtime.LockOSThread() // the thread ends with this goroutine
		started <- cmd.Start()
		<-over
	}()
	t.Cleanup(func() { close(over); <-gone })
	if err := <-started; err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, args ...string) *bench {
	t.Helper()
	b := &bench{Cmd: exec.Command(programs.bench, args...)}
	b.Stdout, b.Stderr = &b.out, &b.err
	begin(t, b.Cmd)
	t.Cleanup(func() { _ = b.Process.Kill() }) // if the test failed
	return b
}

// code waits for the end and gives the exit status.
func (b *bench) code(t *testing.T) int {
	t.Helper()
	var failed *exec.ExitError
	if err := b.Wait(); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return b.ProcessState.ExitCode()
}

// awaitPhase waits until a run says that it is that far.
func (b *bench) awaitPhase(t *testing.T, from io.Reader, phase string) {
	t.Helper()
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if strings.Contains(lines.Text(), phase) {
			return
		}
	}
	t.Fatalf("it never came to %s", phase)
}

func readResult(t *testing.T, name string) *result.Result {
	t.Helper()
	r, err := readFile(name, result.Read)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// result reads what a run has found; a run that has not says why.
func (b *bench) result(t *testing.T, name string) *result.Result {
	t.Helper()
	if _, err := os.Stat(name); err != nil {
		t.Fatalf("it ended with %d, saying\n%s%s", b.ProcessState.ExitCode(), b.out.String(), b.err.String())
	}
	return readResult(t, name)
}

// expectHeld looks at the exit status of a run that kept all promises. On a
// machine that is busy with other things the generator may not keep up, says so,
// and fails for that.
func expectHeld(t *testing.T, b *bench, r *result.Result, code int) {
	t.Helper()
	want := 0
	if r.Bottleneck != "" {
		want = exitFailed
	}
	if code != want {
		t.Errorf("it ended with %d, want %d:\n%s%s", code, want, b.out.String(), b.err.String())
	}
	if r.Checked == nil || r.Checked.Err() != nil {
		t.Errorf("the histories: %v", r.Checked)
	}
}

func TestLoadOnARealGateway(t *testing.T) {
	url, g := startGateway(t)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	b := start(t, "load", "-target", url, "-clients", "1000", "-processes", "2", "-warm-up", "1s", "-duration", "5s",
		"-watch", fmt.Sprint(g.PID(), "=gateway"), "-json", file("run.json"), "-html", file("run.html"), "-junit", file("run.xml"),
		"-recordings", file("recordings"), "-max-lost", "0", "-max-duplicated", "0")
	code := b.code(t)
	r := readResult(t, file("run.json"))
	expectHeld(t, b, r, code)
	if n := r.Length(); n < 5 || n > 7 {
		t.Errorf("%v s were measured", n)
	}
	if w := &r.Whole; w.Inside == 0 || w.Counts.Stored == 0 || w.Delivered < w.Counts.Stored || w.Latency.Count() == 0 {
		t.Errorf("%d inside, %d stored, %d delivered", w.Inside, w.Counts.Stored, w.Delivered)
	}
	if c := r.Checked; c.Clients < 1000 || c.Rooms != 20 || c.Shown < c.Sent {
		t.Errorf("checked: %d clients in %d rooms, %d sent, %d shown", c.Clients, c.Rooms, c.Sent, c.Shown)
	}
	if len(r.Servers) != 1 || r.Servers[0].Name != "gateway" || len(r.Servers[0].CPU) < 5 || len(r.Clocks) != 2 {
		t.Errorf("watched %+v, clocks %+v", r.Servers, r.Clocks)
	}
	if page, err := os.ReadFile(file("run.html")); err != nil || !bytes.Contains(page, []byte("<svg")) {
		t.Errorf("the page: %d bytes, %v", len(page), err)
	}
	junit, err := os.ReadFile(file("run.xml"))
	if err != nil || xml.Unmarshal(junit, new(struct{})) != nil || !bytes.Contains(junit, []byte("<testcase")) {
		t.Errorf("for CI: %s, %v", junit, err)
	}
	if all, err := filepath.Glob(file("recordings/*.history")); err != nil || len(all) != 3 {
		t.Errorf("recordings %v, %v", all, err)
	}
	again := start(t, "report", file("run.json"), "-max-p99", "1ns")
	if code := again.code(t); code != exitFailed || !strings.Contains(again.out.String(), "NOT HELD: latency p99") {
		t.Errorf("the report ended with %d:\n%s", code, again.out.String())
	}
}

func TestCtrlCEndsARunInOrder(t *testing.T) {
	t.Parallel()
	url, _ := startGateway(t)
	out := filepath.Join(t.TempDir(), "run.json")
	b := &bench{Cmd: exec.Command(programs.bench, "load", "-target", url, "-clients", "100", "-rooms", "5", "-warm-up", "1s",
		"-duration", "1h", "-json", out)}
	b.Stdout = &b.out
	stderr, err := b.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin(t, b.Cmd)
	t.Cleanup(func() { _ = b.Process.Kill() })
	b.awaitPhase(t, stderr, "measuring")
	b.awaitPhase(t, stderr, "measuring") // it is told again after 5 s
	if err := b.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, stderr); err != nil {
		t.Fatal(err)
	}
	code := b.code(t)
	r := readResult(t, out)
	expectHeld(t, b, r, code)
	if r.Length() < 2 || r.Whole.Counts.Stored == 0 {
		t.Errorf("%v s measured, %d stored", r.Length(), r.Whole.Counts.Stored)
	}
}

// TestATargetThatIsNoneIsOneSentence: nobody there, and no WebSocket there.
func TestATargetThatIsNoneIsOneSentence(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	for target, says := range map[string]string{
		"ws://127.0.0.1:1/ws":                            "cannot be reached: connection refused",
		"ws" + strings.TrimPrefix(s.URL, "http") + "/ws": "the server answered 404 Not Found",
	} {
		b := start(t, "load", "-target", target)
		code := b.code(t)
		line := strings.TrimSuffix(b.err.String(), "\n")
		if code != exitFailed || !strings.Contains(line, says) || strings.Contains(line, "\n") {
			t.Errorf("%s: ended with %d, saying %q", target, code, line)
		}
	}
}

// TestRamp rises to a rate that does not hold, or comes down to one that does: which, is
// the machine's.
func TestRamp(t *testing.T) {
	t.Parallel()
	url, _ := startGateway(t)
	out := filepath.Join(t.TempDir(), "run.json")
	b := start(t, "ramp", "-target", url, "-clients", "100", "-rooms", "10", "-warm-up", "1s", "-rate", "200", "-factor", "10", "-step", "2s",
		"-precision", "1", "-bound", "5ms", "-json", out)
	b.code(t)
	r := readResult(t, out)
	if len(r.Steps) < 2 || !strings.Contains(b.err.String(), "posts/s") {
		t.Errorf("%d steps\n%s%s", len(r.Steps), b.out.String(), b.err.String())
	}
}
