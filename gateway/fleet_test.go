//go:build integration

package gateway_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/fanout/redisbus"
	"tuitalk/gateway"
	"tuitalk/history"
	"tuitalk/history/pgstore"
	"tuitalk/talk"
)

// parts are the real servers that a fleet needs.
type parts struct {
	pg    *devcluster.Postgres
	redis *devcluster.RedisCluster
}

func startParts(t *testing.T) *parts {
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
	return &parts{pg, redis}
}

// gateway starts a gateway of this process on the fleet's parts.
func (p *parts) gateway(t *testing.T, change func(*gateway.Options)) *node {
	t.Helper()
	store := p.openStore(t)
	opts := testOptions(t)
	if change != nil {
		change(&opts)
	}
	server, err := gateway.New(opts, store)
	if err != nil {
		t.Fatal(err)
	}
	busOpts, err := redisbus.ParseURL(p.redis.URL())
	if err != nil {
		t.Fatal(err)
	}
	busOpts.Logger = opts.Log
	bus, err := redisbus.Open(t.Context(), busOpts, server)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, server, store, bus, &opts)
}

// openStore opens a store in the database. A busy machine may have no time for a new
// connection for as long as it has.
func (p *parts) openStore(t *testing.T) (store *pgstore.Store) {
	t.Helper()
	eventually(t, "the store opens", func() bool {
		var err error
		store, err = pgstore.Open(t.Context(), p.pg.DSN(), pgstore.Options{})
		if err != nil && !errors.Is(err, history.ErrUnavailable) {
			t.Fatal(err)
		}
		return err == nil
	})
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// TestPostgresIsAwayAndBack: what is said meanwhile is accepted, shown as
// pending on every node, and stored in the order in which each author said it.
func TestPostgresIsAwayAndBack(t *testing.T) {
	t.Parallel()
	p := startParts(t)
	one, two := p.gateway(t, nil), p.gateway(t, nil)
	a, b := hello(t, one.addr), hello(t, two.addr)
	a.join(1, "ada")
	b.join(1, "bob")
	a.postStored(1, "before")
	b.heardStored("before")
	if err := p.pg.Stop(t.Context(), devcluster.Immediate); err != nil {
		t.Fatal(err)
	}
	ids := map[talk.UUID]string{}
	for i := range 10 {
		text := fmt.Sprintf("meanwhile %d", i)
		id := a.post(1, text)
		ids[id] = text
		if acc := expect[talk.Accepted](a); acc.ID != id {
			t.Fatalf("accepted %s, posted %s", acc.ID, id)
		}
		if e := b.heardText(text); !e.Pending || e.Seq != 0 || e.ID != id {
			t.Fatalf("shown elsewhere as %+v", e)
		}
	}
	late := hello(t, one.addr)
	if j := late.join(1, "cy"); j.RoomID != 1 {
		t.Errorf("a newcomer is told %+v", j)
	}
	if e := late.heardText("meanwhile 0"); !e.Pending {
		t.Errorf("a newcomer sees %+v", e)
	}
	if err := p.pg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, peer := range map[string]*peer{"author": a, "other node": b} {
		last := int64(0)
		for i := 0; i < 10; {
			e := expect[talk.Entry](peer)
			if e.Kind != talk.KindPosted || e.Pending {
				continue
			}
			if want := fmt.Sprintf("meanwhile %d", i); e.Text != want || e.Seq <= last || ids[e.ID] != want {
				t.Fatalf("%s: %+v where %q should be", name, e, want)
			}
			last = e.Seq
			i++
		}
	}
	a.post(1, "after")
	b.heardStored("after")
}

// TestAllOfRedisIsAwayAndBack: the store alone carries the rooms meanwhile.
func TestAllOfRedisIsAwayAndBack(t *testing.T) {
	t.Parallel()
	p := startParts(t)
	one, two := p.gateway(t, nil), p.gateway(t, nil)
	a, b := hello(t, one.addr), hello(t, two.addr)
	a.join(1, "ada")
	b.join(1, "bob")
	a.postStored(1, "before")
	b.heardStored("before")
	for i := range 6 {
		if err := p.redis.Kill(i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		text := fmt.Sprintf("meanwhile %d", i)
		a.post(1, text)
		if e := b.heardText(text); e.Pending || e.Seq == 0 {
			t.Fatalf("shown elsewhere as %+v", e)
		}
	}
	for i := range 6 {
		if err := p.redis.WipeAndStart(t.Context(), i); err != nil {
			t.Logf("node %d: %v", i, err)
		}
	}
	for i := range 5 {
		text := fmt.Sprintf("after %d", i)
		b.post(1, text)
		a.heardText(text)
	}
}

// TestRedisAndPostgresAreAway: nothing is accepted, nothing is called stored, and
// what the clients send again is stored once when the store is back.
func TestRedisAndPostgresAreAway(t *testing.T) {
	t.Parallel()
	p := startParts(t)
	n := p.gateway(t, nil)
	a := hello(t, n.addr)
	a.join(1, "ada")
	for i := range 6 {
		if err := p.redis.Kill(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.pg.Stop(t.Context(), devcluster.Immediate); err != nil {
		t.Fatal(err)
	}
	e := talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: a.uuid, Text: "hold on", ID: newID(4)}
	a.say(e)
	refused := false
	for !refused {
		switch m := a.hear().(type) {
		case talk.Error:
			if !m.Retry || m.ID != e.ID {
				t.Fatalf("refused with %+v", m)
			}
			refused = true
		case talk.Accepted, talk.Stored:
			t.Fatalf("%+v with neither Redis nor PostgreSQL", m)
		}
	}
	if err := p.pg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for round := int32(1); ; round++ {
		e.Round = round
		a.say(e)
		switch m := nextAnswer(a, e.ID).(type) {
		case talk.Stored:
			return
		case talk.Error:
			time.Sleep(100 * time.Millisecond) // as a client waits before it sends again
		default:
			t.Fatalf("answered with %+v", m)
		}
	}
}

// nextAnswer reads until the fate of an entry is told.
func nextAnswer(p *peer, id talk.UUID) talk.Message {
	p.t.Helper()
	for {
		switch m := p.hear().(type) {
		case talk.Stored:
			if m.ID == id {
				return m
			}
		case talk.Accepted:
			if m.ID == id {
				return m
			}
		case talk.Error:
			return m
		}
	}
}
