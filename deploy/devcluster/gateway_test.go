//go:build integration

package devcluster_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
)

func TestGateway(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "a", func(o *devcluster.GatewayOptions) { o.Args = []string{"-drain", "1s"} })
	dialChat(t, g.Addr()).say(t, "hello")
	pid := g.PID()
	for name, end := range map[string]func() error{
		"drain":       func() error { return g.Drain(t.Context()) },
		"kill":        g.Kill,
		"kill frozen": func() error { return errors.Join(g.Freeze(), g.Kill()) },
	} {
		if err := end(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if g.State() != devcluster.Dead || g.Healthy(t.Context()) == nil {
			t.Errorf("after %s it is %s", name, g.State())
		}
		if err := g.Start(t.Context()); err != nil {
			t.Fatalf("after %s: %v", name, err)
		}
		dialChat(t, g.Addr()).say(t, "after "+name)
	}
	if err := g.Freeze(); err != nil || g.State() != devcluster.Stopped || g.Healthy(t.Context()) == nil {
		t.Errorf("frozen, it is %s, %v", g.State(), err)
	}
	if err := g.Thaw(); err != nil || g.State() != devcluster.Running {
		t.Errorf("thawed, it is %s, %v", g.State(), err)
	}
	await(t, "a thawed gateway that is ready", func() bool { return g.Ready(t.Context()) == nil })
	if g.PID() == pid {
		t.Errorf("in the end it is process %d, as at first", pid)
	}
}

func TestGatewayRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, test := range map[string]struct {
		opts devcluster.GatewayOptions
		says string
	}{
		"nothing given": {devcluster.GatewayOptions{}, "needs a program"},
		"no program":    {devcluster.GatewayOptions{Program: "/nonexistent/gateway", Dir: dir, Store: "sqlite:x"}, "no such file"},
		"a bad flag":    {devcluster.GatewayOptions{Program: gatewayProgram, Dir: dir, Store: "nonsense"}, "neither sqlite:FILE nor postgres"},
		"a far store":   {devcluster.GatewayOptions{Program: gatewayProgram, Dir: dir, Store: "postgres://10.0.0.1/x", Isolated: true}, "on the loopback"},
	} {
		g, err := devcluster.StartGateway(t.Context(), test.opts)
		if err == nil {
			g.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The watchdog ends a frozen gateway and starts it again, and one that died.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "a", func(o *devcluster.GatewayOptions) { o.Watchdog = true })
	back := func(pid, restarts int) bool {
		return g.PID() != 0 && g.PID() != pid && g.Ready(t.Context()) == nil && g.Restarts() >= restarts
	}
	pid := g.PID()
	if err := g.Freeze(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	await(t, "a new gateway in place of the frozen one", func() bool { return back(pid, 1) })
	t.Logf("a frozen one was replaced after %s", time.Since(began).Round(time.Millisecond))
	pid = g.PID()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "a new gateway in place of the dead one", func() bool { return back(pid, 2) })

	if err := g.Kill(); err != nil { // on purpose
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second) // in which the watchdog would have started it
	if g.State() != devcluster.Dead {
		t.Error("the watchdog started what was ended on purpose")
	}
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// startIsolated starts one in a network of its own, on a PostgreSQL.
func startIsolated(t *testing.T) *devcluster.Gateway {
	t.Helper()
	store := startPostgres(t, devcluster.PostgresOptions{})
	return startGateway(t, "a", func(o *devcluster.GatewayOptions) {
		o.Isolated, o.Store = true, store.DSN()
	})
}

func TestIsolatedGateway(t *testing.T) {
	t.Parallel()
	g := startIsolated(t)
	set := func(part devcluster.Part, mode devcluster.LinkMode) {
		t.Helper()
		if err := g.Link(part).Set(mode); err != nil {
			t.Fatal(err)
		}
	}
	dialChat(t, g.Addr()).say(t, "hello")
	if n := g.Link(devcluster.Store).Counts(); n.Opened == 0 || n.Forward == 0 || n.Back == 0 {
		t.Errorf("the store was reached on another way: %+v", n)
	}
	set(devcluster.Store, devcluster.Cut)
	await(t, "it to miss the store", func() bool { return g.Ready(t.Context()) != nil })
	await(t, "an answer although it is cut off from the store", func() bool { return g.Healthy(t.Context()) == nil })
	set(devcluster.Store, devcluster.Pass)
	await(t, "it to reach the store again", func() bool { return g.Ready(t.Context()) == nil })

	c := dialChat(t, g.Addr())
	set(devcluster.Users, devcluster.Cut)
	await(t, "the end of the user's line", c.over)
	if _, err := tryChat(t, g.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("cut off from its users, it was dialled: %v", err)
	}
	await(t, "it to be ready although it is cut off from its users", func() bool { return g.Ready(t.Context()) == nil })
	set(devcluster.Users, devcluster.Pass)
	dialChat(t, g.Addr()).say(t, "back")
	if err := g.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	dialChat(t, g.Addr()).say(t, "after a restart")
}
