package chaos

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"tuitalk/deploy/local"
)

// peopled are the gateways in the order in which faults take them: random ones
// first, and those that hold next to nobody last. A gateway that has just come
// back has no clients until others lose theirs, and to break it shows nothing.
// So a seed does not say alone who it is.
func peopled(ctx context.Context, c *local.Cluster, rng *rand.Rand) ([]*local.Gateway, error) {
	type candidate struct {
		*local.Gateway
		conns float64
	}
	var all []candidate
	most := 0.0
	for _, i := range rng.Perm(len(c.Gateways)) {
		g := c.Gateways[i]
		metrics, err := g.Metrics(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask a gateway how many it holds: %w", err)
		}
		conns := metrics["tuitalk_connections"]
		most = max(most, conns)
		all = append(all, candidate{g, conns})
	}
	few := func(a candidate) int {
		if a.conns*5 < most {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(few(a), few(b)) })
	gateways := make([]*local.Gateway, len(all))
	for i, a := range all {
		gateways[i] = a.Gateway
	}
	return gateways, nil
}
