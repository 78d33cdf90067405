package gateway_test

import (
	"net"
	"testing"
)

// TestConnectionThatSaysNothing: who comes and goes without a word is closed, and
// what was written of him before is seen then.
func TestConnectionThatSaysNothing(t *testing.T) {
	t.Parallel()
	const count = 20
	n := start(t, nil)
	for range count {
		c, err := net.Dial("tcp", n.addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	until(t, "all to be closed", func() bool { return n.metric(t, "tuitalk_closed_total", "") == count })
}
