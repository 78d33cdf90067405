//go:build integration

package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/history/pgstore"
	"tuitalk/talk"
)

// TestTheOriginalsClientsInAFleet: clients of the original's form alone talk
// through Nginx; two gateways are killed, one after the other, and PostgreSQL is
// away for a while.
func TestTheOriginalsClientsInAFleet(t *testing.T) {
	t.Parallel()
	c, err := devcluster.StartCluster(t.Context(), devcluster.ClusterOptions{
		Program: programs.gateway, GatewayArgs: []string{"-limits", "none"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("gateways are killed", func(t *testing.T) { originalsAndDeadGateways(t, c) })
	t.Run("PostgreSQL is away", func(t *testing.T) { originalsAndPending(t, c) })
}

func originalsAndDeadGateways(t *testing.T, c *devcluster.Cluster) {
	ctx, end := context.WithCancel(t.Context())
	var living sync.WaitGroup
	defer living.Wait()
	defer end()
	var all []*original
	for _, name := range []string{"ann", "bob", "cy", "dan", "eve", "fay"} {
		o := &original{t: t, url: c.URL(), room: 1, uuid: newID(), name: name, has: map[string]bool{}, again: map[string]int{}}
		o.quiet.Store(true)
		o.idle.Store(true)
		all = append(all, o)
		living.Go(func() { o.live(ctx) })
	}
	awaitAll(t, all, "to have joined", func(o *original) bool { return o.joined.Load() })
	for _, o := range all {
		o.quiet.Store(false)
	}
	for _, g := range c.Gateways[:2] {
		time.Sleep(time.Second) // they talk
		if err := g.Kill(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		time.Sleep(100 * time.Millisecond) // they notice
		awaitAll(t, all, "to be there again", func(o *original) bool { return o.joined.Load() })
		t.Logf("everybody has joined again %v after %s was killed", time.Since(began).Round(10*time.Millisecond), g.Name())
		if err := g.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range all {
		o.quiet.Store(true)
	}
	awaitAll(t, all, "to see their last words", func(o *original) bool { return o.idle.Load() })
	stored := postsOf(t, c, 1)
	awaitAll(t, all, "to see everything", func(o *original) bool { return o.seen.Load() >= int64(len(stored.place)) })
	end()
	living.Wait()
	broke := 0
	for _, o := range all {
		broke += len(o.lives) - 1
		o.check(stored)
	}
	if broke < 3 { // six on three gateways, two on each at first
		t.Errorf("only %d connections broke", broke)
	}
	t.Logf("%d texts, %d connections broke", len(stored.place), broke)
}

// stored is what the store has of a room's posts.
type stored struct {
	place    map[string]int // of a text among them, the first time
	times    map[string]int
	presence map[talk.UUID][]talk.Kind
}

func postsOf(t *testing.T, c *devcluster.Cluster, room int32) *stored {
	t.Helper()
	store, err := pgstore.Open(t.Context(), c.Postgres.DSN(), pgstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s := &stored{map[string]int{}, map[string]int{}, map[talk.UUID][]talk.Kind{}}
	for after := int64(0); ; {
		entries, err := store.After(t.Context(), room, after, 500)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return s
		}
		for _, e := range entries {
			after = e.Seq
			if e.Kind != talk.KindPosted {
				s.presence[e.Author] = append(s.presence[e.Author], e.Kind)
				continue
			}
			if s.times[e.Text]++; s.times[e.Text] == 1 {
				s.place[e.Text] = int(e.Seq)
			}
		}
	}
}

// check compares what it was shown and what it said with the store.
func (o *original) check(s *stored) {
	for text := range s.place {
		if !o.has[text] {
			o.t.Errorf("%s was never shown %q", o.name, text)
		}
	}
	for n := range o.said {
		text := fmt.Sprintf("%s %d", o.name, n+1)
		if times := s.times[text]; times < 1 || times > 1+o.again[text] {
			o.t.Errorf("%q was said %d times and is stored %d times", text, 1+o.again[text], times)
		}
	}
	for _, live := range o.lives {
		last := 0
		for _, e := range live {
			if s.times[e.Text] > 1 {
				continue // it has two places
			}
			if at := s.place[e.Text]; at <= last {
				o.t.Errorf("%s was shown %q at the wrong place", o.name, e.Text)
			} else {
				last = at
			}
		}
	}
	if got, want := s.presence[o.uuid], []talk.Kind{talk.KindJoined}; !slices.Equal(got, want) {
		o.t.Errorf("the log says %v of %s, want %v", got, o.name, want)
	}
}

func awaitAll(t *testing.T, all []*original, what string, is func(*original) bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if !slices.ContainsFunc(all, func(o *original) bool { return !is(o) }) {
			return
		}
	}
	t.Fatalf("waited in vain for the clients %s", what)
}

// originalsAndPending: what waits for PostgreSQL is shown to the extended form,
// and to the original's only when it is stored.
func originalsAndPending(t *testing.T, c *devcluster.Cluster) {
	const room = 2
	addr := c.Nginx.Addr()
	extended := visitor{t: t, form: talk.Extended, session: newID()}.visit(addr)
	extended.join(room, "new")
	ann := visitor{t: t, form: talk.Bincode, uuid: newID()}.visit(addr)
	bob := visitor{t: t, form: talk.Bincode, uuid: newID()}.visit(addr)
	ann.join(room, "ann")
	bob.join(room, "bob")
	heard := [...]<-chan talk.Entry{ann.listen(), bob.listen()}
	if err := c.Postgres.Stop(t.Context(), devcluster.Immediate); err != nil {
		t.Fatal(err)
	}
	const count = 5
	for n := range count {
		text := fmt.Sprintf("meanwhile %d", n)
		ann.post(room, talk.UUID{}, text)
		if e := extended.heardPost(); !e.Pending || e.Text != text {
			t.Errorf("the extended form is shown %+v", e)
		}
	}
	time.Sleep(2 * time.Second) // so that what is stored has another time than what was accepted
	again := uint64(time.Now().Unix())
	if err := c.Postgres.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, posts := range heard {
		for n := range count {
			if e := <-posts; e.Text != fmt.Sprintf("meanwhile %d", n) || e.UnixTime < again {
				t.Errorf("shown is %+v at place %d; PostgreSQL was back at %d", e, n, again)
			}
		}
	}
	bob.post(room, talk.UUID{}, "we go on") // and nothing was shown twice before it
	for _, posts := range heard {
		if e := <-posts; e.Text != "we go on" {
			t.Errorf("shown is %+v", e)
		}
	}
}

// heardPost reads until somebody's post comes.
func (v *visitor) heardPost() talk.Entry {
	v.t.Helper()
	for {
		if e := hearOf[talk.Entry](v); e.Kind == talk.KindPosted {
			return e
		}
	}
}

// listen reads all the time, as programs do: only so are pings answered, without
// which Nginx takes the line for dead. The posts end when the connection does.
func (v *visitor) listen() <-chan talk.Entry {
	posts := make(chan talk.Entry, 64)
	go func() {
		defer close(posts)
		for {
			m, err := v.tryHear(patience)
			if err != nil {
				return // the visitor's end closes the connection
			}
			if e, ok := m.(talk.Entry); ok && e.Kind == talk.KindPosted {
				posts <- e
			}
		}
	}()
	return posts
}
