//go:build integration

package main

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tuitalk/deploy/devcluster"
)

// TestStartInAnOutage: PostgreSQL is away, and gateways start. They are ready, and
// say what is degraded; newcomers talk over them. When PostgreSQL is back, all of it
// is stored, and the gateways work as any other.
func TestStartInAnOutage(t *testing.T) {
	t.Parallel()
	const room = 7
	f := startFleetParts(t)
	if err := f.pg.Stop(t.Context(), devcluster.Immediate); err != nil {
		t.Fatal(err)
	}
	one, two := f.gateway(t), f.gateway(t)
	resp, err := http.Get("http://" + one.admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || !strings.HasPrefix(string(body), "ready\ndegraded: the store is away") {
		t.Errorf("/readyz says %q, %v", body, err)
	}
	author, witness := dialWire(t, one.addr, room), dialWire(t, two.addr, room)
	witness.accepted(room, newID(), "here") // so that it is in the room
	texts := []string{"first", "second", "third"}
	for _, text := range texts {
		author.accepted(room, newID(), text)
	}
	witness.sees(sight{texts[2:], true})
	if err := f.pg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	witness.sees(sight{texts, false})
	if stored, want := f.storedIn(t, room, len(texts)+1), append([]string{"here"}, texts...); !slices.Equal(stored, want) {
		t.Errorf("stored are %q, want %q", stored, want)
	}
	late := dialWire(t, two.addr, room)
	late.stored(room, 0, "after")
	author.sees(sight{[]string{"after"}, false})
}
