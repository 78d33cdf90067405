//go:build integration

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
)

// fullPipe returns a pipe that takes nothing more until somebody reads it.
func fullPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	filler := []byte("nobody reads this\n")
	for block := make([]byte, 0, 4096); err == nil; _, err = w.Write(block[:cap(block)]) {
		copy(block[:cap(block)], filler)
		if err := w.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return r, w
}

// unreadGateway is the real program with an output that nobody reads.
type unreadGateway struct {
	cmd         *exec.Cmd
	addr, admin string
	output      *os.File // the reader's end
	ended       chan struct{}
}

func startUnread(t *testing.T, args ...string) *unreadGateway {
	t.Helper()
	return startUnreadIn(t, nil, args...)
}

// startUnreadIn starts it with more in its environment.
func startUnreadIn(t *testing.T, env []string, args ...string) *unreadGateway {
	t.Helper()
	g := &unreadGateway{addr: freeAddr(t), admin: freeAddr(t), ended: make(chan struct{})}
	r, w := fullPipe(t)
	g.output = r
	g.cmd = exec.Command(programs.gateway, append([]string{"-listen", g.addr, "-admin", g.admin}, args...)...)
	g.cmd.Stdout, g.cmd.Stderr = w, w
	g.cmd.Env = append(os.Environ(), env...)
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close() // the program has it
	go func() {
		defer close(g.ended)
		_ = g.cmd.Wait() // how it ended is in cmd.ProcessState
	}()
	t.Cleanup(func() {
		_ = g.cmd.Process.Kill()
		<-g.ended
	})
	g.awaitReady(t)
	return g
}

func (g *unreadGateway) awaitReady(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if text, status := g.get(t.Context(), "/readyz"); status == http.StatusOK {
			return
		} else if status != 0 && status != http.StatusServiceUnavailable {
			t.Fatalf("/readyz: %d %s", status, text)
		}
	}
	t.Fatal("a gateway whose output nobody reads does not get ready")
}

// get asks the admin port; status 0: there was no answer.
func (g *unreadGateway) get(ctx context.Context, path string) (body string, status int) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.admin+path, nil)
	if err != nil {
		return err.Error(), 0
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error(), 0
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error(), 0
	}
	return string(b), resp.StatusCode
}

// mustEnd sends a signal and waits for the end.
func (g *unreadGateway) mustEnd(t *testing.T, s syscall.Signal) *os.ProcessState {
	t.Helper()
	if err := g.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	select {
	case <-g.ended:
	case <-time.After(patience):
		t.Fatalf("%v does not end it", s)
	}
	return g.cmd.ProcessState
}

func TestLogThatNobodyReadsHoldsUpNeitherStartNorEnd(t *testing.T) {
	t.Parallel()
	g := startUnread(t, "-store", "sqlite:"+filepath.Join(t.TempDir(), "talk.db"))
	w := dialWire(t, g.addr, 1)
	if seq, refusal := w.post(1, newID(), 0, "hello"); refusal.Code != "" || seq == 0 {
		t.Fatalf("refused with %+v", refusal)
	}
	if state := g.mustEnd(t, syscall.SIGTERM); state.ExitCode() != 0 {
		t.Errorf("it ended with %v", state)
	}
}

// A service manager that stands still takes no notes.
func TestNotifySocketThatNobodyReadsHoldsUpNeitherStartNorEnd(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	filler, err := net.Dial("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	for err == nil {
		_ = filler.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)) // it is open
		_, err = filler.Write([]byte("X=1"))
	}
	g := startUnreadIn(t, []string{"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=3000000"}, "-store", "sqlite:"+filepath.Join(t.TempDir(), "talk.db"))
	note := make([]byte, 100)
	for n := 0; string(note[:n]) != "READY=1"; { // now it reads
		if n, err = l.Read(note); err != nil {
			t.Fatal(err)
		}
	}
	for err == nil { // and now it does not
		_ = filler.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		_, err = filler.Write([]byte("X=1"))
	}
	if state := g.mustEnd(t, syscall.SIGTERM); state.ExitCode() != 0 {
		t.Errorf("it ended with %v", state)
	}
}

// The runtime writes its traces itself: with a log that nobody reads they must not
// keep a process from ending that has ended inside.
func TestLogThatNobodyReadsKeepsNoCrashFromEnding(t *testing.T) {
	t.Parallel()
	g := startUnread(t, "-store", "sqlite:"+filepath.Join(t.TempDir(), "talk.db"))
	g.mustEnd(t, syscall.SIGQUIT)
}

func TestLogWhoseReaderHasGoneEndsNobodysChat(t *testing.T) {
	t.Parallel()
	g := startUnread(t, "-store", "sqlite:"+filepath.Join(t.TempDir(), "talk.db"))
	if err := g.output.Close(); err != nil {
		t.Fatal(err)
	}
	w := dialWire(t, g.addr, 1)
	if _, refusal := w.post(1, newID(), 0, "hello"); refusal.Code != "" {
		t.Fatalf("refused with %+v", refusal)
	}
	if state := g.mustEnd(t, syscall.SIGTERM); state.ExitCode() != 0 {
		t.Errorf("it ended with %v", state)
	}
}

// TestLogThatNobodyReadsStopsNoLane: with the bus away each post has something to
// log. People chat on, it ends in order, and when the reader is back he hears how
// much he has missed.
func TestLogThatNobodyReadsStopsNoLane(t *testing.T) {
	t.Parallel()
	f := startFleetParts(t)
	g := startUnread(t, "-store", f.pg.DSN(), "-bus", f.redis.URL(), "-limits", "none")
	ann, bob := dialWire(t, g.addr, 1), dialWire(t, g.addr, 2)
	for i := range 6 {
		if f.redis.State(i) == devcluster.Dead {
			t.Fatal("a Redis node is dead already")
		}
		if err := f.redis.Kill(i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 300 {
		for room, w := range map[int32]*wire{1: ann, 2: bob} {
			w.stored(room, int32(i), fmt.Sprint("post ", i))
		}
	}
	g.awaitReady(t)
	if failed := metricOf(t, g, "tuitalk_publish_errors_total"); failed < 300 {
		t.Errorf("only %v posts had something to log", failed)
	}
	if suppressed := metricOf(t, g, "tuitalk_log_suppressed_lines_total"); suppressed < 200 {
		t.Errorf("only %v lines were suppressed", suppressed)
	}
	read := make(chan string)
	go func() {
		b, _ := io.ReadAll(g.output)
		read <- string(b)
	}()
	if state := g.mustEnd(t, syscall.SIGTERM); state.ExitCode() != 0 {
		t.Errorf("it ended with %v", state)
	}
	text := <-read
	if shown := strings.Count(text, "publish failed"); shown < 2 || shown > 200 || !strings.Contains(text, "suppressed=") {
		t.Errorf("%d lines of 600 posts that could not be published:\n%.3000s", shown, text)
	}
	if !strings.Contains(text, "msg=ended") {
		t.Errorf("the last line is missing: %q", text[max(0, len(text)-300):])
	}
}

// metricOf reads the value of a metric without labels.
func metricOf(t *testing.T, g *unreadGateway, name string) (value float64) {
	t.Helper()
	text, status := g.get(t.Context(), "/metrics")
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			if _, err := fmt.Sscan(rest, &value); err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	t.Fatalf("no %s in the metrics (%d)", name, status)
	return 0
}
