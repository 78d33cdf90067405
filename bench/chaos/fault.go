package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"tuitalk/deploy/local"
)

// Fault is one way to break a fleet, and to mend it.
type Fault struct {
	Name string
	// Hold is how long it stays broken.
	Hold time.Duration
	// Break breaks it and returns how to mend it. It fails if the fault did not
	// take hold.
	Break func(ctx context.Context, c *local.Cluster, rng *rand.Rand) (mend func(context.Context) error, err error)
}

// Faults are all single faults that a fleet must bear. Those that need gateways
// in networks of their own are in LinkFaults.
func Faults() []Fault {
	return []Fault{
		{"gateway-kill", 3 * time.Second, killGateways(1)},
		{"gateway-kill-two", 3 * time.Second, killGateways(2)},
		{"gateway-freeze", 20 * time.Second, freezeGateway},
		{"gateway-drain", 3 * time.Second, drainGateway},
		{"redis-master-kill", 6 * time.Second, killRedis(oneMaster)},
		{"redis-shard-kill", 4 * time.Second, killRedis(oneShard)},
		{"redis-all-kill", 4 * time.Second, killRedis(everyNode)},
		{"redis-all-wiped", 4 * time.Second, wipeRedis},
		{"redis-failover", 2 * time.Second, failoverRedis},
		{"redis-slot-migrate", 2 * time.Second, migrateSlots},
		{"postgres-stop", 30 * time.Second, stopPostgres},
		{"postgres-kill", time.Second, killPostgres},
		{"nginx-reload", time.Second, reloadNginx},
		{"nginx-kill", time.Second, killNginx},
		{"postgres-and-gateway", 8 * time.Second, both(stopPostgres, killGateways(1))},
		{"postgres-and-redis", 8 * time.Second, both(stopPostgres, killRedis(everyNode))},
	}
}

// LinkFaults cut one gateway off from one of its parts; the cluster must be
// Isolated.
func LinkFaults() []Fault {
	return []Fault{
		{"cut-from-redis", 8 * time.Second, cut(local.Bus)},
		{"cut-from-postgres", 8 * time.Second, cut(local.Store)},
		{"cut-from-nginx", 8 * time.Second, cut(local.Users)},
	}
}

// Find returns the fault of a name.
func Find(name string) (Fault, error) {
	var names []string
	for _, f := range append(Faults(), LinkFaults()...) {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Fault{}, fmt.Errorf("there is no fault %q; there are %s", name, strings.Join(names, ", "))
}

type breaker = func(context.Context, *local.Cluster, *rand.Rand) (func(context.Context) error, error)

// dead fails if a process that should be gone is there.
func dead(what, state string) error {
	if state == "running" || state == local.Stopped {
		return fmt.Errorf("%s is %s after the fault", what, state)
	}
	return nil
}

func killGateways(count int) breaker {
	return func(_ context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
		victims := rng.Perm(len(c.Gateways))[:count]
		for _, i := range victims {
			if err := errors.Join(c.Gateways[i].Kill(), dead("the gateway", c.Gateways[i].State())); err != nil {
				return nil, err
			}
		}
		return func(ctx context.Context) (err error) {
			for _, i := range victims {
				err = errors.Join(err, c.Gateways[i].Start(ctx))
			}
			return err
		}, nil
	}
}

func freezeGateway(_ context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
	g := c.Gateways[rng.IntN(len(c.Gateways))]
	if err := g.Freeze(); err != nil {
		return nil, err
	}
	if state := g.State(); state != local.Stopped {
		return nil, fmt.Errorf("the gateway is %s after the fault", state)
	}
	return func(context.Context) error { return g.Thaw() }, nil
}

func drainGateway(ctx context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
	g := c.Gateways[rng.IntN(len(c.Gateways))]
	if err := errors.Join(g.Drain(ctx), dead("the gateway", g.State())); err != nil {
		return nil, err
	}
	return g.Start, nil
}

// redisVictims choose nodes to kill.
type redisVictims func(ctx context.Context, c *local.RedisCluster, rng *rand.Rand) ([]int, error)

const redisNodes = 6

func oneMaster(ctx context.Context, c *local.RedisCluster, rng *rand.Rand) ([]int, error) {
	i, err := c.Master(ctx, rng.IntN(16384))
	return []int{i}, err
}

func oneShard(ctx context.Context, c *local.RedisCluster, rng *rand.Rand) ([]int, error) {
	i, err := c.Master(ctx, rng.IntN(16384))
	if err != nil {
		return nil, err
	}
	replicas, err := c.Replicas(ctx, i)
	return append(replicas, i), err
}

func everyNode(context.Context, *local.RedisCluster, *rand.Rand) ([]int, error) {
	all := make([]int, redisNodes)
	for i := range all {
		all[i] = i
	}
	return all, nil
}

func killRedis(choose redisVictims) breaker {
	return func(ctx context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
		victims, err := choose(ctx, c.Redis, rng)
		if err != nil {
			return nil, err
		}
		for _, i := range victims {
			if err := errors.Join(c.Redis.Kill(i), dead("the Redis node", c.Redis.State(i))); err != nil {
				return nil, err
			}
		}
		return func(ctx context.Context) error { return startRedis(ctx, c.Redis, victims, c.Redis.Start) }, nil
	}
}

// startRedis starts nodes at once: each waits for the others.
func startRedis(ctx context.Context, c *local.RedisCluster, nodes []int, start func(context.Context, int) error) error {
	errs := make(chan error)
	for _, i := range nodes {
		go func() { errs <- start(ctx, i) }()
	}
	var err error
	for range nodes {
		err = errors.Join(err, <-errs)
	}
	return errors.Join(err, c.AwaitWhole(ctx))
}

// wipeRedis kills all nodes and brings them back with empty data; they keep
// their place in the cluster.
func wipeRedis(ctx context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
	if _, err := killRedis(everyNode)(ctx, c, rng); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		all, err := everyNode(ctx, c.Redis, rng)
		if err != nil {
			return err
		}
		return startRedis(ctx, c.Redis, all, c.Redis.WipeAndStart)
	}, nil
}

func nothingToMend(context.Context) error { return nil }

func failoverRedis(ctx context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
	master, err := c.Redis.Master(ctx, rng.IntN(16384))
	if err != nil {
		return nil, err
	}
	replicas, err := c.Redis.Replicas(ctx, master)
	if err != nil {
		return nil, err
	}
	if len(replicas) == 0 {
		return nil, errors.New("the master has no replica to fail over to")
	}
	return nothingToMend, c.Redis.Failover(ctx, replicas[0])
}

func migrateSlots(ctx context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
	slot := rng.IntN(16384)
	from, err := c.Redis.Master(ctx, slot)
	if err != nil {
		return nil, err
	}
	for try := 0; try < 100; try++ {
		to, err := c.Redis.Master(ctx, rng.IntN(16384))
		if err != nil {
			return nil, err
		}
		if to != from {
			return func(ctx context.Context) error { return c.Redis.MigrateSlot(ctx, slot, from) }, c.Redis.MigrateSlot(ctx, slot, to)
		}
	}
	return nil, errors.New("there is no other master to move a slot to")
}

func stopPostgres(ctx context.Context, c *local.Cluster, _ *rand.Rand) (func(context.Context) error, error) {
	return c.Postgres.Start, c.Postgres.Stop(ctx, local.Fast)
}

func killPostgres(_ context.Context, c *local.Cluster, _ *rand.Rand) (func(context.Context) error, error) {
	return c.Postgres.Start, c.Postgres.Kill()
}

func reloadNginx(ctx context.Context, c *local.Cluster, _ *rand.Rand) (func(context.Context) error, error) {
	return nothingToMend, c.Nginx.Reload(ctx)
}

func killNginx(_ context.Context, c *local.Cluster, _ *rand.Rand) (func(context.Context) error, error) {
	return c.Nginx.Start, c.Nginx.Kill()
}

// both breaks two parts and mends them, the first first.
func both(a, b breaker) breaker {
	return func(ctx context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
		mendA, err := a(ctx, c, rng)
		if err != nil {
			return nil, err
		}
		mendB, err := b(ctx, c, rng)
		if err != nil {
			return nil, errors.Join(err, mendA(ctx))
		}
		return func(ctx context.Context) error { return errors.Join(mendA(ctx), mendB(ctx)) }, nil
	}
}

func cut(part local.Part) breaker {
	return func(_ context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
		link := c.Gateways[rng.IntN(len(c.Gateways))].Link(part)
		if link == nil {
			return nil, errors.New("the gateway has no link to cut: the cluster is not isolated")
		}
		if err := link.Set(local.Cut); err != nil {
			return nil, err
		}
		return func(context.Context) error { return link.Set(local.Pass) }, nil
	}
}
