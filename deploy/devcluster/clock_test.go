//go:build integration && amd64

package devcluster_test

import (
	"context"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
)

// clocked is a server whose clock can be set.
type clocked interface {
	SetClock(time.Duration) error
	Clock(context.Context) (time.Time, error)
}

// TestClocksAreSet: that of a PostgreSQL server, and of what it forks later, is
// ahead, behind and right again, and nobody else's is.
func TestClocksAreSet(t *testing.T) {
	t.Parallel()
	p, err := devcluster.StartPostgres(t.Context(), devcluster.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	setClock(t, p)
}

func setClock(t *testing.T, c clocked) {
	t.Helper()
	for _, by := range []time.Duration{time.Hour, -time.Hour, 0} {
		if err := c.SetClock(by); err != nil {
			t.Fatal(err)
		}
		before := time.Now().Truncate(time.Second).Add(by)
		now, err := c.Clock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if now.Before(before) || now.After(time.Now().Add(by)) {
			t.Errorf("%v ahead, it says %v, and it is %v", by, now, time.Now())
		}
	}
}
