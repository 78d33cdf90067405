//go:build integration

package pgstore

import (
	"testing"
	"time"

	"tuitalk/history"
)

// TestServersClockIsBounded: the server's clock dates entries, up to history.MaxAhead
// beyond the gateway's.
func TestServersClockIsBounded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		clock       func() time.Time // of the gateway, with the bound
		atMostLater time.Duration
	}{
		"the same":                         {nil, time.Second},
		"the server's is ahead by an hour": {func() time.Time { return time.Now().Add(history.MaxAhead - time.Hour) }, history.MaxAhead - time.Hour},
		"the gateway's is ahead by a year": {func() time.Time { return time.Now().AddDate(1, 0, 0) }, time.Second},
	} {
		s := open(t, newSchema(t), Options{Clock: test.clock})
		began := time.Now()
		results, err := s.Append(t.Context(), posts(name, 1, 1))
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(int64(results[0].UnixTime), 0)
		if at.Before(began.Add(test.atMostLater-2*time.Second)) || at.After(time.Now().Add(test.atMostLater)) {
			t.Errorf("%s: it is of %v later", name, at.Sub(began))
		}
		s.Close()
	}
}
