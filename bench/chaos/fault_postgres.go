package chaos

import (
	"context"
	"errors"
	"math/rand/v2"

	"tuitalk/deploy/local"
)

func stopPostgres(ctx context.Context, c *local.Cluster, _ *rand.Rand) (func(context.Context) error, error) {
	return c.Postgres.Start, c.Postgres.Primary().Stop(ctx, local.Fast)
}

func killPostgres(_ context.Context, c *local.Cluster, _ *rand.Rand) (func(context.Context) error, error) {
	return c.Postgres.Start, c.Postgres.Primary().Kill()
}

// failoverPostgres kills the primary and promotes its standby. The old primary
// comes back as the standby of the new one.
func failoverPostgres(ctx context.Context, c *local.Cluster, _ *rand.Rand) (func(context.Context) error, error) {
	old, next := c.Postgres.Primary(), c.Postgres.Standby()
	if next == nil {
		return nil, errors.New("the primary has no standby to fail over to")
	}
	if err := errors.Join(old.Kill(), dead("the primary", old.State())); err != nil {
		return nil, err
	}
	if err := c.Postgres.Promote(ctx); err != nil {
		return nil, err
	}
	if c.Postgres.Primary() != next {
		return nil, errors.New("the standby was not promoted")
	}
	return c.Postgres.Start, nil
}

// killStandby leaves the primary with nobody to wait for: it can be read, and
// commits nothing.
func killStandby(_ context.Context, c *local.Cluster, _ *rand.Rand) (func(context.Context) error, error) {
	standby := c.Postgres.Standby()
	if standby == nil {
		return nil, errors.New("the primary has no standby to lose")
	}
	return c.Postgres.Start, errors.Join(standby.Kill(), dead("the standby", standby.State()))
}
