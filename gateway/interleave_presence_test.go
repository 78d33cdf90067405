package gateway_test

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway"
	"tuitalk/history"
	"tuitalk/talk"
)

// gatedStore is one node's way to the store of a fleet. What is set as gate sees
// each change of presence before the store does: it may hold it up, or refuse it.
type gatedStore struct {
	history.Store
	mu     sync.Mutex
	gate   func([]history.Move) error // nil: open
	beats  atomic.Int64               // leases renewed since the last count
	closed atomic.Bool                // nothing gets through
}

func (g *gatedStore) set(gate func([]history.Move) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gate = gate
}

func (g *gatedStore) Move(ctx context.Context, moves []history.Move) ([]history.Moved, error) {
	g.mu.Lock()
	gate := g.gate
	g.mu.Unlock()
	if gate != nil {
		if err := gate(moves); err != nil {
			return nil, err
		}
		ctx = context.WithoutCancel(ctx) // the time at the gate is not the caller's
	}
	if g.closed.Load() {
		return nil, history.ErrUnavailable
	}
	return g.Store.Move(ctx, moves)
}

func (g *gatedStore) Renew(ctx context.Context, id talk.UUID) error {
	if g.closed.Load() {
		return history.ErrUnavailable
	}
	g.beats.Add(1)
	return g.Store.Renew(ctx, id)
}

// hold keeps the moves of one user and kind at the gate: reached is closed when
// the first is there, and all go on when release is called.
func (g *gatedStore) hold(who talk.UUID, what history.Action) (reached <-chan struct{}, release func()) {
	there, open := make(chan struct{}), make(chan struct{})
	arrive := sync.OnceFunc(func() { close(there) })
	g.set(func(moves []history.Move) error {
		if slices.ContainsFunc(moves, func(m history.Move) bool { return m.Key.UUID == who && m.Action == what }) {
			arrive()
			<-open
		}
		return nil
	})
	return there, sync.OnceFunc(func() { close(open) })
}

// fleetOf starts gateways that share a store and a hub, each with its own gate.
func fleetOf(t *testing.T, changes ...func(*gateway.Options)) (nodes []*node, gates []*gatedStore) {
	t.Helper()
	store := openStore(t, filepath.Join(t.TempDir(), "talk.db"))
	t.Cleanup(func() { _ = store.Close() })
	hub := fanout.NewHub()
	for _, change := range changes {
		gate := &gatedStore{Store: store}
		nodes, gates = append(nodes, startOn(t, gate, hub, change)), append(gates, gate)
	}
	return nodes, gates
}

func await(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
}

// presenceOf lists what the log of a room says of somebody's coming and going.
func presenceOf(t *testing.T, log history.Log, room int32, who talk.UUID) (kinds []talk.Kind) {
	t.Helper()
	entries, _, err := log.Before(context.Background(), room, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Author == who && e.Kind != talk.KindPosted {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

func wantPresence(t *testing.T, log history.Log, room int32, who talk.UUID, want ...talk.Kind) {
	t.Helper()
	if got := presenceOf(t, log, room, who); !slices.Equal(got, want) {
		t.Errorf("the log says %v of them, want %v", got, want)
	}
}

// untilLeft reads up to the first UserLeft.
func (p *peer) untilLeft() talk.Entry {
	p.t.Helper()
	for {
		if e := expect[talk.Entry](p); e.Kind == talk.KindLeft {
			return e
		}
	}
}

// goAway ends a session: it says so, or its connection breaks.
var goAway = map[string]func(p *peer, room int32){
	"said goodbye": func(p *peer, room int32) {
		p.say(talk.LeaveRoom{RoomID: room, UUID: p.uuid, Username: "ada"})
	},
	"broke": func(p *peer, _ int32) { _ = p.ws.CloseNow() },
}

// TestTwoTabsOnTwoGateways: a user has come with the first tab and has left with
// the last, however each of them goes. Each way has a room of its own.
func TestTwoTabsOnTwoGateways(t *testing.T) {
	t.Parallel()
	nodes, _ := fleetOf(t, shortGrace, shortGrace)
	type tabs struct {
		first, last     string // how they go
		a, b, w         *peer
		firstGo, lastGo func(*peer, int32)
	}
	var all []*tabs
	for first, firstGo := range goAway {
		for last, lastGo := range goAway {
			x := &tabs{first: first, last: last, firstGo: firstGo, lastGo: lastGo}
			all = append(all, x)
			room := int32(len(all))
			x.w = hello(t, nodes[1].addr)
			x.w.join(room, "witness")
			x.a = hello(t, nodes[0].addr)
			x.a.join(room, "ada")
			x.b = x.a.comeBack(nodes[1].addr, newID(4))
			x.b.join(room, "ada")
			firstGo(x.a, room)
		}
	}
	time.Sleep(4 * time.Second) // longer than the grace and two rounds: nothing may happen in it
	for i, x := range all {
		room := int32(i + 1)
		x.b.post(room, "still here")
		for _, e := range x.w.until("still here") {
			if e.Kind == talk.KindLeft {
				t.Errorf("one tab %s: left with the other open: %+v", x.first, e)
			}
		}
		x.lastGo(x.b, room)
	}
	for i, x := range all {
		if e := x.w.untilLeft(); e.Author != x.a.uuid {
			t.Errorf("one tab %s, then the other %s: left: %+v", x.first, x.last, e)
		}
		wantPresence(t, nodes[0].store, int32(i+1), x.a.uuid, talk.KindJoined, talk.KindLeft)
	}
}

// TestBothTabsGoAtOnce: both gateways have the user's leaving at the store's door
// at the same time, each for its own tab or both for both.
func TestBothTabsGoAtOnce(t *testing.T) {
	t.Parallel()
	for how, goes := range goAway {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			nodes, gates := fleetOf(t, shortGrace, shortGrace)
			w := hello(t, nodes[1].addr)
			w.join(1, "witness")
			a := hello(t, nodes[0].addr)
			a.join(1, "ada")
			b := a.comeBack(nodes[1].addr, newID(4))
			b.join(1, "ada")
			atOne, openOne := gates[0].hold(a.uuid, history.Leave)
			atTwo, openTwo := gates[1].hold(a.uuid, history.Leave)
			defer openOne()
			defer openTwo()
			goes(a, 1)
			goes(b, 1)
			await(t, "the first gateway's Leave", atOne)
			await(t, "the second gateway's Leave", atTwo)
			openOne()
			openTwo()
			w.untilLeft()
			time.Sleep(3 * time.Second) // two more rounds, in which nothing may happen
			w.post(1, "the end")
			for _, e := range w.until("the end") {
				if e.Kind != talk.KindPosted {
					t.Errorf("after the user has left: %+v", e)
				}
			}
			wantPresence(t, nodes[0].store, 1, a.uuid, talk.KindJoined, talk.KindLeft)
		})
	}
}
