package gateway_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"

	"tuitalk/fanout"
	"tuitalk/gateway"
	"tuitalk/history"
	"tuitalk/talk"
)

// TestWhatIsSaidWhileEverybodyIsRegisteredAgain: after an outage a gateway enters
// its users anew; a rename and a leave that come meanwhile mean the new epoch.
func TestWhatIsSaidWhileEverybodyIsRegisteredAgain(t *testing.T) {
	t.Parallel()
	nodes, gates := fleetOf(t, nil)
	n, gate := nodes[0], gates[0]
	a, w := hello(t, n.addr), hello(t, n.addr)
	a.join(1, "ada")
	w.join(1, "witness")
	gate.closed.Store(true)
	if waitUnready(t, n) == "" {
		t.Fatal("ready although the store is away")
	}
	enters, letEnter := gate.hold(a.uuid, history.Enter)
	defer letEnter()
	gate.closed.Store(false)
	await(t, "the registering", enters)
	a.say(talk.ChangeName{UUID: a.uuid, Username: "grace", OldUsername: "ada", ID: newID(4)})
	a.say(talk.LeaveRoom{RoomID: 1, UUID: a.uuid, Username: "grace"})
	a.say(talk.Ping{N: 7})
	expect[talk.Pong](a) // what was said before it has been taken
	letEnter()
	if e := w.untilLeft(); e.Author != a.uuid || e.Name != "grace" {
		t.Errorf("left: %+v", e)
	}
	wantPresence(t, n.store, 1, a.uuid, talk.KindJoined, talk.KindRenamed, talk.KindLeft)
}

// deaf hears nothing of what the other nodes say about rooms while off is set.
type deaf struct {
	fanout.Handler
	off atomic.Bool
}

func (d *deaf) Deliver(n *fanout.Note) {
	if !d.off.Load() {
		d.Handler.Deliver(n)
	}
}

// TestWhoComesToANodeThatLags: bob has left, and the node to which ada comes has
// not heard it. She is not left with a list that has bob in it, whether she comes
// anew or back from where she saw him leave.
func TestWhoComesToANodeThatLags(t *testing.T) {
	t.Parallel()
	for _, resumes := range []bool{false, true} {
		name := map[bool]string{false: "anew", true: "back"}[resumes]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := openStore(t, filepath.Join(t.TempDir(), "talk.db"))
			t.Cleanup(func() { _ = store.Close() })
			hub := fanout.NewHub()
			one := startOn(t, store, hub, nil)
			opts := testOptions(t)
			server, err := gateway.New(opts, store)
			if err != nil {
				t.Fatal(err)
			}
			ear := &deaf{Handler: server}
			two := serve(t, server, store, hub.Node(ear), &opts)
			bob, ada, w := hello(t, one.addr), hello(t, one.addr), hello(t, two.addr)
			ada.join(1, "ada")
			bob.join(1, "bob")
			w.join(1, "witness")
			ear.off.Store(true)
			bob.say(talk.LeaveRoom{RoomID: 1, UUID: bob.uuid, Username: "bob"})
			left := ada.untilLeft()
			join := talk.JoinRoom{RoomID: 1, UUID: ada.uuid, Username: "ada"}
			if resumes {
				join.Resume, join.AfterSeq, join.AfterID = true, left.Seq, left.ID
			} else {
				ada = hello(t, two.addr) // somebody else of that name
				join.UUID = ada.uuid
			}
			back := ada.comeBack(two.addr, newID(4))
			back.say(join)
			j := expect[talk.Joined](back)
			list := map[talk.UUID]bool{}
			for _, m := range j.Members {
				list[m.UUID] = true
			}
			ear.off.Store(false)
			back.post(1, "who is here?")
			for _, e := range back.until("who is here?") {
				switch e.Kind {
				case talk.KindJoined:
					list[e.Author] = true
				case talk.KindLeft:
					delete(list, e.Author)
				}
			}
			if list[bob.uuid] || !list[w.uuid] || !list[back.uuid] {
				t.Errorf("the list has bob: %v, the witness: %v, herself: %v", list[bob.uuid], list[w.uuid], list[back.uuid])
			}
		})
	}
}
