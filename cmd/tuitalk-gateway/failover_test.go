//go:build integration

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/chaos"
	"tuitalk/bench/chaos/chaostest"
	"tuitalk/deploy/devcluster"
	"tuitalk/history/pgstore"
)

// failover is a fault whose operator makes every mistake: the old primary, which
// stands first in the gateways' address, is started again as it was.
type failover struct {
	old, next *devcluster.Postgres
	stored    string // in the old primary, when it came back
}

func (f *failover) strike(ctx context.Context, c *devcluster.Cluster, _ *rand.Rand) (chaos.Mend, string, error) {
	f.old, f.next = c.Postgres.Primary(), c.Postgres.Standby()
	if err := errors.Join(f.old.Kill(), c.Postgres.Promote(ctx)); err != nil {
		return nil, "", err
	}
	if err := f.old.Start(ctx); err != nil {
		return nil, "", err
	}
	if err := f.expect(ctx, f.old, `SELECT pg_is_in_recovery()`, "f"); err != nil {
		return nil, "", err
	}
	var err error
	f.stored, err = ask(ctx, f.old, entryCount)
	return func(ctx context.Context) error { return f.mend(ctx, c) }, "the old primary is started and takes itself for the primary", err
}

const entryCount = `SELECT count(*) FROM entries`

// mend sees that nobody has stored anything in the old primary, nor tries to, and
// makes it the standby of the new one.
func (f *failover) mend(ctx context.Context, c *devcluster.Cluster) error {
	return errors.Join(
		f.expect(ctx, f.old, entryCount, f.stored),
		f.expect(ctx, f.old, `SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`, "0"),
		f.expect(ctx, f.next, `SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'tuitalk-gateway'`, "t"),
		c.Postgres.Start(ctx),
		f.expect(ctx, f.old, `SELECT pg_is_in_recovery()`, "t"))
}

func (f *failover) expect(ctx context.Context, p *devcluster.Postgres, question, want string) error {
	got, err := ask(ctx, p, question)
	if err == nil && got != want {
		err = fmt.Errorf("%s: %s, want %s", question, got, want)
	}
	return err
}

// ask asks a server with PostgreSQL's own client.
func ask(ctx context.Context, p *devcluster.Postgres, question string) (string, error) {
	out, err := exec.CommandContext(ctx, "psql", "-AtX", "-c", question, p.DSN()).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), err
}

// TestFailoverInTheFleet promotes the standby while people talk through Nginx by
// three gateways: nothing is lost, doubled or out of order, though the old primary
// comes back and does not know.
func TestFailoverInTheFleet(t *testing.T) {
	t.Parallel()
	c, err := devcluster.StartCluster(t.Context(), devcluster.ClusterOptions{Program: programs.gateway, GatewayArgs: []string{"-limits", "none"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	store, err := pgstore.Open(t.Context(), c.Postgres.DSN(), pgstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	f := &failover{}
	report := chaostest.Run(t, chaostest.Options{Store: store, People: 12, Schedule: chaos.Schedule{
		Cluster: c, Calm: 2 * time.Second, Seed: 1, Tell: t.Logf,
		Faults: []chaos.Fault{{Name: "failover", Hold: 3 * time.Second, Break: f.strike}},
	}})
	if err := report.Err(); err != nil {
		t.Errorf("%v\n%s", err, report)
	}
	if report.Sent == 0 || report.Shown == 0 {
		t.Error("nobody talked")
	}
	for _, p := range []*devcluster.Postgres{c.Postgres.Primary(), c.Postgres.Standby()} {
		if got, err := ask(t.Context(), p, `SELECT count(*) > `+f.stored+` FROM entries`); err != nil || got != "t" {
			t.Errorf("%s has not more than the old primary: %s, %v", p.Addr(), got, err)
		}
	}
}
