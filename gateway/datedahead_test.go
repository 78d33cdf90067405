package gateway_test

import (
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/history"
	"tuitalk/history/sqlitestore"
	"tuitalk/talk"
)

// TestClockThatWasAheadIsTold: in a room that was written while the clock was
// ahead one goes on, and the operator hears of it until it is mended.
func TestClockThatWasAheadIsTold(t *testing.T) {
	t.Parallel()
	store := openPast(t)
	store.now.Store(time.Now().Unix() + 365*86400)
	store.fill(t, 1, 3, 20)
	store.now.Store(time.Now().Unix())
	n := startOn(t, store, fanout.NewHub(), nil)
	a := hello(t, n.addr)
	a.join(2, "ada")
	a.post(2, "of today")
	expect[talk.Stored](a)
	if ahead := n.metric(t, "tuitalk_entries_dated_ahead_total", ""); ahead != 0 || len(n.server.Degraded()) != 0 {
		t.Errorf("%v entries are dated ahead, %q", ahead, n.server.Degraded())
	}
	a.join(1, "ada")
	a.post(1, "of next year")
	if e := a.heardText("of next year"); e.UnixTime < uint64(time.Now().Unix()+364*86400) {
		t.Errorf("time runs back to %d", e.UnixTime)
	}
	if ahead := n.metric(t, "tuitalk_entries_dated_ahead_total", ""); ahead == 0 {
		t.Error("the metric does not count it")
	}
	said := n.server.Degraded()
	if len(said) != 1 || !strings.Contains(said[0], "-mend-room 1") {
		t.Errorf("/readyz says %q", said)
	}
	if mended, err := store.Store.(history.Mender).Mend(t.Context(), 1); err != nil || mended < 4 {
		t.Errorf("mended %d entries, %v", mended, err)
	}
	a.post(1, "of today again")
	if e := a.heardText("of today again"); e.UnixTime > uint64(time.Now().Unix()+1) {
		t.Errorf("after mending it is of %d", e.UnixTime)
	}
}

// TestClockThatIsAheadIsTold: the operator hears of it before it is set right.
func TestClockThatIsAheadIsTold(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	store, err := sqlitestore.Open(filepath.Join(t.TempDir(), "talk.db"), sqlitestore.Options{
		Clock: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	n := startOn(t, store, fanout.NewHub(), nil)
	a := hello(t, n.addr)
	a.join(1, "ada")
	ahead.Store(int64(time.Hour))
	a.post(1, "of later")
	expect[talk.Stored](a)
	if said := n.server.Degraded(); n.server.Ready() != "" || !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, "set forward") }) {
		t.Errorf("/readyz says %q", said)
	}
}
