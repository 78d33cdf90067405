//go:build integration

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/talk"
)

// awaitKept waits until a gateway keeps a post of which it does not know whether it is
// stored.
func (g *gatewayProcess) awaitKept(t *testing.T) {
	t.Helper()
	var metrics string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		metrics = g.asks(t, "/metrics")
		if strings.Contains(metrics, "\ntuitalk_kept_posts_total ") && !strings.Contains(metrics, "\ntuitalk_kept_posts_total 0\n") {
			return
		}
	}
	t.Fatalf("the gateway keeps nothing:\n%s", metrics)
}

// TestUnclearIsStoredOnce: PostgreSQL is away, and no replica confirms what a Redis master
// takes. What a client of the original's says then may be stored or not; it has no ids,
// and its user would type again what is refused. So it is told nothing until the servers
// are back, and then sees it, as everybody does, once.
func TestUnclearIsStoredOnce(t *testing.T) {
	t.Parallel()
	f := startFleetParts(t)
	g := f.gateway(t)
	forms := []originalBytes{originalJSON, originalBincode}
	users := make([]*originalUser, len(forms))
	for i, form := range forms {
		u := dialOriginal(t, g.addr, form)
		u.uuid[0] = byte(i)
		name := fmt.Sprint("user ", i)
		u.send(u.join(int32(i), u.uuid, name))
		u.sees(talk.KindJoined, u.uuid, name, "")
		users[i] = u
	}
	for master := range len(f.redis.Addrs()) / 2 {
		replicas, err := f.redis.Replicas(t.Context(), master)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range replicas {
			if err := f.redis.Stop(r); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.redis.Cont(r) }) // it runs again already, or the test has failed
		}
	}
	if err := f.pg.Stop(t.Context(), devcluster.Immediate); err != nil {
		t.Fatal(err)
	}
	for i, u := range users {
		u.send(u.post(int32(i), u.uuid, "x", "once"))
	}
	g.awaitKept(t)
	for i := range f.redis.Addrs() {
		if f.redis.State(i) == devcluster.Stopped {
			if err := f.redis.Cont(i); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := f.pg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, u := range users {
		u.sees(talk.KindPosted, u.uuid, fmt.Sprint("user ", i), "once")
		u.send(u.post(int32(i), u.uuid, "x", "after"))
		u.sees(talk.KindPosted, u.uuid, fmt.Sprint("user ", i), "after")
		if stored, want := f.storedIn(t, int32(i), 2), []string{"once", "after"}; !slices.Equal(stored, want) {
			t.Errorf("stored are %q, want %q", stored, want)
		}
	}
}
