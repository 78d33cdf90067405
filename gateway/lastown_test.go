package gateway

import (
	"maps"
	"math/rand/v2"
	"testing"

	"tuitalk/gateway/commit"
	"tuitalk/talk"
)

// TestLastOwnIsTheLastOfOwnPending: whichever of the pending entries of an author this
// node accepted, and in whatever order they are shown.
func TestLastOwnIsTheLastOfOwnPending(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 4))
	for range 500 {
		var r room
		for i, number := range rng.Perm(rng.IntN(12)) {
			own := (number + 1) * rng.IntN(2)
			e := talk.Entry{ID: talk.UUID{byte(i + 1)}, Author: talk.UUID{byte(rng.IntN(3))}, Pending: true}
			r.pending = append(r.pending, pendingEntry{roomEntry{Entry: e}, 0, own, false})
		}
		of, want := commit.LastOwn{{0}: {}, {1}: {}, {4}: {}}, commit.LastOwn{{0}: {}, {1}: {}, {4}: {}}
		own := r.OwnPending()
		for _, e := range own {
			if _, asked := want[e.Author]; asked {
				want[e.Author] = e
			}
		}
		if count := r.FindLastOwn(of); !maps.Equal(of, want) || count != len(own) {
			t.Fatalf("they are %v of %d, want %v of %d", of, count, want, len(own))
		}
	}
}
