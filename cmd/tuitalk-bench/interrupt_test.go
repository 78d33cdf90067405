//go:build integration

package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestCtrlCWhileAFleetStarts: whatever is just being made of it.
func TestCtrlCWhileAFleetStarts(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond, 2300 * time.Millisecond} {
		b := &bench{Cmd: exec.Command(programs.bench, "chaos", "-faults", "gateway-kill", "-clients", "60", "-rooms", "3",
			"-rate", "20", "-connects", "1", "-gateway", programs.gateway)}
		b.Stderr = &b.err
		begin(t, b.Cmd)
		hangs := time.AfterFunc(3*time.Minute, func() { _ = b.Process.Kill() })
		t.Cleanup(func() { hangs.Stop(); _ = b.Process.Kill() })
		time.Sleep(after)
		if err := b.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		code := b.code(t)
		lines := strings.Split(strings.TrimSpace(b.err.String()), "\n")
		if last := lines[len(lines)-1]; code != exitFailed || last != "tuitalk-bench: interrupted before anything was measured" {
			t.Errorf("after %v: it ended with %d, saying %q", after, code, lines)
		}
	}
}
