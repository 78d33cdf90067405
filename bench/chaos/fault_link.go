package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"tuitalk/deploy/devcluster"
)

// LinkFaults are those of the links between one gateway and one of its parts:
// cut, as when a program died; silent, as when a cable was pulled; slow. The
// cluster must be Isolated.
func LinkFaults() []Fault {
	return []Fault{
		fault("cut-from-redis", 8*time.Second, become(devcluster.Bus, devcluster.Cut), "one gateway loses its way to Redis, and knows it"),
		fault("cut-from-postgres", 8*time.Second, become(devcluster.Store, devcluster.Cut), "one gateway loses its way to PostgreSQL: its people are asked to move"),
		fault("cut-from-nginx", 8*time.Second, become(devcluster.Users, devcluster.Cut), "one gateway is cut off from its people"),
		fault("silent-redis", 12*time.Second, become(devcluster.Bus, devcluster.Drop), "nothing comes or goes between one gateway and Redis"),
		fault("silent-postgres", 12*time.Second, become(devcluster.Store, devcluster.Drop), "nothing comes or goes between one gateway and PostgreSQL"),
		fault("silent-nginx", 12*time.Second, become(devcluster.Users, devcluster.Drop), "nothing comes or goes between one gateway and its people"),
		fault("slow-redis", 8*time.Second, delay(devcluster.Bus), "one gateway has a slow way to Redis"),
		fault("slow-postgres", 8*time.Second, delay(devcluster.Store), "one gateway has a slow way to PostgreSQL"),
	}
}

// slowness is what a slow link adds in each direction.
const slowness = 100 * time.Millisecond

// oneLink is that of one gateway, of those that have links, to a part.
func oneLink(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand, part devcluster.Part) (*devcluster.Link, string, error) {
	victims, first, err := peopled(ctx, c, rng)
	if err != nil {
		return nil, "", err
	}
	for _, g := range victims[:first] {
		if link := g.Link(part); link != nil {
			return link, g.Name(), nil
		}
	}
	return nil, "", errors.New("no gateway that holds people has links to break")
}

func become(part devcluster.Part, mode devcluster.LinkMode) breaker {
	return func(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (Mend, string, error) {
		link, name, err := oneLink(ctx, c, rng, part)
		if err != nil {
			return nil, "", err
		}
		mend := func(context.Context) error { return link.Set(devcluster.Pass) }
		if err := link.Set(mode); err != nil {
			return mend, "", err
		}
		seen, err := isNow(link, name, mode)
		return mend, seen, err
	}
}

// isNow is the evidence that a link does what it should.
func isNow(link *devcluster.Link, name string, mode devcluster.LinkMode) (string, error) {
	open := link.Counts().Open
	seen := fmt.Sprintf("the link of %s is in mode %q with %d connections", name, link.Mode(), open)
	if link.Mode() != mode {
		return "", errors.New(seen)
	}
	return seen, nil
}

func delay(part devcluster.Part) breaker {
	return func(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (Mend, string, error) {
		link, name, err := oneLink(ctx, c, rng, part)
		if err != nil {
			return nil, "", err
		}
		link.Delay(slowness)
		mend := func(context.Context) error {
			link.Delay(0)
			return nil
		}
		seen, err := isSlow(link, name)
		return mend, seen, err
	}
}

// isSlow is the evidence that a link is, and carries on.
func isSlow(link *devcluster.Link, name string) (string, error) {
	seen := fmt.Sprintf("the link of %s is in mode %q and slower by %v", name, link.Mode(), link.Delayed())
	if link.Mode() != devcluster.Pass || link.Delayed() != slowness {
		return "", errors.New(seen)
	}
	return seen, nil
}
