package chaos

import (
	"context"
	"errors"
	"math/rand/v2"

	"tuitalk/deploy/local"
)

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
