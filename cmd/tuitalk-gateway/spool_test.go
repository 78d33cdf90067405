//go:build integration

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/client"
	"tuitalk/deploy/devcluster"
	"tuitalk/fanout/fanouttest"
	"tuitalk/fanout/redisbus"
	"tuitalk/history"
	"tuitalk/history/pgstore"
	"tuitalk/talk"
)

// flapper is a client that loses its line and comes back as the same user.
type flapper struct {
	*wire
	secret talk.Secret
}

func (f *flapper) connect(addr string, room int32) {
	t := f.t
	t.Helper()
	if f.ws != nil {
		_ = f.ws.CloseNow()
	}
	ws, _, err := websocket.Dial(t.Context(), "ws://"+addr+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	f.ws = ws
	if f.secret.IsZero() {
		f.secret = client.NewSecret()
	}
	f.say(talk.Hello{Client: "test", Secret: f.secret})
	for {
		if m, ok := f.hear().(talk.Welcome); ok {
			f.uuid = m.UUID
			break
		}
	}
	f.say(talk.JoinRoom{RoomID: room, UUID: f.uuid, Username: "writer"})
}

// storedIn waits until the room's log has as many texts, and returns them, with
// nobody in the room.
func (f *fleetParts) storedIn(t *testing.T, room int32, count int) (texts []string) {
	t.Helper()
	var store history.Store
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if store == nil {
			s, err := pgstore.Open(t.Context(), f.pg.DSN(), pgstore.Options{})
			if err != nil {
				continue // it is not there yet
			}
			store = s
			defer s.Close()
		}
		entries, _, err := store.Before(t.Context(), room, 0, 500)
		if err != nil {
			continue
		}
		texts = texts[:0]
		for i, e := range entries {
			if e.Seq != int64(i)+1 {
				t.Fatalf("seq %d at place %d", e.Seq, i+1)
			}
			if e.Kind == talk.KindPosted {
				texts = append(texts, e.Text)
			}
		}
		if len(texts) >= count {
			return texts
		}
	}
	t.Fatalf("the log of room %d has %q, want %d texts", room, texts, count)
	return nil
}

// bus opens the fleet's bus as one more node.
func (f *fleetParts) bus(t *testing.T) *redisbus.Bus {
	t.Helper()
	o, err := redisbus.ParseURL(f.redis.URL())
	if err != nil {
		t.Fatal(err)
	}
	b, err := redisbus.Open(t.Context(), o, fanouttest.NewRecorder())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// missStore waits until a gateway knows that the store is away: until then it takes
// from the spool what no store would take.
func (g *gatewayProcess) missStore(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get("http://" + g.admin + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		told, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(told), "\ntuitalk_store_up 0\n") {
			return
		}
	}
	t.Fatal("the gateway does not notice that the store is away")
}

// awaitWaiting waits until so many entries are in the spool.
func awaitWaiting(t *testing.T, b *redisbus.Bus, want int64) {
	t.Helper()
	var depths []int64
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if depths, err = b.Depths(t.Context()); err != nil {
			continue // one node was too slow
		}
		n := int64(0)
		for _, d := range depths {
			n += d
		}
		if n == want {
			return
		}
	}
	t.Fatalf("the spool has not %d entries: %v %v", want, depths, err)
}

// TestSpoolOfADeadGateway: while PostgreSQL is away, a gateway spools for a room in
// which nobody else is, for a client that flaps; before its entries stands one that
// PostgreSQL will never take. Then the gateway is killed, and its client is gone.
// The other gateway, where nobody is, brings all of it but the bad one into the store.
func TestSpoolOfADeadGateway(t *testing.T) {
	t.Parallel()
	const room = 7
	f := startFleetParts(t)
	dying, other := f.gateway(t), f.gateway(t)
	bus := f.bus(t)
	author := &flapper{wire: &wire{t: t}}
	author.connect(dying.addr, room)
	author.stored(room, 0, "before")
	if err := f.pg.Stop(t.Context(), devcluster.Immediate); err != nil {
		t.Fatal(err)
	}
	dying.missStore(t)
	other.missStore(t)
	bad := fanouttest.PendingEntry(room, 1, 1)
	bad.Text = "NUL \x00 is no text"
	if err := bus.Add(t.Context(), []talk.Entry{bad})[0]; err != nil {
		t.Fatal(err)
	}
	texts, ids := []string{"before"}, []talk.UUID{}
	for n := range 5 {
		texts, ids = append(texts, fmt.Sprintf("waits %d", n)), append(ids, newID())
	}
	for range 5 {
		for n, id := range ids {
			author.accepted(room, id, texts[n+1])
		}
		author.connect(dying.addr, room)
	}
	awaitWaiting(t, bus, int64(len(ids))+1)
	_ = author.ws.CloseNow()
	if err := dying.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := f.pg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if stored := f.storedIn(t, room, len(texts)); !slices.Equal(stored, texts) {
		t.Errorf("stored are %q, want %q", stored, texts)
	}
	awaitWaiting(t, bus, 0)
}

// TestSpoolIsLostWithItsMasters: Redis loses what was accepted and shown: masters
// and replicas come back empty. The gateways that showed it store it, in order, and
// before what is said next.
func TestSpoolIsLostWithItsMasters(t *testing.T) {
	t.Parallel()
	const room = 7
	f := startFleetParts(t)
	one, two := f.gateway(t), f.gateway(t)
	author, witness := dialWire(t, one.addr, room), dialWire(t, two.addr, room)
	texts := []string{"before"}
	author.stored(room, 0, "before")
	if err := f.pg.Stop(t.Context(), devcluster.Immediate); err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		text := fmt.Sprintf("shown %d", n)
		texts = append(texts, text)
		author.accepted(room, newID(), text)
	}
	witness.sees(sight{texts[5:], true})
	for i := range f.redis.Addrs() {
		if err := f.redis.Kill(i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range f.redis.Addrs() {
		if err := f.redis.WipeAndStart(t.Context(), i); err != nil {
			t.Logf("node %d: %v", i, err) // it is not whole before the last one is there
		}
	}
	if err := f.redis.AwaitWhole(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.pg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	witness.sees(sight{texts[1:], false})
	author.stored(room, 9, "after")
	witness.sees(sight{[]string{"after"}, false})
	if stored, want := f.storedIn(t, room, len(texts)+1), append(texts, "after"); !slices.Equal(stored, want) {
		t.Errorf("stored are %q, want %q", stored, want)
	}
}

// sight is what a client sees: texts, one after the other.
type sight struct {
	texts   []string
	pending bool
}

// sees reads until the last of the texts comes; those of its kind must come in
// order, each once.
func (w *wire) sees(want sight) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for next := 0; next < len(want.texts) && ctx.Err() == nil; {
		e, ok := w.hear().(talk.Entry)
		if !ok || e.Kind != talk.KindPosted || e.Pending != want.pending {
			continue
		}
		if e.Text == want.texts[next] {
			next++
		} else if next > 0 || slices.Contains(want.texts, e.Text) {
			w.t.Fatalf("shown is %q, want %q", e.Text, want.texts[next])
		}
	}
}
