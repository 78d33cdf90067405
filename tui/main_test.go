package tui

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails when a goroutine outlives the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	deadline := time.Now().Add(30 * time.Second)
	for left := strays(); code == 0 && left != ""; left = strays() {
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "goroutines are left:\n\n%s\n", left)
			code = 1
		}
		time.Sleep(10 * time.Millisecond)
	}
	os.Exit(code)
}

// strays returns the stacks of the goroutines that the tests started.
func strays() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var found []string
	for i, stack := range strings.Split(string(buf), "\n\n") {
		if i > 0 && !strings.Contains(stack, "created by testing.") && !strings.Contains(stack, "os/signal.") {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}
