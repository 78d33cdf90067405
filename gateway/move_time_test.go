package gateway

import (
	"testing"
	"time"
)

// TestManyUsersHaveLongerToMove: as many as come at once keep each other out.
func TestManyUsersHaveLongerToMove(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		wait time.Duration
		n    int64
		want time.Duration
	}{
		{5 * time.Second, 0, 2500 * time.Millisecond},
		{5 * time.Second, 1000, 2500 * time.Millisecond},
		{5 * time.Second, 5000, 10 * time.Second},
		{5 * time.Second, 1 << 40, moveMost},
		{2 * time.Minute, 1 << 40, time.Minute}, // the operator's word holds
		{0, 5000, 0},
	} {
		s := &Server{opts: Options{DrainWait: tc.wait}}
		if got := s.moveTime(tc.n); got != tc.want {
			t.Errorf("%d users, -drain %v: %v, want %v", tc.n, tc.wait, got, tc.want)
		}
	}
}
