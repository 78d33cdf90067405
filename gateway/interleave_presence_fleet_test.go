//go:build integration

package gateway_test

import (
	"flag"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/gateway"
	"tuitalk/history"
	"tuitalk/talk"
)

var outage = flag.Duration("outage", 16*time.Second, "how long PostgreSQL is away in TestNobodyLeavesWhilePostgresIsAway; from 30s on the grace is the default one")

// TestNobodyLeavesWhilePostgresIsAway: for longer than the grace and a lease
// together. Who stays, who comes back meanwhile (from a connection that broke just
// before, or meanwhile) and who comes meanwhile for the first time is not said to
// have left; who never comes back is, once.
func TestNobodyLeavesWhilePostgresIsAway(t *testing.T) {
	t.Parallel()
	p := startParts(t)
	grace := func(o *gateway.Options) {
		if *outage < 30*time.Second {
			o.Grace, o.LeaseLost = 9*time.Second, 6*time.Second // a slow machine takes less to let them in
		}
	}
	one, two := p.gateway(t, grace), p.gateway(t, grace)
	windows := map[string]talk.UUID{}
	people := map[string]*peer{}
	come := func(n *node, name string) {
		windows[name] = newID(4)
		people[name] = hello(t, n.addr).comeBack(n.addr, windows[name])
		people[name].join(1, name)
	}
	back := func(n *node, name string) {
		people[name] = people[name].comeBack(n.addr, windows[name])
		people[name].join(1, name)
	}
	come(one, "steady on one")
	come(two, "steady on two")
	come(one, "broke just before, back on two")
	come(one, "broke and back meanwhile")
	come(one, "gone for good")
	_ = people["broke just before, back on two"].ws.CloseNow()
	_ = people["gone for good"].ws.CloseNow()
	awaitBroken(t, one, 2)
	time.Sleep(1100 * time.Millisecond) // the gateways have counted some of their grace
	began := time.Now()
	if err := p.pg.Stop(t.Context(), devcluster.Immediate); err != nil {
		t.Fatal(err)
	}
	time.Sleep(*outage / 4)
	_ = people["broke and back meanwhile"].ws.CloseNow()
	back(one, "broke and back meanwhile")
	back(two, "broke just before, back on two")
	come(two, "new")
	people["new"].post(1, "meanwhile")
	if e := people["steady on one"].heardText("meanwhile"); !e.Pending {
		t.Fatalf("while PostgreSQL should be away: %+v", e)
	}
	time.Sleep(*outage - time.Since(began))
	if err := p.pg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("PostgreSQL was away for %v", time.Since(began).Round(time.Second))
	witness := hello(t, two.addr)
	awaitStored(t, one, 1, people["new"])
	witness.join(1, "witness")
	for left := false; !left; {
		m, err := witness.tryHear(time.Minute)
		if err != nil {
			t.Fatalf("who is gone has not left: %v", err)
		}
		e, ok := m.(talk.Entry)
		left = ok && e.Kind == talk.KindLeft && e.Author == people["gone for good"].uuid
	}
	t.Logf("who was gone had left %v after PostgreSQL was stopped", time.Since(began).Round(100*time.Millisecond))
	time.Sleep(3500 * time.Millisecond) // three rounds more, in which nothing may happen
	for name, who := range people {
		want := []talk.Kind{talk.KindJoined}
		if name == "gone for good" {
			want = append(want, talk.KindLeft)
		}
		t.Run(name, func(t *testing.T) { wantPresence(t, one.store, 1, who.uuid, want...) })
	}
}

// awaitBroken waits until the store knows of so many broken sessions.
func awaitBroken(t *testing.T, n *node, count int) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		list, err := n.store.Broken(t.Context(), history.SessionKey{}, count)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == count {
			return
		}
	}
	t.Fatalf("the store never heard of %d broken connections", count)
}

// awaitStored waits until somebody's post is in the store.
func awaitStored(t *testing.T, n *node, room int32, author *peer) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		entries, _, err := n.store.Before(t.Context(), room, 0, 100)
		if err != nil {
			continue // it is not back yet
		}
		for _, e := range entries {
			if e.Author == author.uuid && e.Kind == talk.KindPosted {
				return
			}
		}
	}
	t.Fatal("what was said meanwhile is not stored")
}
