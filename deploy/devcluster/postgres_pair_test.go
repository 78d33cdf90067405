//go:build integration

package devcluster_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"tuitalk/deploy/devcluster"
)

func startPair(t *testing.T, options ...devcluster.PostgresOptions) *devcluster.PostgresPair {
	t.Helper()
	pair, err := devcluster.StartPostgresPair(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pair.Close(); err != nil {
			t.Error(err)
		}
	})
	return pair
}

// pairOptions are those of two servers whose data stay.
func pairOptions(t *testing.T) []devcluster.PostgresOptions {
	dir := clusterDir(t)
	return []devcluster.PostgresOptions{{Dir: filepath.Join(dir, "a")}, {Dir: filepath.Join(dir, "b")}}
}

// roles checks which server is the primary, and that the other is in step with it.
func roles(t *testing.T, pair *devcluster.PostgresPair, primary *devcluster.Postgres) {
	t.Helper()
	if pair.Primary() != primary {
		t.Fatalf("the primary is %s, want %s", pair.Primary().Addr(), primary.Addr())
	}
	answers(t, primary, `SELECT pg_is_in_recovery()`, "f")
	answers(t, primary, `SHOW synchronous_standby_names`, "ANY 1 (tuitalk1, tuitalk2, tuitalk3)")
	answers(t, primary, `SELECT sync_state FROM pg_stat_replication`, "quorum")
	answers(t, pair.Standby(), `SELECT pg_is_in_recovery()`, "t")
}

const allKept = `SELECT string_agg(n::text, ' ' ORDER BY n) FROM kept`

// TestPostgresPair promotes to and fro: the old primary comes back as a standby,
// with what the new one has and nothing else.
func TestPostgresPair(t *testing.T) {
	t.Parallel()
	options := pairOptions(t)
	pair := startPair(t, options...)
	a, b := pair.Primary(), pair.Standby()
	if !strings.HasSuffix(pair.DSN(), a.Addr()+","+b.Addr()+"/tuitalk?target_session_attrs=read-write") {
		t.Errorf("the address is %s", pair.DSN())
	}
	roles(t, pair, a)
	answers(t, a, `CREATE TABLE kept AS SELECT 1 AS n`, "SELECT 1")

	// Whoever promotes, and whoever starts the old one: it is known for what it is.
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	answers(t, a, `BEGIN; SET LOCAL synchronous_commit = local; INSERT INTO kept VALUES (-1); COMMIT`, "BEGIN\nSET\nINSERT 0 1\nCOMMIT")
	if err := pair.Promote(t.Context()); err == nil || !strings.Contains(err.Error(), "the standby is dead") {
		t.Errorf("a dead standby was promoted: %v", err)
	}
	if err := a.Kill(); err != nil { // before the standby has what is kept from it
		t.Fatal(err)
	}
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	if pair.Primary() != b {
		t.Fatal("the promoted one is not the primary")
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	answers(t, a, `SELECT pg_is_in_recovery()`, "f")
	if pair.Primary() != b {
		t.Error("an old primary that runs is taken for the primary")
	}
	answers(t, b, `INSERT INTO kept VALUES (2)`, "INSERT 0 1")
	if err := pair.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	roles(t, pair, b)
	answers(t, b, `INSERT INTO kept VALUES (3)`, "INSERT 0 1")

	if err := pair.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	answers(t, a, allKept, "1 2 3")
	answers(t, a, `INSERT INTO kept VALUES (4)`, "INSERT 0 1")
	if b.State() != devcluster.Dead {
		t.Error("the old primary lives")
	}

	// The machine goes off before the old primary is back.
	if err := pair.Close(); err != nil {
		t.Fatal(err)
	}
	pair = startPair(t, options...)
	a = pair.Primary()
	roles(t, pair, a)
	answers(t, a, allKept, "1 2 3 4")
	if a.Dir() != options[0].Dir {
		t.Errorf("the primary is in %s", a.Dir())
	}
	if err := pair.Stop(t.Context(), devcluster.Fast); err != nil {
		t.Fatal(err)
	}
	if err := pair.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	roles(t, pair, a)
	if alone, err := devcluster.StartPostgresPair(t.Context(), options[0]); err == nil {
		alone.Close()
		t.Error("one of two servers was started alone")
	} else if !strings.Contains(err.Error(), "one of two servers") {
		t.Error(err)
	}
}

// A standby without the log that it needs to go on gets its data anew.
func TestPostgresPairCopiesAnew(t *testing.T) {
	t.Parallel()
	pair := startPair(t, pairOptions(t)...)
	a, b := pair.Primary(), pair.Standby()
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	answers(t, a, `SELECT count(pg_drop_replication_slot(slot_name)) FROM pg_replication_slots`, "1")
	if err := pair.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	roles(t, pair, a)
}

// TestClusterKeepsRoles: Keep makes an old primary the standby, also one that
// somebody has started by hand, and the gateways find the new one by themselves.
func TestClusterKeepsRoles(t *testing.T) {
	t.Parallel()
	c := startCluster(t, devcluster.ClusterOptions{Gateways: 1, Redis: devcluster.RedisOptions{Replicas: -1}})
	a, b := c.Postgres.Primary(), c.Postgres.Standby()
	ctx, cancel := context.WithCancel(t.Context())
	var told []string
	var keeper sync.WaitGroup
	keeper.Go(func() { c.Keep(ctx, func(part, what string) { told = append(told, part+" "+what) }) })
	dialChat(t, c.Nginx.Addr()).say(t, "before")
	if err := b.Promote(t.Context()); err != nil { // the old one lives, and stands first in the address
		t.Fatal(err)
	}
	await(t, "the old primary to stand by", func() bool { return unwell(t, c) == nil && c.Postgres.Primary() == b })
	dialChat(t, c.Nginx.Addr()).say(t, "after")
	roles(t, c.Postgres, b)
	cancel()
	keeper.Wait()
	if found := slices.Index(told, "postgres-1 is an old primary"); found < 0 || !slices.Contains(told[found:], "postgres-1 was started again") {
		t.Errorf("told %q", told)
	}
	answers(t, a, `SELECT string_agg(body, ' ' ORDER BY seq) FROM entries WHERE body <> ''`, "before after")
}

// TestClusterKeepsWaiting: a standby that its primary does not wait for, as when
// it took too long to come into step, is not called well and not promoted, and
// Keep tries again.
func TestClusterKeepsWaiting(t *testing.T) {
	t.Parallel()
	c := startCluster(t, devcluster.ClusterOptions{Gateways: 1, Redis: devcluster.RedisOptions{Replicas: -1}})
	a := c.Postgres.Primary()
	if err := os.Remove(filepath.Join(a.Dir(), "data", "replication.conf")); err != nil {
		t.Fatal(err)
	}
	answers(t, a, `SELECT pg_reload_conf()`, "t")
	await(t, "commits to wait for nobody", func() bool {
		names, err := query(t, a, `SHOW synchronous_standby_names`)
		return err == nil && names == ""
	})
	const says = "postgres-1 (running, primary, does not wait for tuitalk2)"
	if bad := unwell(t, c); !slices.Equal(bad, []string{says}) {
		t.Errorf("not well: %q, want %s", bad, says)
	}
	if err := c.Postgres.Promote(t.Context()); err == nil || !strings.Contains(err.Error(), "does not wait for the standby") {
		t.Errorf("it was promoted: %v", err)
	}
	if c.Postgres.Primary() != a || a.State() != devcluster.Running {
		t.Fatal("the primary was ended")
	}
	ctx, cancel := context.WithCancel(t.Context())
	var keeper sync.WaitGroup
	keeper.Go(func() { c.Keep(ctx, func(string, string) {}) })
	await(t, "the primary to wait for it", func() bool { return unwell(t, c) == nil })
	cancel()
	keeper.Wait()
	roles(t, c.Postgres, a)
}

// TestPostgresGoesBack: what was committed after the copy is gone from both servers,
// and is to be had from the data that were set aside.
func TestPostgresGoesBack(t *testing.T) {
	t.Parallel()
	pair := startPair(t, pairOptions(t)...)
	a := pair.Primary()
	answers(t, a, `CREATE TABLE kept AS SELECT 1 AS n`, "SELECT 1")
	if err := pair.GoBack(t.Context()); err == nil {
		t.Fatal("it went back to a copy that nobody has made")
	}
	if _, err := pair.Backup(t.Context()); err != nil {
		t.Fatal(err)
	}
	answers(t, a, `INSERT INTO kept VALUES (2)`, "INSERT 0 1")
	if err := pair.GoBack(t.Context()); err != nil {
		t.Fatal(err)
	}
	roles(t, pair, a)
	answers(t, a, allKept, "1")
	answers(t, a, `INSERT INTO kept VALUES (3)`, "INSERT 0 1") // waits for the standby
	answers(t, pair.Standby(), allKept, "1 3")
	before, err := pair.Before(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	answers(t, before, allKept, "1 2")
}
