package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"tuitalk/deploy/devcluster"
)

// redisVictims choose nodes to kill.
type redisVictims func(ctx context.Context, c *devcluster.RedisCluster, rng *rand.Rand) ([]int, error)

const redisNodes = 6

func oneMaster(ctx context.Context, c *devcluster.RedisCluster, rng *rand.Rand) ([]int, error) {
	i, err := c.Master(ctx, rng.IntN(16384))
	return []int{i}, err
}

func oneShard(ctx context.Context, c *devcluster.RedisCluster, rng *rand.Rand) ([]int, error) {
	i, err := c.Master(ctx, rng.IntN(16384))
	if err != nil {
		return nil, err
	}
	replicas, err := c.Replicas(ctx, i)
	return append(replicas, i), err
}

func everyNode(context.Context, *devcluster.RedisCluster, *rand.Rand) ([]int, error) {
	all := make([]int, redisNodes)
	for i := range all {
		all[i] = i
	}
	return all, nil
}

func killRedis(choose redisVictims) breaker {
	return func(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (Mend, string, error) {
		victims, err := choose(ctx, c.Redis, rng)
		if err != nil {
			return nil, "", err
		}
		mend := func(ctx context.Context) error { return startRedis(ctx, c.Redis, victims, c.Redis.Start) }
		var seen []string
		for _, i := range victims {
			was := process(c, c.Redis.Addrs()[i])
			one, err := gone(was, c.Redis.Kill(i))
			if err != nil {
				return mend, "", err
			}
			seen = append(seen, one)
		}
		return mend, strings.Join(seen, ", "), nil
	}
}

// startRedis starts nodes at once: each waits for the others.
func startRedis(ctx context.Context, c *devcluster.RedisCluster, nodes []int, start func(context.Context, int) error) error {
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
func wipeRedis(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (Mend, string, error) {
	mend, seen, err := killRedis(everyNode)(ctx, c, rng)
	if err != nil {
		return mend, "", err
	}
	return func(ctx context.Context) error {
		all, err := everyNode(ctx, c.Redis, rng)
		if err != nil {
			return err
		}
		return startRedis(ctx, c.Redis, all, c.Redis.WipeAndStart)
	}, seen, nil
}

func nothingToMend(context.Context) error { return nil }

func failoverRedis(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (Mend, string, error) {
	slot := rng.IntN(16384)
	master, err := c.Redis.Master(ctx, slot)
	if err != nil {
		return nil, "", err
	}
	replicas, err := c.Redis.Replicas(ctx, master)
	if err != nil {
		return nil, "", err
	}
	if len(replicas) == 0 {
		return nil, "", errors.New("the master has no replica to fail over to")
	}
	if err := c.Redis.Failover(ctx, replicas[0]); err != nil {
		return nothingToMend, "", err
	}
	seen, err := serves(ctx, c.Redis, slot, replicas[0], master)
	return nothingToMend, seen, err
}

// serves is the evidence that a slot has gone from one node to another.
func serves(ctx context.Context, c *devcluster.RedisCluster, slot, node, before int) (string, error) {
	now, err := c.Master(ctx, slot)
	if err != nil {
		return "", err
	}
	if now != node {
		return "", fmt.Errorf("slot %d is served by %s after the fault", slot, c.Addrs()[now])
	}
	return fmt.Sprintf("slot %d is served by %s, not %s", slot, c.Addrs()[now], c.Addrs()[before]), nil
}

func migrateSlots(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (Mend, string, error) {
	slot := rng.IntN(16384)
	from, err := c.Redis.Master(ctx, slot)
	if err != nil {
		return nil, "", err
	}
	mend := func(ctx context.Context) error { return c.Redis.MigrateSlot(ctx, slot, from) }
	for try := 0; try < 100; try++ {
		to, err := c.Redis.Master(ctx, rng.IntN(16384))
		if err != nil {
			return nil, "", err
		}
		if to == from {
			continue
		}
		if err := c.Redis.MigrateSlot(ctx, slot, to); err != nil {
			return mend, "", err
		}
		seen, err := serves(ctx, c.Redis, slot, to, from)
		return mend, seen, err
	}
	return nil, "", errors.New("there is no other master to move a slot to")
}
