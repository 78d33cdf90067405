//go:build integration

package devcluster_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"tuitalk/deploy/devcluster"
)

// clusterDir is one through which PostgreSQL's user may pass.
func clusterDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tuitalk-cluster-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func startCluster(t *testing.T, opts devcluster.ClusterOptions) *devcluster.Cluster {
	t.Helper()
	opts.Program = gatewayProgram
	c, err := devcluster.StartCluster(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// unwell names the parts that are not well.
func unwell(t *testing.T, c *devcluster.Cluster) (names []string) {
	t.Helper()
	for _, r := range c.State().Look(t.Context()) {
		if !r.Well {
			names = append(names, r.Name+" ("+r.State+", "+r.Says+")")
		}
	}
	return names
}

// left lists the living processes of a cluster's groups: each part leads one.
func left(t *testing.T, state devcluster.ClusterState) (found []string) {
	t.Helper()
	out, err := exec.Command("ps", "-eo", "pgid=,stat=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 3 || strings.HasPrefix(f[1], "Z") {
			continue
		}
		group, _ := strconv.Atoi(f[0])
		if slices.ContainsFunc(state.Parts, func(p devcluster.PartState) bool { return p.Process.PID == group }) {
			found = append(found, line)
		}
	}
	return found
}

func TestCluster(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	c := startCluster(t, devcluster.ClusterOptions{Dir: dir, Isolated: devcluster.EveryGateway})
	if bad := unwell(t, c); bad != nil {
		t.Fatalf("at first, not well: %q", bad)
	}
	state := c.State()
	if n := len(state.Parts); n != 1+3+6+2 {
		t.Fatalf("%d parts, want 12", n)
	}
	dialChat(t, c.Nginx.Addr()).say(t, "hello")

	if err := c.Gateways[0].Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Redis.Stop(5); err != nil {
		t.Fatal(err)
	}
	if bad := unwell(t, c); len(bad) != 2 || !strings.HasPrefix(bad[0], "gateway-1 (dead") || !strings.HasPrefix(bad[1], "redis-6 (stopped") {
		t.Errorf("not well: %q, want gateway-1 and redis-6", bad)
	}
	dialChat(t, c.Nginx.Addr()).say(t, "nobody notices")
	if err := c.Redis.Cont(5); err != nil {
		t.Fatal(err)
	}
	if err := c.Gateways[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "all to be well again", func() bool { return unwell(t, c) == nil })

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	state = c.State()
	if err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if found := left(t, state); found != nil {
		t.Errorf("processes are left: %q", found)
	}

	// It comes back where it was, with what it had.
	again := startCluster(t, devcluster.ClusterOptions{Dir: dir})
	for i, p := range again.State().Parts {
		if p.Addr != state.Parts[i].Addr || p.Admin != state.Parts[i].Admin {
			t.Errorf("%s moved from %s to %s", p.Name, state.Parts[i].Addr, p.Addr)
		}
	}
	if out, err := query(t, again.Postgres.Primary(), `SELECT count(*) > 2 FROM entries`); err != nil || out != "t" {
		t.Errorf("its history is gone: %s, %v", out, err)
	}
	keepAlive(t, again)
}

// keepAlive kills parts of each kind and sees them come back.
func keepAlive(t *testing.T, c *devcluster.Cluster) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var told []string
	var keeper sync.WaitGroup
	keeper.Go(func() { c.Keep(ctx, func(part, what string) { told = append(told, part+" "+what) }) })
	for _, kill := range []func() error{c.Nginx.Kill, c.Postgres.Primary().Kill, c.Postgres.Standby().Kill, func() error { return c.Redis.Kill(0) }} {
		if err := kill(); err != nil {
			t.Error(err)
		}
	}
	await(t, "what was killed to be started again", func() bool { return unwell(t, c) == nil })
	cancel()
	keeper.Wait()
	for _, want := range []string{"nginx died", "redis-1 died", "postgres-1 died", "postgres-2 died",
		"nginx was started again", "redis-1 was started again", "postgres-1 was started again", "postgres-2 was started again"} {
		if !slices.Contains(told, want) {
			t.Errorf("told %q, not %q", told, want)
		}
	}
	dialChat(t, c.Nginx.Addr()).say(t, "all is well")
}

// A gateway can be cut off from one part in every way, and then is not from the
// others; the other gateway notices nothing.
func TestClusterCutsOneGatewayOff(t *testing.T) {
	t.Parallel()
	c := startCluster(t, devcluster.ClusterOptions{Gateways: 2, Isolated: devcluster.EveryGateway, Redis: devcluster.RedisOptions{Masters: 3, Replicas: -1}})
	g, other := c.Gateways[0], c.Gateways[1]
	const store, bus = "tuitalk_store_up", "tuitalk_bus_healthy"
	feels := func(g *devcluster.Gateway, metric string, want float64) func() bool {
		return func() bool {
			m, err := g.Metrics(t.Context())
			return err == nil && m[metric] == want
		}
	}
	await(t, "the bus", feels(g, bus, 1))
	for _, cut := range []struct {
		part       devcluster.Part
		mode       devcluster.LinkMode
		gone, stay string
	}{
		{devcluster.Bus, devcluster.Cut, bus, store},
		{devcluster.Bus, devcluster.Freeze, bus, store},
		{devcluster.Bus, devcluster.Drop, bus, store},
		{devcluster.Store, devcluster.Cut, store, bus},
	} {
		what := string(cut.part) + " in mode " + cut.mode.String()
		if err := g.Link(cut.part).Set(cut.mode); err != nil {
			t.Fatal(err)
		}
		await(t, "the loss of "+what, feels(g, cut.gone, 0))
		if !feels(g, cut.stay, 1)() || !feels(other, store, 1)() || !feels(other, bus, 1)() {
			t.Errorf("more was lost than %s", what)
		}
		if err := g.Link(cut.part).Set(devcluster.Pass); err != nil {
			t.Fatal(err)
		}
		await(t, "the return of "+what, feels(g, cut.gone, 1))
	}
	if err := g.Link(devcluster.Users).Set(devcluster.Cut); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		dialChat(t, c.Nginx.Addr()).say(t, "by the other gateway")
	}
	if err := g.Ready(t.Context()); err != nil {
		t.Errorf("cut off from Nginx only: %v", err)
	}
}

// Whatever becomes of the process that started it, nothing of a cluster is left.
func TestClusterEndsWithItsOwner(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), ownerVariable+"="+dir, programVariable+"="+gatewayProgram)
	owner.Stderr = os.Stderr
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = owner.Wait()
	}()
	defer func() {
		_ = owner.Process.Kill()
		<-ended
	}()
	file := filepath.Join(dir, "state.json")
	await(t, "the cluster", func() bool {
		select {
		case <-ended:
			t.Fatal("its owner ended")
		default:
		}
		_, err := os.Stat(file)
		return err == nil
	})
	state, err := devcluster.LoadClusterState(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(left(t, state)) < len(state.Parts)+2 { // Nginx has workers, PostgreSQL children
		t.Fatalf("only %q live", left(t, state))
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	await(t, "the end of all parts", func() bool { return len(left(t, state)) == 0 })
	if state.Owner.State() != devcluster.Dead {
		t.Error("the owner is said to live")
	}
}

func TestClusterRefuses(t *testing.T) {
	t.Parallel()
	private := t.TempDir() // nobody else may pass through it
	for name, test := range map[string]struct {
		opts devcluster.ClusterOptions
		says string
	}{
		"no program":    {devcluster.ClusterOptions{}, "no gateway program"},
		"a private dir": {devcluster.ClusterOptions{Program: gatewayProgram, Dir: filepath.Join(private, "x")}, "may not pass through"},
		"a bad program": {devcluster.ClusterOptions{Program: "/bin/false", Gateways: 1, Redis: devcluster.RedisOptions{Replicas: -1}}, "it ended"},
	} {
		c, err := devcluster.StartCluster(t.Context(), test.opts)
		if err == nil {
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
