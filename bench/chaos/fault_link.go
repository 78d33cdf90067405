package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"tuitalk/deploy/local"
)

// LinkFaults are those of the links between one gateway and one of its parts:
// cut, as when a program died; silent, as when a cable was pulled; slow. The
// cluster must be Isolated.
func LinkFaults() []Fault {
	return []Fault{
		{"cut-from-redis", 8 * time.Second, become(local.Bus, local.Cut)},
		{"cut-from-postgres", 8 * time.Second, become(local.Store, local.Cut)},
		{"cut-from-nginx", 8 * time.Second, become(local.Users, local.Cut)},
		{"silent-redis", 12 * time.Second, become(local.Bus, local.Drop)},
		{"silent-postgres", 12 * time.Second, become(local.Store, local.Drop)},
		{"silent-nginx", 12 * time.Second, become(local.Users, local.Drop)},
		{"slow-redis", 8 * time.Second, delay(local.Bus)},
		{"slow-postgres", 8 * time.Second, delay(local.Store)},
	}
}

// slowness is what a slow link adds in each direction.
const slowness = 100 * time.Millisecond

// oneLink is that of one gateway to a part.
func oneLink(ctx context.Context, c *local.Cluster, rng *rand.Rand, part local.Part) (*local.Link, error) {
	victims, err := peopled(ctx, c, rng)
	if err != nil {
		return nil, err
	}
	link := victims[0].Link(part)
	if link == nil {
		return nil, errors.New("the gateway has no links: the cluster is not isolated")
	}
	return link, nil
}

func become(part local.Part, mode local.LinkMode) breaker {
	return func(ctx context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
		link, err := oneLink(ctx, c, rng, part)
		if err != nil {
			return nil, err
		}
		if err := link.Set(mode); err != nil {
			return nil, err
		}
		return func(context.Context) error { return link.Set(local.Pass) }, nil
	}
}

func delay(part local.Part) breaker {
	return func(ctx context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
		link, err := oneLink(ctx, c, rng, part)
		if err != nil {
			return nil, err
		}
		link.Delay(slowness)
		return func(context.Context) error {
			link.Delay(0)
			return nil
		}, nil
	}
}
