package gateway_test

import (
	"os/exec"
	"testing"
	"time"
)

// TestAChildProcessHoldsNoConnection: a process that the gateway's starts has none of
// its connections. It would keep one open that is closed here, and epoll would tell of
// that one's end under a number that is a new connection's.
func TestAChildProcessHoldsNoConnection(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	old := hello(t, n.addr)
	child := exec.CommandContext(t.Context(), "sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Process.Kill(); _ = child.Wait() })
	if err := old.ws.CloseNow(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // the gateway has closed it, too
	for range 3 {
		hello(t, n.addr)
	}
}
