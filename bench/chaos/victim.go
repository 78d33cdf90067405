package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"

	"tuitalk/deploy/devcluster"
)

// peopled are the gateways in the order in which faults take them: random ones
// first, and those that hold next to nobody last. A gateway that has just come
// back has no clients until others lose theirs, and to break it shows nothing.
// So a seed does not say alone who it is. The first so many are not of the last kind.
func peopled(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (order []*devcluster.Gateway, first int, err error) {
	type candidate struct {
		*devcluster.Gateway
		conns float64
	}
	var all []candidate
	most := 0.0
	for _, i := range rng.Perm(len(c.Gateways)) {
		g := c.Gateways[i]
		metrics, err := g.Metrics(ctx)
		if err != nil {
			return nil, 0, fmt.Errorf("ask a gateway how many it holds: %w", err)
		}
		conns := metrics["tuitalk_connections"]
		most = max(most, conns)
		all = append(all, candidate{g, conns})
	}
	few := func(a candidate) bool { return a.conns*5 < most }
	for _, a := range all {
		if !few(a) {
			order = append(order, a.Gateway)
		}
	}
	first = len(order)
	for _, a := range all {
		if few(a) {
			order = append(order, a.Gateway)
		}
	}
	return order, first, nil
}
