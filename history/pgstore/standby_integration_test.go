//go:build integration

package pgstore

import (
	"context"
	"errors"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tuitalk/deploy/devcluster"
	"tuitalk/history"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

// ownServers starts a primary and its synchronous standby, and returns the
// address of both.
func ownServers(t *testing.T) (primary, standby *devcluster.Postgres, dsn string) {
	t.Helper()
	primary = ownServer(t)
	standby, err := primary.StartStandby(t.Context(), devcluster.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := standby.Close(); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(primary.DSN())
	if err != nil {
		t.Fatal(err)
	}
	u.Host += "," + standby.Addr()
	return primary, standby, withSetting(t, u.String(), "target_session_attrs", "read-write")
}

// unavailable sees a call refused because the server that it reaches may not, or
// cannot, store.
func unavailable(t *testing.T, s *Store, batch []talk.Entry) {
	t.Helper()
	if results, err := s.Append(within(t, 500*time.Millisecond), batch); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("append: %+v, %v", results, err)
	}
}

// TestFailover kills the primary while many write, and promotes the standby: what
// was acknowledged is there once, and what was unclear is after it was sent again.
func TestFailover(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*devcluster.Postgres) error{
		"killed": (*devcluster.Postgres).Kill,
		"frozen": (*devcluster.Postgres).Freeze,
	} {
		t.Run(name, func(t *testing.T) {
			primary, standby, dsn := ownServers(t)
			s := open(t, dsn, Options{})
			w := startWriting(t, s, 6, 4)
			w.awaitMore(t)
			if err := lose(primary); err != nil {
				t.Fatal(err)
			}
			unavailable(t, s, posts("nowhere", 3, 1)) // the standby may only be read
			if _, err := Open(t.Context(), standby.DSN(), Options{}); !errors.Is(err, history.ErrUnavailable) {
				t.Errorf("a standby was opened: %v", err)
			}
			if err := standby.Promote(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.awaitMore(t)
			w.stop()
			// What is under way when the primary is lost may be stored: say it again.
			w.sent, w.told = append(w.sent, posts("nowhere", 3, 1)), append(w.told, appendUntilStored(t, s, posts("nowhere", 3, 1), &w.unclear))
			s.Close()
			w.check(t, open(t, standby.DSN(), Options{}))

			// The old primary comes back and does not know. It is the first in the
			// address, and not used.
			if err := errors.Join(primary.Kill(), primary.Start(t.Context())); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(t.Context(), primary.DSN(), Options{}); !errors.Is(err, errNoStandby) || !errors.Is(err, history.ErrUnavailable) {
				t.Errorf("an old primary was opened: %v", err)
			}
			both, err := Open(t.Context(), dsn, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer both.Close()
			var again []history.Result
			await(t, "the new primary is found", func() bool {
				again, err = both.Append(within(t, 500*time.Millisecond), w.sent[0])
				return err == nil
			})
			for i, r := range again {
				if want := w.told[0][i].Seq; r.Seq != want || !r.Repeat {
					t.Fatalf("%+v, want a repeat of seq %d", r, want)
				}
			}
			if err := primary.Kill(); err != nil {
				t.Fatal(err)
			}
			fill(t, both, "not on the old one", 3, 1)
		})
	}
}

// TestDemotedServerHasSuccessor: connections to a server that has become
// read-only are given up for the one that can be written now.
func TestDemotedServerHasSuccessor(t *testing.T) {
	t.Parallel()
	primary, standby, dsn := ownServers(t)
	s := open(t, dsn, Options{})
	w := startWriting(t, s, 6, 4)
	w.awaitMore(t)
	execute(t, primary.DSN(), `ALTER SYSTEM SET default_transaction_read_only = on`)
	execute(t, primary.DSN(), `SELECT pg_reload_conf()`)
	await(t, "it is read-only", func() bool { return w.unclear.Load() > 0 })
	if err := standby.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.awaitMore(t)
	w.stop()
	s.Close()
	w.check(t, open(t, standby.DSN(), Options{}))
}

// loseStandby ends the only standby while a commit waits for it, and has the
// caller give up the waiting.
func loseStandby(t *testing.T, primary, standby *devcluster.Postgres, s *Store, batch []talk.Entry) {
	t.Helper()
	if err := standby.Kill(); err != nil {
		t.Fatal(err)
	}
	before := commitsThatWait(t, primary)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	appended := make(chan error)
	go func() {
		_, err := s.Append(ctx, batch)
		appended <- err
	}()
	await(t, "a commit waits for the standby", func() bool { return commitsThatWait(t, primary) > before })
	cancel()
	if err := <-appended; !errors.Is(err, history.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v", err)
	}
	unavailable(t, s, batch)
	if err := s.Check(within(t, 500*time.Millisecond)); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("check: %v", err)
	}
}

func commitsThatWait(t *testing.T, p *devcluster.Postgres) (n int) {
	t.Helper()
	conn := connect(t, p.DSN())
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), `SELECT count(*)::int FROM pg_stat_activity WHERE wait_event = 'SyncRep'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// crashOne kills a process of a server, and waits until it has recovered from that.
func crashOne(t *testing.T, p *devcluster.Postgres) {
	t.Helper()
	victim, witness := connect(t, p.DSN()), connect(t, p.DSN())
	if err := syscall.Kill(int(victim.PgConn().PID()), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "the server ends its other processes", func() bool { return witness.Ping(t.Context()) != nil })
	await(t, "it takes connections again", func() bool {
		conn, err := pgx.Connect(t.Context(), p.DSN())
		return err == nil && conn.Close(t.Context()) == nil
	})
}

// TestStandbyLost: a commit that waits for a lost standby is never called stored;
// when it may go on, saying it again finds it.
func TestStandbyLost(t *testing.T) {
	t.Parallel()
	primary, standby, dsn := ownServers(t)
	s := open(t, dsn, Options{})
	fill(t, s, "before", 10, 1)
	stored := int64(10)
	head := func(want int64) {
		t.Helper()
		if heads, err := s.Heads(t.Context(), []int32{0}); err != nil || heads[0].Seq != want {
			t.Errorf("the newest entry is %v, %v; want %d", heads, err, want)
		}
	}
	closed := func(batch []talk.Entry) {
		t.Helper()
		for range 3 {
			if heads, err := s.Heads(t.Context(), []int32{0}); !errors.Is(err, history.ErrUnavailable) {
				t.Errorf("the newest entry is %v, %v", heads, err)
			}
			unavailable(t, s, batch)
		}
	}
	back := func() error { return errors.Join(standby.Start(t.Context()), primary.AwaitStandby(t.Context())) }
	alone := func(names string) {
		execute(t, primary.DSN(), `ALTER SYSTEM `+names)
		execute(t, primary.DSN(), `SELECT pg_reload_conf()`)
	}
	for _, test := range []struct {
		name       string
		meanwhile  func(batch []talk.Entry) error
		afterwards func() error
	}{
		{"back", func([]talk.Entry) error {
			head(stored)
			s.reads.Reset() // also over new connections: the primary is known
			head(stored)
			return nil
		}, back},
		// After a crash the primary shows what the standby does not have, and what a
		// promotion would take back: it is neither read nor written.
		{"primary crashes", func(batch []talk.Entry) error {
			if err := errors.Join(primary.Kill(), primary.Start(t.Context())); err != nil {
				return err
			}
			closed(batch)
			return nil
		}, back},
		{"one process crashes", func(batch []talk.Entry) error {
			crashOne(t, primary)
			closed(batch)
			return nil
		}, back},
		{"given up", func([]talk.Entry) error { head(stored); return nil }, func() error {
			alone(`SET synchronous_standby_names = ''`)
			return nil
		}},
	} {
		batch := posts(test.name, 10, 1)
		loseStandby(t, primary, standby, s, batch)
		if err := test.meanwhile(batch); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if err := test.afterwards(); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		for range 2 {
			results := appendUntilStored(t, s, batch, new(atomic.Int64))
			for i, r := range results {
				if want := stored + int64(i) + 1; r.Seq != want || !r.Repeat {
					t.Errorf("%s: %+v, want a repeat of seq %d", test.name, r, want)
				}
			}
		}
		stored += int64(len(batch))
		head(stored)
	}
	alone(`RESET synchronous_standby_names`)
	if err := back(); err != nil {
		t.Fatal(err)
	}
	fill(t, s, "after", 10, 1)
	if log, err := historytest.ReadLog(t.Context(), s, 0); err != nil || len(log) != int(stored)+10 {
		t.Errorf("%d entries, %v", len(log), err)
	}
}
