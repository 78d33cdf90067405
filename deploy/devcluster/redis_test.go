//go:build integration

package devcluster_test

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"tuitalk/deploy/devcluster"
)

func startRedis(t *testing.T, opts devcluster.RedisOptions) *devcluster.RedisCluster {
	t.Helper()
	opts.Dir = t.TempDir()
	c, err := devcluster.StartRedisCluster(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestRedisCluster(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c := startRedis(t, devcluster.RedisOptions{Password: "se cret"})
	if n := len(c.Addrs()); n != 6 {
		t.Fatalf("%d nodes, want 6", n)
	}
	const slot = 12182 // of the key foo
	if _, err := c.Do(ctx, 2, "SET", "foo", "kept"); err != nil {
		t.Fatal(err)
	}
	served := func(by int) {
		t.Helper()
		if err := c.AwaitWhole(ctx); err != nil {
			t.Fatal(err)
		}
		if master, err := c.Master(ctx, slot); err != nil || master != by {
			t.Fatalf("slot %d is at node %d, %v, want %d", slot, master, err, by)
		}
		if text, err := c.Do(ctx, by, "GET", "foo"); err != nil || text != "kept" {
			t.Fatalf("node %d: %q, %v", by, text, err)
		}
	}
	served(2)
	if replicas, err := c.Replicas(ctx, 2); err != nil || len(replicas) != 1 || replicas[0] != 5 {
		t.Fatalf("replicas of node 2: %v, %v, want 5", replicas, err)
	}
	if err := c.Failover(ctx, 5); err != nil {
		t.Fatal(err)
	}
	served(5)
	if err := c.MigrateSlot(ctx, slot, 1); err != nil {
		t.Fatal(err)
	}
	served(1)

	if err := c.Stop(1); err != nil || c.State(1) != devcluster.Stopped {
		t.Fatalf("after stop: %s, %v", c.State(1), err)
	}
	if err := c.Cont(1); err != nil || c.State(1) != devcluster.Running {
		t.Fatalf("after cont: %s, %v", c.State(1), err)
	}
	if err := c.Kill(1); err != nil || c.State(1) != devcluster.Dead || c.PID(1) != 0 {
		t.Fatalf("after kill: %s, %v", c.State(1), err)
	}
	if err := c.Kill(1); err == nil {
		t.Error("a dead node can be killed")
	}
	if err := c.WipeAndStart(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := c.AwaitWhole(ctx); err != nil {
		t.Fatal(err)
	}
}

// What a cluster had is there when it starts again on the same ports.
func TestRedisClusterRestarts(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	opts := devcluster.RedisOptions{Dir: t.TempDir(), Replicas: -1}
	c, err := devcluster.StartRedisCluster(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	node, err := c.Master(ctx, 12182) // the slot of foo
	if err == nil {
		_, err = c.Do(ctx, node, "SET", "foo", "kept")
	}
	for _, addr := range c.Addrs() {
		opts.Ports = append(opts.Ports, port(t, addr))
	}
	c.Close()
	if err != nil {
		t.Fatal(err)
	}

	if c, err = devcluster.StartRedisCluster(ctx, opts); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if text, err := c.Do(ctx, node, "GET", "foo"); err != nil || text != "kept" {
		t.Errorf("after the restart: %q, %v", text, err)
	}
}

func TestRedisClusterFails(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]devcluster.RedisOptions{
		"no directory":   {},
		"no server":      {Dir: t.TempDir(), Server: "/nonexistent/redis-server"},
		"a bad setting":  {Dir: t.TempDir(), Args: []string{"--appendfsync", "often"}},
		"too few ports":  {Dir: t.TempDir(), Ports: []int{1}},
		"a useless port": {Dir: t.TempDir(), Masters: 1, Replicas: -1, Ports: []int{99999}},
	} {
		c, err := devcluster.StartRedisCluster(t.Context(), opts)
		if err == nil {
			c.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

func port(t *testing.T, addr string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A node that is cut off loses its slots to its replica, does not know it at
// first, and gives in when it is back.
func TestRedisClusterIsolates(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	if err := startRedis(t, devcluster.RedisOptions{}).Isolate(0); err == nil {
		t.Error("a node was cut off from a cluster that cannot be cut")
	}
	c := startRedis(t, devcluster.RedisOptions{Cuttable: true})
	if err := c.Isolate(0); err != nil {
		t.Fatal(err)
	}
	for role := ""; role != "master"; {
		text, err := c.Do(ctx, 3, "ROLE")
		if err != nil {
			t.Fatal(err)
		}
		role, _, _ = strings.Cut(text, "\n")
	}
	if text, err := c.Do(ctx, 0, "ROLE"); err != nil || !strings.HasPrefix(text, "master") {
		t.Errorf("the isolated node: %q, %v", text, err)
	}
	if err := c.Rejoin(0); err != nil {
		t.Fatal(err)
	}
	if err := c.AwaitWhole(ctx); err != nil {
		t.Fatal(err)
	}
	if master, err := c.Master(ctx, 0); err != nil || master != 3 {
		t.Errorf("slot 0 is at node %d, %v, want 3", master, err)
	}
}
