//go:build integration

package devcluster

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// isolateTest makes a network whose processes come from the process starter.
func isolateTest(t *testing.T) (*procStarter, *network) {
	t.Helper()
	procs := newProcStarter()
	t.Cleanup(procs.close)
	n, err := procs.isolate()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.close)
	return procs, n
}

func TestNetworkIsAlone(t *testing.T) {
	t.Parallel()
	procs, n := isolateTest(t)
	outside := echoServer(t)
	if c, err := n.dial(t.Context(), outside); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("a server outside was dialled: %v, %v", c, err)
	}
	inside, err := n.listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	if c, err := net.Dial("tcp", inside.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("a server inside was dialled: %v, %v", c, err)
	}

	log := filepath.Join(t.TempDir(), "log")
	p, err := procs.start(log, "cat", "/proc/thread-self/net/dev")
	if err != nil {
		t.Fatal(err)
	}
	<-p.done
	var devices []string
	for line := range strings.Lines(readString(log)) {
		if name, _, ok := strings.Cut(line, ":"); ok {
			devices = append(devices, strings.TrimSpace(name))
		}
	}
	if strings.Join(devices, " ") != "lo" {
		t.Errorf("a process inside has the devices %q, want lo alone", devices)
	}
}

// A link may lead out of a network, from an address to the same address.
func TestLinkLeadsOutOfANetwork(t *testing.T) {
	t.Parallel()
	_, n := isolateTest(t)
	outside := echoServer(t)
	l, err := openLink(n, nil, Hop{Listen: outside, Dial: outside})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, mode := range []LinkMode{Pass, Cut, Freeze, Drop} {
		mustSet(t, l, mode)
		mustSet(t, l, Pass)
		c, err := n.dial(t.Context(), outside)
		if err != nil {
			t.Fatal(err)
		}
		mustSend(t, c, "hello")
		mustRead(t, c, "hello")
		c.Close()
	}
	mustSet(t, l, Cut)
	if c, err := n.dial(t.Context(), outside); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a cut link was dialled: %v, %v", c, err)
	}
}

// And into one.
func TestLinkLeadsIntoANetwork(t *testing.T) {
	t.Parallel()
	_, n := isolateTest(t)
	inside, err := n.listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		c, err := inside.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.Copy(c, c)
	}()
	defer func() { inside.Close(); <-served }()
	l, err := openLink(nil, n, Hop{Listen: "127.0.0.1:0", Dial: inside.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := dialLink(t, l)
	mustSend(t, c, "hello")
	mustRead(t, c, "hello")
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
}

func TestAddressesOfASetting(t *testing.T) {
	for _, test := range []struct {
		setting, port string
		want          string // joined by spaces; "error"
	}{
		{"sqlite:tuitalk.db", "5432", ""},
		{"local", "6379", ""},
		{"postgres://u:p%40@127.0.0.1:5433/db?target_session_attrs=read-write", "5432", "127.0.0.1:5433"},
		{"postgres://u:p@127.0.0.1,127.0.0.2:7/db", "5432", "127.0.0.1:5432 127.0.0.2:7"},
		{"redis://127.0.0.1:1,127.0.0.1:2", "6379", "127.0.0.1:1 127.0.0.1:2"},
		{"redis://:a@b@127.0.0.1:1", "6379", "127.0.0.1:1"},
		{"postgres://localhost/db", "5432", "error"},
		{"postgres://10.0.0.1:5432/db", "5432", "error"},
		{"redis://", "6379", "error"},
	} {
		got, err := addresses(test.setting, test.port)
		if said := strings.Join(got, " "); (err != nil) != (test.want == "error") || err == nil && said != test.want {
			t.Errorf("%s: %q, %v; want %q", test.setting, said, err, test.want)
		}
	}
}
