package gateway_test

import (
	"slices"
	"sync"
	"testing"

	"tuitalk/gateway"
	"tuitalk/history"
	"tuitalk/talk"
)

// TestALateEnterBringsNobodyBack: the store does not answer an Enter in time, which is
// said again; and the first one comes when its session has broken, or has left.
func TestALateEnterBringsNobodyBack(t *testing.T) {
	t.Parallel()
	nodes, gates := fleetOf(t, shortGrace)
	n, gate := nodes[0], gates[0]
	w := hello(t, n.addr)
	w.join(1, "witness")
	a := hello(t, n.addr)
	a.join(1, "ada")
	second := a.comeBack(n.addr, newID(4)) // whose Enter writes no entry
	late := gate.loseFirst(a.uuid, history.Enter)
	second.join(1, "ada")
	gate.set(nil)
	come := func(when string) {
		t.Helper()
		for i, m := range gate.again(t, late()) {
			if m.Applied {
				t.Errorf("%s: move %d is applied: %+v", when, i, m)
			}
		}
	}
	second.say(talk.LeaveRoom{RoomID: 1, UUID: a.uuid, Username: "ada"})
	second.join(2, "ada") // behind the Leave
	come("after the Leave")
	second.say(talk.LeaveRoom{RoomID: 2, UUID: a.uuid, Username: "ada"})
	_ = a.ws.CloseNow()
	w.untilLeft()
	come("in the end")
	if r, err := n.store.Room(t.Context(), 1, 10); err != nil || r.Count != 1 {
		t.Errorf("in the end the room has %d members, %v", r.Count, err)
	}
}

// TestALateEnterOfAGatewayThatWasRetired: what a gateway has given up on comes after others
// have taken it for dead, as one that was frozen or cut off. It lives, and so nobody would
// end a session that is in the store by its name and that it does not know of.
func TestALateEnterOfAGatewayThatWasRetired(t *testing.T) {
	t.Parallel()
	id := newID(4)
	nodes, gates := fleetOf(t, func(o *gateway.Options) { shortGrace(o); o.ID = id })
	n, gate := nodes[0], gates[0]
	w := hello(t, n.addr)
	w.join(1, "witness")
	a := hello(t, n.addr)
	a.join(1, "ada")
	second := a.comeBack(n.addr, newID(4)) // whose Enter writes no entry
	late := gate.loseFirst(a.uuid, history.Enter)
	second.join(1, "ada")
	gate.set(nil)
	second.say(talk.LeaveRoom{RoomID: 1, UUID: a.uuid, Username: "ada"})
	second.join(2, "ada") // behind the Leave
	if err := n.store.Retire(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for i, m := range gate.again(t, late()) {
		if m.Applied {
			t.Fatalf("move %d is applied: %+v", i, m)
		}
	}
	_ = a.ws.CloseNow()
	if e := w.untilLeft(); e.Author != a.uuid {
		t.Errorf("left: %+v", e)
	}
}

// loseFirst refuses the first call with a move of one user and kind, as one that is
// not answered in time, and keeps what it was.
func (g *gatedStore) loseFirst(who talk.UUID, what history.Action) (lost func() []history.Move) {
	var mu sync.Mutex
	var kept []history.Move
	g.set(func(moves []history.Move) error {
		mu.Lock()
		defer mu.Unlock()
		is := func(m history.Move) bool { return m.Key.UUID == who && m.Action == what }
		if kept != nil || !slices.ContainsFunc(moves, is) {
			return nil
		}
		kept = slices.Clone(moves)
		return history.ErrUnavailable
	})
	return func() []history.Move {
		mu.Lock()
		defer mu.Unlock()
		return kept
	}
}

// again has the store do what it was asked once.
func (g *gatedStore) again(t *testing.T, moves []history.Move) []history.Moved {
	t.Helper()
	if len(moves) == 0 {
		t.Fatal("nothing was lost, so nothing is tested")
	}
	answers, err := g.Store.Move(t.Context(), moves)
	if err != nil {
		t.Fatal(err)
	}
	return answers
}
