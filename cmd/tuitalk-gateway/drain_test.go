//go:build integration

package main

import (
	"fmt"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/history/pgstore"
	"tuitalk/talk"
)

// fleetParts are the real servers beside the gateways.
type fleetParts struct {
	pg    *devcluster.Postgres
	redis *devcluster.RedisCluster
}

func startFleetParts(t *testing.T) *fleetParts {
	t.Helper()
	pg, err := devcluster.StartPostgres(t.Context(), devcluster.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Close(); err != nil {
			t.Error(err)
		}
	})
	redis, err := devcluster.StartRedisCluster(t.Context(), devcluster.RedisOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Close)
	return &fleetParts{pg, redis}
}

// gateway starts a real gateway of this fleet.
func (f *fleetParts) gateway(t *testing.T, extra ...string) *gatewayProcess {
	t.Helper()
	return startGateway(t, t.TempDir(), append([]string{
		"-store", f.pg.DSN(), "-bus", f.redis.URL(), "-limits", "none",
	}, extra...)...)
}

// TestTheDrainerDiesBetweenEveryTwoSteps: a gateway that has accepted entries
// while PostgreSQL was away is killed at each step of bringing them into the
// store. Another one finishes; everything is stored once and shown once.
func TestTheDrainerDiesBetweenEveryTwoSteps(t *testing.T) {
	t.Parallel()
	f := startFleetParts(t)
	other := f.gateway(t)
	for i, step := range []string{"drain-read", "drain-appended", "drain-published", "drain-removed"} {
		t.Run(step, func(t *testing.T) {
			f.dieAt(t, other, int32(i+1), step)
		})
	}
}

func (f *fleetParts) dieAt(t *testing.T, other *gatewayProcess, room int32, step string) {
	dying := f.gateway(t, "-failpoint", step)
	author := dialWire(t, dying.addr, room)
	author.stored(room, 0, "before")
	if err := f.pg.Stop(t.Context(), devcluster.Immediate); err != nil {
		t.Fatal(err)
	}
	if err := other.Freeze(); err != nil { // so that the dying one begins the drain
		t.Fatal(err)
	}
	var texts []string
	for n := range 5 {
		text := fmt.Sprintf("%s %d", step, n)
		texts = append(texts, text)
		author.accepted(room, newID(), text)
	}
	if err := f.pg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); dying.Running(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to %s:\n%s", step, dying.Log())
		}
	}
	if err := other.Thaw(); err != nil {
		t.Fatal(err)
	}
	seen := readRoom(t, other.addr, room, len(texts)+1)
	for i, e := range seen {
		want := "before"
		if i > 0 {
			want = texts[i-1]
		}
		if e.Text != want {
			t.Errorf("place %d shows %q, want %q", i, e.Text, want)
		}
	}
	f.checkStored(t, room, texts)
}

func (f *fleetParts) checkStored(t *testing.T, room int32, texts []string) {
	t.Helper()
	store, err := pgstore.Open(t.Context(), f.pg.DSN(), pgstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	entries, _, err := store.Before(t.Context(), room, 0, 500)
	if err != nil {
		t.Fatal(err)
	}
	var stored []string
	for i, e := range entries {
		if e.Seq != int64(i)+1 {
			t.Errorf("seq %d at place %d", e.Seq, i+1)
		}
		if e.Kind == talk.KindPosted && e.Text != "before" {
			stored = append(stored, e.Text)
		}
	}
	if fmt.Sprint(stored) != fmt.Sprint(texts) {
		t.Errorf("stored are %v, want %v", stored, texts)
	}
}
