//go:build integration && nightly

package chaos_test

import (
	"flag"
	"fmt"
	"testing"

	"tuitalk/bench/chaos"
	"tuitalk/bench/chaos/chaostest"
	"tuitalk/deploy/devcluster"
)

var seeds = flag.Int("seeds", 2, "how many random runs TestRandomPairs does")

// TestRandomPairs: two random faults, from a seed that is printed and can be
// repeated with -seed.
func TestRandomPairs(t *testing.T) {
	first := *seed
	count := *seeds
	if first == 0 {
		first = 1
	} else {
		count = 1
	}
	for s := first; s < first+uint64(count); s++ {
		t.Run(fmt.Sprintf("seed=%d", s), func(t *testing.T) {
			pair := chaos.Pair(s)
			t.Logf("seed %d: %s, then %s", s, pair[0].Name, pair[1].Name)
			c, store := fleet(t, devcluster.ClusterOptions{})
			report(t, chaostest.Run(t, chaostest.Options{Store: store, People: *people, Schedule: chaos.Schedule{
				Cluster: c, Faults: pair, Calm: calm, Seed: s, Tell: t.Logf,
			}}))
		})
	}
}
