//go:build integration

package redisbus

import (
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
)

// masterOf returns who serves a partition.
func masterOf(t *testing.T, c *devcluster.RedisCluster, partition int) int {
	t.Helper()
	i, err := c.Master(t.Context(), int(tagSlots[partition]))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestKilledMaster(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	tr := startTraffic(t, c)
	master := masterOf(t, c, 0)
	began := time.Now()
	must(t, c.Kill(master))
	await(t, "the fault to be noticed", tr.noneHealthy)
	t.Logf("MEASURED noticed on all nodes after %v", time.Since(began).Round(time.Millisecond))
	tr.recovered(t, began)
	if now := masterOf(t, c, 0); now == master {
		t.Error("the dead master still serves")
	}
	must(t, c.Start(t.Context(), master))
	tr.settle(t)
}

func TestFrozenMaster(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	tr := startTraffic(t, c)
	master := masterOf(t, c, 0)
	began := time.Now()
	must(t, c.Stop(master))
	await(t, "the fault to be noticed", tr.noneHealthy)
	t.Logf("MEASURED noticed on all nodes after %v", time.Since(began).Round(time.Millisecond))
	tr.recovered(t, began)
	must(t, c.Cont(master))
	must(t, c.AwaitWhole(t.Context()))
	tr.settle(t)
	await(t, "the bus to be healthy", tr.allHealthy)
}

// A master that is cut off swallows what is published to it by a node that has
// not heard of its successor yet, when the subscribers have gone there already.
// With Redis' own default it would do so for as long as it is cut off.
func TestSwallowingMaster(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	tr := startTraffic(t, c, func(node int, o *Options) {
		o.RefreshInterval = 50 * time.Millisecond
		if node == 0 {
			o.RefreshInterval = 1500 * time.Millisecond
		}
	})
	master := masterOf(t, c, 0)
	replicas, err := c.Replicas(t.Context(), master)
	must(t, err)
	allow := func(yes string) {
		_, err := c.Do(t.Context(), master, "CONFIG", "SET", "cluster-allow-pubsubshard-when-down", yes)
		must(t, err)
	}
	allow("yes")
	defer allow("no")
	must(t, c.Isolate(master))
	await(t, "the bus to follow", func() bool { return tr.follows(c.Addrs()[replicas[0]], 0) })
	tr.settle(t)
	must(t, c.Rejoin(master))
}

// A master that is cut off from the others, but not from the bus.
func TestIsolatedMaster(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	tr := startTraffic(t, c)
	master := masterOf(t, c, 0)
	replicas, err := c.Replicas(t.Context(), master)
	must(t, err)
	began := time.Now()
	must(t, c.Isolate(master))
	await(t, "the bus to follow", func() bool { return tr.follows(c.Addrs()[replicas[0]], 0) })
	tr.recovered(t, began)
	must(t, c.Rejoin(master))
	tr.settle(t)
}

func TestKilledShard(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	tr := startTraffic(t, c)
	master := masterOf(t, c, 0)
	replicas, err := c.Replicas(t.Context(), master)
	must(t, err)
	for _, i := range append(replicas, master) {
		must(t, c.Kill(i))
	}
	await(t, "the fault to be noticed", tr.noneHealthy)
	began := time.Now()
	for _, i := range append(replicas, master) {
		must(t, c.Start(t.Context(), i))
	}
	tr.recovered(t, began)
	tr.settle(t)
}

func TestKilledAll(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(c *devcluster.RedisCluster, t *testing.T, i int) error{
		"back with their data": func(c *devcluster.RedisCluster, t *testing.T, i int) error { return c.Start(t.Context(), i) },
		"back empty":           func(c *devcluster.RedisCluster, t *testing.T, i int) error { return c.WipeAndStart(t.Context(), i) },
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster(t)
			tr := startTraffic(t, c)
			killed := time.Now()
			for i := range c.Addrs() {
				must(t, c.Kill(i))
			}
			await(t, "the fault to be noticed", tr.noneHealthy)
			t.Logf("MEASURED noticed on all nodes after %v", time.Since(killed).Round(time.Millisecond))
			for i := range c.Addrs() {
				must(t, start(c, t, i))
			}
			tr.recovered(t, killed)
			tr.settle(t)
		})
	}
}

func TestFailover(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	tr := startTraffic(t, c)
	replicas, err := c.Replicas(t.Context(), masterOf(t, c, 0))
	must(t, err)
	began := time.Now()
	must(t, c.Failover(t.Context(), replicas[0]))
	await(t, "the bus to follow", func() bool { return tr.follows(c.Addrs()[replicas[0]], 0) })
	tr.recovered(t, began)
	tr.settle(t)
}

// follows tells whether all nodes have a partition, live, at an address.
func (tr *traffic) follows(addr string, partition int) bool {
	for _, b := range tr.buses {
		if s, live := b.parts[partition].where(); !live || s.addr != addr {
			return false
		}
	}
	return true
}

func TestMigratedSlots(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	tr := startTraffic(t, c)
	to := masterOf(t, c, partitions-1)
	home := masterOf(t, c, 0)
	for _, target := range []int{to, home} {
		for partition := range 4 {
			must(t, c.MigrateSlot(t.Context(), int(tagSlots[partition]), target))
		}
		began := time.Now()
		for partition := range 4 {
			await(t, "the bus to follow", func() bool { return tr.follows(c.Addrs()[target], partition) })
		}
		tr.recovered(t, began)
	}
	tr.settle(t)
}

func TestKilledConnections(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	tr := startTraffic(t, c)
	for _, kind := range []string{"pubsub", "normal"} {
		began := time.Now()
		for i := range c.Addrs() {
			if _, err := c.Do(t.Context(), i, "CLIENT", "KILL", "TYPE", kind); err != nil {
				t.Fatal(err)
			}
		}
		await(t, "the fault to be noticed", func() bool {
			for _, v := range tr.viewers {
				if _, lost, _ := v.counts(); lost == 0 {
					return false
				}
			}
			return true
		})
		tr.recovered(t, began)
	}
	tr.settle(t)
}
