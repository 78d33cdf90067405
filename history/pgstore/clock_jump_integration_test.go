//go:build integration && amd64

package pgstore

import (
	"testing"
	"time"

	"tuitalk/history"
	"tuitalk/history/historytest"
)

// TestServersClockThatJumps: entries follow it no further than history.MaxAhead, by the
// gateway's own clock, and the operator is told.
func TestServersClockThatJumps(t *testing.T) {
	t.Parallel()
	server := ownServer(t)
	s, err := Open(t.Context(), server.DSN(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := server.SetClock(time.Hour); err != nil {
		t.Fatal(err)
	}
	results, err := s.Append(t.Context(), posts("ahead", 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(int64(results[0].UnixTime), 0)
	if ahead := time.Until(at); ahead < history.MaxAhead-time.Minute || ahead > history.MaxAhead {
		t.Errorf("with a clock that is an hour ahead, an entry is of %v later than now", ahead)
	}
	if err := s.Renew(t.Context(), historytest.UUID("gateway")); err != nil {
		t.Fatal(err)
	}
	if said := s.Degraded(); len(said) == 0 {
		t.Error("nobody tells the operator")
	}
}
