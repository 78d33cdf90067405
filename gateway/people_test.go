package gateway_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/talk"
)

// twoNodes are two gateways on one store, each with a store of its own in front; the
// bus between them may be missing.
func twoNodes(t *testing.T, bus bool) (one, two *node, oneStore *flakyStore) {
	t.Helper()
	store := openStore(t, filepath.Join(t.TempDir(), "talk.db"))
	t.Cleanup(func() { _ = store.Close() })
	hub, other := fanout.NewHub(), fanout.NewHub()
	if bus {
		other = hub
	}
	oneStore = &flakyStore{Store: store}
	return startOn(t, oneStore, hub, nil), startOn(t, store, other, nil), oneStore
}

// wantSuperseded waits until old is closed for a newer connection of its session,
// which goes on, and whose user has joined once and never left.
func wantSuperseded(t *testing.T, old, renewed *peer, n *node) {
	t.Helper()
	if code, reason := old.expectClose(); code != talk.CloseSuperseded || reason == "" {
		t.Errorf("the older one is closed with %d %q", code, reason)
	}
	renewed.post(1, "me")
	renewed.heardText("me")
	wantPresence(t, n.store, 1, renewed.uuid, talk.KindJoined)
}

func TestOneSessionIsOnOneGateway(t *testing.T) {
	t.Parallel()
	for name, bus := range map[string]bool{"told by the bus": true, "found in the store": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, two, _ := twoNodes(t, bus)
			session := newID(4)
			old := hello(t, one.addr).comeBack(one.addr, session)
			old.join(1, "ada")
			renewed := old.comeBack(two.addr, session)
			renewed.join(1, "ada")
			wantSuperseded(t, old, renewed, two)
		})
	}
}

// TestAReregistrationTakesNothingFromANewerConnection: a gateway does not reach the
// store while its user comes to another one, and registers its sessions again then.
func TestAReregistrationTakesNothingFromANewerConnection(t *testing.T) {
	t.Parallel()
	one, two, oneStore := twoNodes(t, false)
	session := newID(4)
	old := hello(t, one.addr).comeBack(one.addr, session)
	old.join(1, "ada")
	oneStore.away.Store(true)
	if waitUnready(t, one) == "" {
		t.Fatal("ready although the store is away")
	}
	renewed := old.comeBack(two.addr, session)
	renewed.join(1, "ada")
	oneStore.away.Store(false)
	wantSuperseded(t, old, renewed, two)
	for end := time.Now().Add(2500 * time.Millisecond); time.Now().Before(end); { // rounds of the keepers, in which it may not be taken back
		renewed.post(1, "still here")
		renewed.heardText("still here")
		time.Sleep(100 * time.Millisecond)
	}
}

// renamedTo waits for the entry that gives a user another name.
func (p *peer) renamedTo(who talk.UUID, name string) {
	p.t.Helper()
	for {
		if e := expect[talk.Entry](p); e.Kind == talk.KindRenamed && e.Author == who && e.Name == name {
			return
		}
	}
}

// TestARenameReachesAllWindows: of the same node and of another, in the same room and
// in another one.
func TestARenameReachesAllWindows(t *testing.T) {
	t.Parallel()
	for _, room := range []int32{1, 2} {
		for _, elsewhere := range []bool{false, true} {
			t.Run(fmt.Sprintf("room %d, other gateway %v", room, elsewhere), func(t *testing.T) {
				t.Parallel()
				one, two, _ := twoNodes(t, true)
				if !elsewhere {
					two = one
				}
				first, witness := hello(t, one.addr), hello(t, two.addr)
				second := first.comeBack(two.addr, newID(4))
				first.join(1, "ada")
				second.join(room, "ada")
				witness.join(room, "witness")
				witness.say(talk.ChangeName{UUID: witness.uuid, Username: "wit", OldUsername: "witness", ID: newID(4)})
				witness.renamedTo(witness.uuid, "wit") // the nodes hear each other by then
				first.say(talk.ChangeName{UUID: first.uuid, Username: "grace", OldUsername: "ada", ID: newID(4)})
				witness.renamedTo(first.uuid, "grace")
				second.renamedTo(first.uuid, "grace")
				second.post(room, "it is me")
				if e := witness.heardText("it is me"); e.Name != "grace" {
					t.Errorf("the other window posts as %q", e.Name)
				}
				if e := second.heardText("it is me"); e.Name != "grace" {
					t.Errorf("the other window sees itself as %q", e.Name)
				}
			})
		}
	}
}

// granted waits for the answer to a ChangeName that needs no entry.
func (p *peer) granted(id talk.UUID, name string) {
	p.t.Helper()
	for {
		e := expect[talk.Entry](p)
		if e.Kind != talk.KindRenamed || e.Seq > 0 {
			continue
		}
		if e.ID != id || e.Author != p.uuid || e.Name != name || e.RoomID != 1 {
			p.t.Errorf("granted: %+v", e)
		}
		return
	}
}

// TestAChangeOfNameThatNeedsNoEntryIsAnswered: to who asked, and to nobody else; by the
// name that holds now, under which he goes on to speak.
func TestAChangeOfNameThatNeedsNoEntryIsAnswered(t *testing.T) {
	t.Parallel()
	one, two, _ := twoNodes(t, true)
	first, witness := hello(t, one.addr), hello(t, one.addr)
	second := first.comeBack(two.addr, newID(4))
	first.join(1, "ada")
	second.join(1, "ada")
	witness.join(1, "witness")
	ask := func(p *peer, name string, id talk.UUID) {
		p.say(talk.ChangeName{UUID: p.uuid, Username: name, ID: id})
	}
	same, granted := newID(4), newID(4)
	ask(first, "ada", same)
	first.granted(same, "ada")
	ask(first, "grace", granted)
	first.renamedTo(first.uuid, "grace")
	second.renamedTo(first.uuid, "grace")
	ask(second, "hopper", newID(4))
	first.renamedTo(first.uuid, "hopper")

	ask(first, "grace", granted) // once more: it was granted long ago
	first.granted(granted, "hopper")
	back := first.comeBack(one.addr, newID(4)) // and in a window that has heard of none of it
	back.join(1, "ada")
	ask(back, "grace", granted)
	back.granted(granted, "hopper")
	for i, p := range []*peer{first, back} {
		text := fmt.Sprint("by the newest name ", i)
		p.post(1, text)
		for _, e := range witness.until(text) {
			if e.Seq == 0 || e.Text == text && e.Name != "hopper" {
				t.Errorf("the room is told: %+v", e)
			}
		}
	}
	quiet := hello(t, one.addr)
	quiet.join(1, "quiet")
	quiet.say(talk.ChangeName{UUID: quiet.uuid, Username: "quiet"}) // without an id nobody knows what it answers
	quiet.post(1, "that is all")
	for _, e := range quiet.until("that is all") {
		if e.Seq == 0 {
			t.Errorf("told without having asked: %+v", e)
		}
	}
}

// TestNothingIsPostedUnderAnOlderName: what another window of the node says while a
// rename is on its way is stored before it under the old name, or behind it under the
// new one.
func TestNothingIsPostedUnderAnOlderName(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	first := hello(t, n.addr)
	second := first.comeBack(n.addr, newID(4))
	first.join(1, "ada")
	second.join(1, "ada")
	for i := range 20 {
		for range 20 {
			second.post(1, "on and on")
		}
		first.say(talk.ChangeName{UUID: first.uuid, Username: fmt.Sprintf("ada %d", i), ID: newID(4)})
		for range 20 {
			second.post(1, "on and on")
		}
		first.renamedTo(first.uuid, fmt.Sprintf("ada %d", i))
	}
	second.post(1, "the end")
	second.heardText("the end")
	log, err := n.store.After(t.Context(), 1, 0, 2000)
	if err != nil {
		t.Fatal(err)
	}
	name := ""
	for _, e := range log {
		if e.Kind != talk.KindPosted {
			name = e.Name
		} else if e.Name != name {
			t.Fatalf("entry %d is posted as %q by who is %q", e.Seq, e.Name, name)
		}
	}
}

// waitPresence waits until the log of a room tells this of a user.
func waitPresence(t *testing.T, n *node, room int32, user talk.UUID, want ...string) {
	t.Helper()
	var got []string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		log, err := n.store.After(t.Context(), room, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		got = got[:0]
		for _, e := range log {
			if e.Author == user && e.Kind != talk.KindPosted {
				got = append(got, fmt.Sprint(e.Kind, " ", e.Name))
			}
		}
		if slices.Equal(got, want) {
			return
		}
	}
	t.Fatalf("room %d tells %q, not %q", room, got, want)
}

func joinedAs(name string) string { return fmt.Sprint(talk.KindJoined, " ", name) }
func leftAs(name string) string   { return fmt.Sprint(talk.KindLeft, " ", name) }
func nowCalled(name string) string {
	return fmt.Sprint(talk.KindRenamed, " ", name)
}

// TestOneSessionIsInOneRoom: on two gateways in different rooms, between which no note
// comes through, the newer connection wins.
func TestOneSessionIsInOneRoom(t *testing.T) {
	t.Parallel()
	one, two, _ := twoNodes(t, false)
	session := newID(4)
	old := hello(t, one.addr).comeBack(one.addr, session)
	old.join(1, "ada")
	other := old.comeBack(one.addr, newID(4)) // another window stays where it is
	other.join(3, "ada")
	time.Sleep(5 * time.Millisecond) // the connections are told apart by the millisecond
	renewed := old.comeBack(two.addr, session)
	renewed.join(2, "ada")
	if code, reason := old.expectClose(); code != talk.CloseSuperseded || reason == "" {
		t.Errorf("the older one is closed with %d %q", code, reason)
	}
	for room, p := range map[int32]*peer{2: renewed, 3: other} {
		p.post(room, "me")
		p.heardText("me")
		waitPresence(t, two, room, old.uuid, joinedAs("ada"))
	}
	waitPresence(t, two, 1, old.uuid, joinedAs("ada"), leftAs("ada"))
}

// TestARenameReachesAllWindowsWithoutTheBus: the note that tells the other nodes is
// lost.
func TestARenameReachesAllWindowsWithoutTheBus(t *testing.T) {
	t.Parallel()
	one, two, _ := twoNodes(t, false)
	first := hello(t, one.addr)
	second := first.comeBack(two.addr, newID(4))
	first.join(1, "ada")
	second.join(2, "ada")
	first.say(talk.ChangeName{UUID: first.uuid, Username: "grace", ID: newID(4)})
	first.renamedTo(first.uuid, "grace")
	second.renamedTo(first.uuid, "grace")
	second.post(2, "it is me")
	if e := second.heardText("it is me"); e.Name != "grace" {
		t.Errorf("the other window posts as %q", e.Name)
	}
}

// TestAnOlderNameDoesNotComeBack: a window that was away during a rename, or comes
// later with an older name, gets the newer one, in the same room and in another.
func TestAnOlderNameDoesNotComeBack(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		room int32
		log  []string
	}{
		"same room":    {1, []string{joinedAs("ada"), nowCalled("grace")}},
		"another room": {2, []string{joinedAs("ada"), nowCalled("grace")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, two, _ := twoNodes(t, false)
			stays, away := hello(t, one.addr), talk.UUID{}
			stays.join(1, "ada")
			if tc.room == 1 { // it was there already
				away = newID(4)
				w := stays.comeBack(two.addr, away)
				w.join(1, "ada")
				_ = w.ws.CloseNow()
			} else {
				away = newID(4)
				time.Sleep(5 * time.Millisecond)
			}
			stays.say(talk.ChangeName{UUID: stays.uuid, Username: "grace", ID: newID(4)})
			stays.renamedTo(stays.uuid, "grace")
			back := stays.comeBack(two.addr, away)
			j := back.join(tc.room, "ada")
			if len(j.Members) != 1 || j.Members[0].Username != "grace" { // else this node has not heard of it yet
				back.renamedTo(stays.uuid, "grace")
			}
			back.post(tc.room, "it is me")
			if e := back.heardText("it is me"); e.Name != "grace" {
				t.Errorf("it posts as %q", e.Name)
			}
			waitPresence(t, one, tc.room, stays.uuid, tc.log...)
			waitPresence(t, one, 1, stays.uuid, joinedAs("ada"), nowCalled("grace"))
			back.say(talk.ChangeName{UUID: stays.uuid, Username: "hopper", ID: newID(4)})
			back.renamedTo(stays.uuid, "hopper") // what it wishes itself holds everywhere
			stays.renamedTo(stays.uuid, "hopper")
		})
	}
}
