package gateway

import (
	"math/rand/v2"
	"testing"
)

// TestTurnRemembersEveryRefusal: a post must wait if any refused one of its round
// or a later one came before it, however many refusals there were.
func TestTurnRemembersEveryRefusal(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 5))
		var got sendOrder
		var all []refusedPost
		for range 12 {
			r := refusedPost{int32(rng.IntN(5)), uint64(rng.IntN(60))}
			all = append(all, r)
			got.refuse(r.round, r.number, false)
			for round := range int32(6) {
				for number := range uint64(61) {
					want := false
					for _, r := range all {
						want = want || round <= r.round && number > r.number
					}
					if got.superseded(round, number) != want {
						t.Fatalf("seed %d: after %v: out(%d, %d) is %v", seed, all, round, number, !want)
					}
				}
			}
		}
		if len(got) > 5 {
			t.Fatalf("seed %d: %d refusals are kept of 5 rounds", seed, len(got))
		}
		got.refuse(9, 100, true)
		if len(got) != 1 || got.superseded(9, 99) || !got.superseded(9, 101) {
			t.Fatalf("seed %d: alone: %v", seed, got)
		}
	}
}
