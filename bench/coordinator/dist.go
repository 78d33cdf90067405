package coordinator

import (
	"math"
	"slices"
	"strings"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
)

// distOf sums up times over clients, by the nearest rank.
func distOf(times []time.Duration) result.Dist {
	if len(times) == 0 {
		return result.Dist{}
	}
	sorted := slices.Sorted(slices.Values(times))
	at := func(percent int) float64 {
		rank := int(math.Ceil(float64(percent) / 100 * float64(len(sorted))))
		return sorted[max(rank-1, 0)].Seconds()
	}
	d := result.Dist{Count: len(sorted), P50: at(50), P99: at(99), Max: at(100)}
	for percent := range 101 {
		d.Curve = append(d.Curve, at(percent))
	}
	return d
}

// bottleneck says why the generator was it, without saying that it was.
func bottleneck(s *measure.Sample) string {
	return strings.TrimPrefix(measure.Bottleneck(s), "the generator was the bottleneck: ")
}
