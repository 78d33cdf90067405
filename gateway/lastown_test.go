package gateway

import (
	"math/rand/v2"
	"testing"

	"tuitalk/talk"
)

// TestLastOwnIsTheLastOfOwnPending: whichever of the pending entries this node
// accepted, and in whatever order they are shown.
func TestLastOwnIsTheLastOfOwnPending(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 4))
	for range 500 {
		var r room
		for i, number := range rng.Perm(rng.IntN(8)) {
			own := (number + 1) * rng.IntN(2)
			e := talk.Entry{ID: talk.UUID{byte(i + 1)}, Pending: true}
			r.pending = append(r.pending, pendingEntry{roomEntry{Entry: e}, 0, own})
		}
		own := r.ownPending()
		var want talk.Entry
		if len(own) > 0 {
			want = own[len(own)-1]
		}
		if last, count := r.lastOwn(); last != want || count != len(own) {
			t.Fatalf("lastOwn is %v of %d, want %v of %d", last.ID, count, want.ID, len(own))
		}
	}
}
