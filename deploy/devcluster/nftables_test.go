//go:build integration

package devcluster

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// load gives a file of rules to the kernel, for the network of the process starter.
func load(t *testing.T, procs *procStarter, file string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "nft.log")
	p, err := procs.start(log, "/usr/sbin/nft", "-f", file)
	if err != nil {
		t.Fatal(err)
	}
	<-p.done
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("nft ended with %d\n%s", code, readString(log))
	}
}

// reset ends a connection at once and in both directions.
func reset(t *testing.T, c *net.TCPConn) {
	t.Helper()
	if err := errors.Join(c.SetLinger(0), c.Close()); err != nil {
		t.Error(err)
	}
}

// TestNftablesCountsConnections: the kernel takes the file as it is given to
// operators, and with a lower bound refuses an address what is beyond it, though
// nobody has said a word on any connection. A place that is given back is free.
func TestNftablesCountsConnections(t *testing.T) {
	const file = "../nftables/tuitalk.nft"
	procs, _ := isolateTest(t)
	load(t, procs, file)

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(text), " over 4000 "); got != 2 {
		t.Fatalf("the bound stands there %d times", got)
	}
	few := filepath.Join(t.TempDir(), "few.nft")
	if err := os.WriteFile(few, []byte(strings.ReplaceAll(string(text), " over 4000 ", " over 3 ")), 0o600); err != nil {
		t.Fatal(err)
	}
	procs, n := isolateTest(t)
	load(t, procs, few)
	for _, addr := range []string{"127.0.0.1:80", "127.0.0.1:443", "[::1]:80"} {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(addr, func(t *testing.T) {
			l, err := n.listen(addr)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			free, err := n.listen(net.JoinHostPort(host, "8080"))
			if err != nil {
				t.Fatal(err)
			}
			defer free.Close()
			var held []*net.TCPConn
			for i := range 3 {
				c, err := n.dial(t.Context(), addr)
				if err != nil {
					t.Fatalf("connection %d: %v", i+1, err)
				}
				held = append(held, c)
			}
			if c, err := n.dial(t.Context(), addr); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("connection 4: %v, %v", c, err)
			}
			if c, err := n.dial(t.Context(), free.Addr().String()); err != nil {
				t.Errorf("another port: %v", err)
			} else {
				_ = c.Close()
			}
			for _, c := range held {
				reset(t, c)
			}
			c, err := n.dial(t.Context(), addr)
			if err != nil {
				t.Fatalf("with all places given back: %v", err)
			}
			reset(t, c)
		})
	}
}
