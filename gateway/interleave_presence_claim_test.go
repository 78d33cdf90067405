package gateway_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/gateway"
	"tuitalk/history"
	"tuitalk/talk"
)

// leftBehind is a user whose gateway died without a word.
func leftBehind(t *testing.T, n *node, room int32) (p *peer, session talk.UUID) {
	t.Helper()
	p, session = hello(t, n.addr), newID(4)
	_ = p.ws.CloseNow()
	dead := newID(4)
	enter := history.Move{
		Action: history.Enter, Key: history.SessionKey{RoomID: room, UUID: p.uuid, Session: session},
		Gateway: dead, Name: "ada", EntryID: newID(4), Quiet: talk.MaxListed,
	}
	if _, err := n.store.Move(t.Context(), []history.Move{enter}); err != nil {
		t.Fatal(err)
	}
	if err := n.store.Retire(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	return p, session
}

// TestAClaimRacesAResume: the grace of a dead gateway's user is over, and one
// node's claim is at the store's door at the moment when another node lets the
// user in again.
func TestAClaimRacesAResume(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]talk.Kind{
		"the claim is first":  {talk.KindJoined, talk.KindLeft, talk.KindJoined},
		"the resume is first": {talk.KindJoined},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nodes, gates := fleetOf(t, shortGrace, nil)
			claimer, other := gates[0], gates[1]
			w := hello(t, nodes[1].addr)
			w.join(1, "witness")
			ghost, session := leftBehind(t, nodes[1], 1)
			claims, letClaim := claimer.hold(ghost.uuid, history.Leave)
			defer letClaim()
			resumes, letResume := other.hold(ghost.uuid, history.Enter)
			defer letResume()
			await(t, "the claim", claims)
			back := ghost.comeBack(nodes[1].addr, session)
			back.say(talk.JoinRoom{RoomID: 1, UUID: back.uuid, Username: "ada"})
			await(t, "the resume", resumes)
			if len(want) == 1 {
				letResume()
				expect[talk.Joined](back)
				letClaim()
			} else {
				letClaim()
				w.untilLeft()
				letResume()
				expect[talk.Joined](back)
			}
			time.Sleep(3 * time.Second) // longer than the grace: nothing may happen in it
			back.post(1, "I am here")
			w.until("I am here")
			wantPresence(t, nodes[0].store, 1, ghost.uuid, want...)
			room, err := nodes[0].store.Room(t.Context(), 1, talk.MaxListed)
			if err != nil || room.Count != 2 {
				t.Errorf("the store counts %d members, %v", room.Count, err)
			}
		})
	}
}

// TestAZombiesChangesAreStale: a rename stands at the store's door, and a leave
// behind it, when the session moves to another gateway; it gets there later. The
// zombie is closed meanwhile.
func TestAZombiesChangesAreStale(t *testing.T) {
	t.Parallel()
	nodes, gates := fleetOf(t, nil, nil)
	w := hello(t, nodes[1].addr)
	w.join(1, "witness")
	session := newID(4)
	a := hello(t, nodes[0].addr).comeBack(nodes[0].addr, session)
	a.join(1, "ada")
	renames, letRename := gates[0].hold(a.uuid, history.Rename)
	defer letRename()
	a.say(talk.ChangeName{UUID: a.uuid, Username: "zed", OldUsername: "ada", ID: newID(4)})
	a.say(talk.LeaveRoom{RoomID: 1, UUID: a.uuid, Username: "ada"})
	await(t, "the rename", renames)
	b := a.comeBack(nodes[1].addr, session)
	b.join(1, "ada")
	if code, _ := a.expectClose(); code != talk.CloseSuperseded {
		t.Errorf("the zombie is closed with %d", code)
	}
	letRename()
	b.post(1, "it is me")
	for _, e := range w.until("it is me") {
		if e.Kind == talk.KindPosted && e.Name != "ada" {
			t.Errorf("posted as %q", e.Name)
		}
	}
	wantPresence(t, nodes[0].store, 1, a.uuid, talk.KindJoined)
}

// TestAClaimThatTheStoreMissesIsDropped: a user's grace is over just when the
// store goes away for everybody. The user comes back meanwhile, on another
// gateway, which gets to the store after the claimer.
func TestAClaimThatTheStoreMissesIsDropped(t *testing.T) {
	t.Parallel()
	grace := func(o *gateway.Options) { o.Grace, o.LeaseLost = 4500*time.Millisecond, 4*time.Second }
	nodes, gates := fleetOf(t, grace, grace)
	claimer, other := gates[0], gates[1]
	w := hello(t, nodes[1].addr)
	w.join(1, "witness")
	session := newID(4)
	a := hello(t, nodes[0].addr).comeBack(nodes[0].addr, session)
	a.join(1, "ada")
	claimed := make(chan struct{})
	claim := sync.OnceFunc(func() { close(claimed) })
	outage := func(moves []history.Move) error {
		if moves[0].Action == history.Leave {
			claimer.closed.Store(true)
			other.closed.Store(true)
			claim()
			return history.ErrUnavailable
		}
		return nil
	}
	claimer.set(outage)
	other.set(outage)
	_ = a.ws.CloseNow()
	await(t, "the claim", claimed)
	b := a.comeBack(nodes[1].addr, session)
	b.say(talk.JoinRoom{RoomID: 1, UUID: b.uuid, Username: "ada"})
	time.Sleep(time.Second) // long enough that the other gateway asks for the user in vain
	var claims atomic.Int64
	refuse := func(moves []history.Move) error {
		if slices.ContainsFunc(moves, func(m history.Move) bool { return m.Action == history.Leave }) {
			claims.Add(1)
			return history.ErrUnavailable
		}
		return nil
	}
	claimer.set(refuse)
	other.set(refuse)
	claimer.beats.Store(0)
	opened := time.Now()
	claimer.closed.Store(false)
	for claimer.beats.Load() < 2 { // it has had time to do what it had in mind
		time.Sleep(10 * time.Millisecond)
	}
	// A machine that stood still for a lease may see a rightful one.
	if n := claims.Load(); n > 0 && time.Since(opened) < 4*time.Second {
		t.Errorf("the claimer repeats what the store missed, %d times", n)
	}
	other.closed.Store(false)
	expect[talk.Joined](b)
	claimer.set(nil)
	other.set(nil)
	time.Sleep(2 * time.Second) // two rounds, in which nothing may happen
	b.post(1, "back")
	w.until("back")
	wantPresence(t, nodes[0].store, 1, a.uuid, talk.KindJoined)
}
