//go:build integration

package pgstore

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/history"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

// trustStandbys has a server never take a silent standby for lost.
func trustStandbys(t *testing.T, primary *devcluster.Postgres) {
	t.Helper()
	execute(t, primary.DSN(), `ALTER SYSTEM SET wal_sender_timeout = 0`)
	execute(t, primary.DSN(), `SELECT pg_reload_conf()`)
}

// TestAbandonedCommits: however long a standby is away and however often a
// gateway tries, few commits are left waiting on the server, and it can be read.
func TestAbandonedCommits(t *testing.T) {
	t.Parallel()
	primary, standby, dsn := ownServers(t)
	trustStandbys(t, primary)
	const stores, patience = 2, 100 * time.Millisecond
	var all [stores]*Store
	for i := range all {
		all[i] = open(t, dsn, Options{})
	}
	fill(t, all[0], "before", 10, 1)
	writers := Options{}.withDefaults().Writers
	for name, test := range map[string]struct {
		lose, back func() error
		most       int
	}{
		"killed": {standby.Kill, func() error { return standby.Start(t.Context()) }, stores * writers},
		// It takes a while to be noticed.
		"frozen": {standby.Freeze, standby.Thaw, stores * (writers + int(lookPatience/patience) + 2)},
	} {
		if err := test.lose(); err != nil {
			t.Fatal(err)
		}
		for try := range 3 * int(time.Second/patience) {
			for i, s := range all {
				room := int32(1 + try*stores + i) // else it waits for a room's lock, and is given up with its client
				if _, err := s.Append(within(t, patience), []talk.Entry{historytest.Post(room, "ada", name, "text")}); !errors.Is(err, history.ErrUnavailable) {
					t.Fatalf("%s: append: %v", name, err)
				}
			}
		}
		n := commitsThatWait(t, primary)
		t.Logf("%s: %d commits wait", name, n)
		if n > test.most {
			t.Errorf("%s: want at most %d", name, test.most)
		}
		for _, s := range all {
			if heads, err := s.Heads(t.Context(), []int32{0}); err != nil || heads[0].Seq != 10 {
				t.Errorf("%s: the newest entry is %v, %v; want 10", name, heads, err)
			}
		}
		if err := test.back(); err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			await(t, "commits go through again", func() bool { return s.Check(within(t, patience)) == nil })
		}
		await(t, "none waits", func() bool { return commitsThatWait(t, primary) == 0 })
	}
}

// TestOldPrimaryWakes: a gateway that has connections to an old primary which
// was frozen, and not to the new one, grants nothing on them, and drops them all
// once it finds the new one.
func TestOldPrimaryWakes(t *testing.T) {
	t.Parallel()
	primary, standby, dsn := ownServers(t)
	late := open(t, dsn, Options{})
	fill(t, late, "before", 10, 1)
	head := func(s *Store) int64 {
		t.Helper()
		heads, err := s.Heads(t.Context(), []int32{0})
		if err != nil {
			t.Fatal(err)
		}
		return heads[0].Seq
	}
	if head(late) != 10 {
		t.Error("it does not see what it has stored")
	}
	if err := errors.Join(primary.Freeze(), standby.Promote(t.Context()), primary.Thaw()); err != nil {
		t.Fatal(err)
	}

	early := open(t, dsn, Options{}) // finds the new one, though the old one is the first in the address
	fill(t, early, "after", 5, 1)
	await(t, "it finds the new one", func() bool {
		_, err := late.Append(within(t, 500*time.Millisecond), posts("found", 5, 1))
		return err == nil
	})
	for range 10 { // whichever connection it uses
		if got := head(late); got != 20 {
			t.Fatalf("the newest entry is %d, want 20", got)
		}
	}

	// Also a server that can commit is not gone back to.
	execute(t, primary.DSN(), `ALTER SYSTEM SET synchronous_standby_names = ''`)
	execute(t, primary.DSN(), `SELECT pg_reload_conf()`)
	await(t, "the old one commits", func() bool {
		s, err := Open(t.Context(), primary.DSN(), Options{})
		if err != nil {
			return false
		}
		defer s.Close()
		return s.Check(t.Context()) == nil
	})
	if err := standby.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := late.Heads(t.Context(), []int32{0}); !errors.Is(err, history.ErrUnavailable) {
			t.Errorf("heads: %v", err)
		}
		unavailable(t, late, posts("split", 3, 1))
	}
}

// TestLookWithoutRights: a role that may not see how the standbys are still finds
// out that there is none, or that commits wait.
func TestLookWithoutRights(t *testing.T) {
	t.Parallel()
	primary, standby, _ := ownServers(t)
	trustStandbys(t, primary)
	execute(t, primary.DSN(), `CREATE ROLE plain LOGIN PASSWORD 'plain'`)
	u, err := url.Parse(primary.DSN())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("plain", "plain")
	conn := connect(t, u.String())
	waits := func() bool {
		t.Helper()
		found, waits, err := look(t.Context(), conn.PgConn())
		if err != nil || found.timeline != 1 || found.started == "" {
			t.Fatalf("%+v, %v", found, err)
		}
		return waits
	}
	if waits() {
		t.Error("the standby is there")
	}
	if err := standby.Freeze(); err != nil {
		t.Fatal(err)
	}
	writing := connect(t, u.String())
	done := make(chan error)
	go func() {
		_, err := writing.Exec(t.Context(), `SELECT pg_logical_emit_message(true, 'test', '')`)
		done <- err
	}()
	await(t, "a commit waits", waits)
	if err := standby.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	await(t, "none waits", func() bool { return !waits() })
	if err := standby.Kill(); err != nil {
		t.Fatal(err)
	}
	await(t, "the standby is lost", waits)
}
