package historytest

import (
	"fmt"

	"tuitalk/history"
)

// quietRooms: beyond Quiet members nobody is told of joining.
func quietRooms(e *env) {
	const quiet = 3
	epochs := make(map[string]int64)
	enter := func(name string) history.Moved {
		m := e.move(0, history.Move{Action: history.Enter, Key: key(1, name, "w"), Name: name, Quiet: quiet})
		epochs[name] = m.Epoch
		return m
	}
	leave := func(name string) history.Moved {
		return e.move(0, history.Move{Action: history.Leave, Key: key(1, name, "w"), Epoch: epochs[name], Quiet: quiet})
	}
	for i := range quiet {
		if m := enter(fmt.Sprint("m", i)); m.Entry == nil {
			e.Errorf("member %d: %+v", i+1, m)
		}
	}
	for i := range 3 {
		if m := enter(fmt.Sprint("s", i)); m.Entry != nil || !m.First || !m.Applied || m.Members != quiet+1+i {
			e.Errorf("a silent member: %+v", m)
		}
	}
	e.want(1, "m0 m1 m2 s0 s1 s2", "+m0 +m1 +m2")
	if m := leave("s1"); m.Entry != nil || !m.First || m.Members != 5 {
		e.Errorf("a silent member left: %+v", m)
	}
	if m := leave("m0"); m.Entry == nil || m.Members != 4 {
		e.Errorf("an announced member left the quiet room: %+v", m)
	}
	// Another name, by entering: told of an announced member only.
	renamed := func(name string) history.Moved {
		return e.move(0, history.Move{Action: history.Enter, Key: key(1, name, "w2"), Name: name + "x", Quiet: quiet})
	}
	if m := renamed("s0"); m.Entry != nil {
		e.Errorf("a silent member came under another name: %+v", m)
	}
	if m := renamed("m1"); m.Entry == nil {
		e.Errorf("an announced member came under another name: %+v", m)
	}
	e.want(1, "m1x m2 s0x s2", "+m0 +m1 +m2 -m0 m1>m1x")
	e.checkRoster(1)
}

// quietRoomGetsSmall: once a room has at most Quiet members again, a list of
// them that is carried on with the entries stays true.
func quietRoomGetsSmall(e *env) {
	const quiet = 3
	epochs := make(map[string]int64)
	move := func(action history.Action, name string) history.Moved {
		m := e.move(0, history.Move{Action: action, Key: key(1, name, "w"), Name: name, Epoch: epochs[name], Quiet: quiet})
		if action == history.Enter {
			epochs[name] = m.Epoch
		}
		return m
	}
	for _, name := range []string{"m0", "m1", "m2", "s0", "s1"} {
		move(history.Enter, name)
	}
	move(history.Leave, "m0")
	move(history.Leave, "m1") // three are left: m2 s0 s1
	e.want(1, "m2 s0 s1", "+m0 +m1 +m2 -m0 -m1")
	move(history.Enter, "n") // quiet again; but s0 was in a list that was complete
	if m := move(history.Leave, "s0"); m.Entry == nil {
		e.Errorf("s0 left unseen: %+v", m)
	}
	if m := move(history.Leave, "s1"); m.Entry == nil {
		e.Errorf("s1 left unseen: %+v", m)
	}
	if m := move(history.Leave, "n"); m.Entry == nil {
		e.Errorf("n left a small room unseen: %+v", m)
	}
	e.want(1, "m2", "+m0 +m1 +m2 -m0 -m1 -s0 -s1 -n")

	// A gateway with a greater threshold makes the room an ordinary one.
	for _, name := range []string{"a", "b", "c", "d"} {
		move(history.Enter, name)
	}
	big := e.move(0, history.Move{Action: history.Enter, Key: key(1, "big", "w"), Name: "big", Quiet: 100})
	if big.Entry == nil {
		e.Errorf("big: %+v", big)
	}
	for _, name := range []string{"c", "d"} {
		if m := move(history.Leave, name); m.Entry == nil {
			e.Errorf("%s left unseen: %+v", name, m)
		}
	}
	e.checkRoster(1)
}
