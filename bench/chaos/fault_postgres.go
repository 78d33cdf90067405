package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"tuitalk/deploy/devcluster"
)

func stopPostgres(ctx context.Context, c *devcluster.Cluster, _ *rand.Rand) (Mend, string, error) {
	primary := c.Postgres.Primary()
	was := process(c, primary.Addr())
	seen, err := gone(was, primary.Stop(ctx, devcluster.Fast))
	return c.Postgres.Start, seen, err
}

func killPostgres(_ context.Context, c *devcluster.Cluster, _ *rand.Rand) (Mend, string, error) {
	primary := c.Postgres.Primary()
	was := process(c, primary.Addr())
	seen, err := gone(was, primary.Kill())
	return c.Postgres.Start, seen, err
}

// failoverPostgres kills the primary and promotes its standby. The old primary
// comes back as the standby of the new one.
func failoverPostgres(ctx context.Context, c *devcluster.Cluster, _ *rand.Rand) (Mend, string, error) {
	old, next := c.Postgres.Primary(), c.Postgres.Standby()
	if next == nil {
		return nil, "", errors.New("the primary has no standby to fail over to")
	}
	was, heir := process(c, old.Addr()), process(c, next.Addr())
	seen, err := gone(was, old.Kill())
	if err == nil {
		err = c.Postgres.Promote(ctx)
	}
	if err == nil && (c.Postgres.Primary() != next || heir.Process.State() != devcluster.Running) {
		err = errors.New("the standby was not promoted")
	}
	if err != nil {
		return c.Postgres.Start, "", err
	}
	return c.Postgres.Start, fmt.Sprintf("%s, %s (pid %d) is the primary", seen, heir.Name, heir.Process.PID), nil
}

// killStandby leaves the primary with nobody to wait for: it can be read, and
// commits nothing.
func killStandby(_ context.Context, c *devcluster.Cluster, _ *rand.Rand) (Mend, string, error) {
	standby := c.Postgres.Standby()
	if standby == nil {
		return nil, "", errors.New("the primary has no standby to lose")
	}
	was := process(c, standby.Addr())
	seen, err := gone(was, standby.Kill())
	return c.Postgres.Start, seen, err
}
