package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"tuitalk/deploy/devcluster"
)

// startWithin is how long a gateway may take until it is ready although a part is
// away that it works without.
const startWithin = 15 * time.Second

// startFaults take a part away, and restart a gateway before it is back: what crashes,
// is rebooted or deployed in an outage must not be lost to it.
func startFaults() []Fault {
	return []Fault{
		fault("gateway-start-without-postgres", 8*time.Second, startWithout(stopPostgres),
			"PostgreSQL is away, and a gateway that dies meanwhile is started again: it serves before PostgreSQL is back"),
		fault("gateway-start-without-redis", 8*time.Second, startWithout(killRedis(everyNode)),
			"all of Redis is away, and a gateway that dies meanwhile is started again: it serves before Redis is back"),
		fault("gateway-start-without-peer", 4*time.Second, startWithout(killGateways(1)),
			"a gateway dies, and so does another, which is started before the first is back"),
	}
}

// startWithout restarts a gateway while a part is away. Mending brings the part back.
func startWithout(takeAway breaker) breaker {
	return func(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (Mend, string, error) {
		mendPart, away, err := takeAway(ctx, c, rng)
		if err != nil {
			return mendPart, "", err
		}
		victim, err := living(ctx, c, rng)
		if err != nil {
			return mendPart, "", err
		}
		mend := func(ctx context.Context) error { return errors.Join(mendPart(ctx), victim.Start(ctx)) }
		dead, err := gone(process(c, victim.Addr()), victim.Kill())
		if err != nil {
			return mend, "", err
		}
		ready, err := startsWithin(ctx, victim, startWithin)
		return mend, fmt.Sprintf("%s, %s and %s", away, dead, ready), err
	}
}

// startsWithin starts a gateway and is the evidence that it says it delivers.
func startsWithin(ctx context.Context, g interface {
	Name() string
	Start(context.Context) error
}, most time.Duration) (string, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if err := g.Start(ctx); err != nil {
		return "", fmt.Errorf("%s is not ready %v after its start: %w", g.Name(), most, err)
	}
	return fmt.Sprintf("is ready again after %v", time.Since(began).Round(time.Millisecond)), nil
}

// living is a gateway that runs, one with people if there is one.
func living(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (*devcluster.Gateway, error) {
	var best *devcluster.Gateway
	most := -1.0
	for _, i := range rng.Perm(len(c.Gateways)) {
		g := c.Gateways[i]
		if g.State() != devcluster.Running {
			continue
		}
		metrics, err := g.Metrics(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask a gateway how many it holds: %w", err)
		}
		if conns := metrics["tuitalk_connections"]; conns > most {
			best, most = g, conns
		}
	}
	if best == nil {
		return nil, errors.New("no gateway runs")
	}
	return best, nil
}
