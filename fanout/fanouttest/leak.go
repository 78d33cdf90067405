package fanouttest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Main runs a package's tests, then stops what they shared, and fails if
// goroutines are left. Use it as TestMain.
func Main(m *testing.M, stop ...func()) {
	code := m.Run()
	for _, f := range stop {
		f()
	}
	if left := leaked(); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left:\n\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leaked waits for goroutines to end and returns the stacks of those that do not.
func leaked() string {
	deadline := time.Now().Add(30 * time.Second)
	for {
		left := strays()
		if left == "" || time.Now().After(deadline) {
			return left
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// strays returns the stacks of goroutines that this project's code or its
// libraries started, but for the one that asks and those of package testing.
func strays() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var found []string
	for i, stack := range strings.Split(string(buf), "\n\n") {
		if i > 0 && !strings.Contains(stack, "created by testing.") && !strings.Contains(stack, "runtime.ensureSigM") &&
			!strings.Contains(stack, "os/signal.") {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}
