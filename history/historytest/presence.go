package historytest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tuitalk/history"
	"tuitalk/talk"
)

// key makes the key of a window of a user.
func key(room int32, user, window string) history.SessionKey {
	return history.SessionKey{RoomID: room, UUID: UUID(user), Session: UUID(user + "/" + window)}
}

// move applies one move through handle i. What is left out gets a default: an
// EntryID of its own, gateway i, 300 members before it gets quiet.
func (e *env) move(i int, m history.Move) history.Moved {
	e.Helper()
	moved := e.moves(i, m)[0]
	if moved.Err != nil {
		e.Fatalf("move %+v: %v", m, moved.Err)
	}
	return moved
}

func (e *env) moves(i int, moves ...history.Move) []history.Moved {
	e.Helper()
	for n := range moves {
		m := &moves[n]
		if m.EntryID.IsZero() {
			e.ids++
			m.EntryID = UUID(fmt.Sprint("move", e.ids))
		}
		if m.Gateway.IsZero() && m.Action == history.Enter {
			m.Gateway = UUID(fmt.Sprint("gateway", i))
		}
		if m.Quiet == 0 {
			m.Quiet = 300
		}
	}
	moved, err := e.Store(i).Move(e.ctx, moves)
	if err != nil {
		e.Fatalf("move: %v", err)
	}
	if len(moved) != len(moves) {
		e.Fatalf("%d results for %d moves", len(moved), len(moves))
	}
	return moved
}

func (e *env) enter(i int, k history.SessionKey, name string) history.Moved {
	e.Helper()
	return e.move(i, history.Move{Action: history.Enter, Key: k, Name: name})
}

func (e *env) leave(k history.SessionKey, epoch int64) history.Moved {
	e.Helper()
	return e.move(0, history.Move{Action: history.Leave, Key: k, Epoch: epoch})
}

// names returns the members of a room in order, as "ada bob".
func (e *env) names(room int32) string {
	e.Helper()
	r, err := e.store().Room(e.ctx, room, 1000)
	if err != nil {
		e.Fatal(err)
	}
	if len(r.Members) != r.Count {
		e.Fatalf("room %d: %d members listed of %d", room, len(r.Members), r.Count)
	}
	names := make([]string, len(r.Members))
	for i, m := range r.Members {
		names[i] = m.Username
	}
	return strings.Join(names, " ")
}

// told returns the entries of a room as "+ada", "-ada", "ada>eve" or "ada: text".
func (e *env) told(room int32) string {
	e.Helper()
	var lines []string
	for _, entry := range e.log(room) {
		switch entry.Kind {
		case talk.KindJoined:
			lines = append(lines, "+"+entry.Name)
		case talk.KindLeft:
			lines = append(lines, "-"+entry.Name)
		case talk.KindRenamed:
			lines = append(lines, entry.Text+">"+entry.Name)
		default:
			lines = append(lines, entry.Name+": "+entry.Text)
		}
	}
	return strings.Join(lines, " ")
}

func (e *env) want(room int32, members, told string) {
	e.Helper()
	if got := e.names(room); got != members {
		e.Errorf("members of room %d are %q, want %q", room, got, members)
	}
	if got := e.told(room); got != told {
		e.Errorf("room %d tells %q, want %q", room, got, told)
	}
}

// checkRoster derives who is in a room from its entries alone and compares:
// nobody is there who is not a member, and all have the name they have.
func (e *env) checkRoster(room int32) {
	e.Helper()
	roster := make(map[talk.UUID]string)
	for _, entry := range e.log(room) {
		switch _, in := roster[entry.Author]; {
		case entry.Kind == talk.KindJoined && in:
			e.Fatalf("room %d: %q joined twice", room, entry.Name)
		case entry.Kind == talk.KindJoined:
			roster[entry.Author] = entry.Name
		case entry.Kind == talk.KindRenamed && in:
			if roster[entry.Author] != entry.Text {
				e.Fatalf("room %d: %q renamed from %q", room, roster[entry.Author], entry.Text)
			}
			roster[entry.Author] = entry.Name
		case entry.Kind == talk.KindLeft:
			delete(roster, entry.Author)
		}
	}
	r, err := e.store().Room(e.ctx, room, 10_000)
	if err != nil {
		e.Fatal(err)
	}
	if len(r.Members) != r.Count {
		e.Errorf("room %d: %d members listed of %d", room, len(r.Members), r.Count)
	}
	members := make(map[talk.UUID]string)
	for _, m := range r.Members {
		members[m.UUID] = m.Username
	}
	for uuid, name := range roster {
		if got, in := members[uuid]; !in || got != name {
			e.Errorf("room %d: the entries have %q, the members %q (%v)", room, name, got, in)
		}
	}
}

func enterAndLeave(e *env) {
	e.SetTime(1000)
	ada := e.move(0, history.Move{Action: history.Enter, Key: key(1, "ada", "w"), Name: "ada", EntryID: UUID("e1")})
	want := talk.Entry{Kind: talk.KindJoined, RoomID: 1, Author: UUID("ada"), Name: "ada", ID: UUID("e1"), Seq: 1, UnixTime: 1000}
	if !ada.Applied || !ada.First || ada.Members != 1 || ada.Epoch < 1 || ada.Entry == nil || *ada.Entry != want {
		e.Errorf("ada entered: %+v, entry %+v", ada, ada.Entry)
	}
	bob := e.enter(0, key(1, "bob", "w"), "bob")
	if !bob.First || bob.Members != 2 || bob.Epoch <= ada.Epoch || bob.Entry.Seq != 2 {
		e.Errorf("bob entered: %+v", bob)
	}
	e.enter(0, key(2, "ada", "w"), "ada elsewhere")
	e.want(1, "ada bob", "+ada +bob")
	left := e.leave(key(1, "ada", "w"), ada.Epoch)
	if !left.Applied || !left.First || left.Members != 1 || left.Entry == nil || left.Entry.Kind != talk.KindLeft || left.Entry.Name != "ada" {
		e.Errorf("ada left: %+v, entry %+v", left, left.Entry)
	}
	again := e.enter(0, key(1, "ada", "w"), "ada")
	if !again.First || again.Epoch <= bob.Epoch {
		e.Errorf("ada entered again: %+v", again)
	}
	e.want(1, "bob ada", "+ada +bob -ada +ada")
	e.want(2, "ada elsewhere", "+ada elsewhere")
	if m := e.leave(key(3, "nobody", "w"), 1); m.Applied || m.First || m.Entry != nil || m.Members != 0 {
		e.Errorf("nobody left: %+v", m)
	}
	if moved, err := e.store().Move(e.ctx, nil); err != nil || len(moved) != 0 {
		e.Errorf("no moves: %v, %v", moved, err)
	}
	batch := e.moves(0, // one batch, in order
		history.Move{Action: history.Enter, Key: key(5, "ada", "w"), Name: "ada"},
		history.Move{Action: history.Rename, Key: key(5, "ada", "w"), Name: "eve", Epoch: 1},
		history.Move{Action: history.Enter, Key: key(4, "bob", "w"), Name: "bob"},
		history.Move{Action: history.Leave, Key: key(5, "ada", "w"), Epoch: 1},
		history.Move{Action: history.Enter, Key: key(5, "ada", "w"), Name: "ada"})
	e.want(5, "ada", "+ada ada>eve -eve +ada")
	if batch[4].Epoch != 2 || batch[3].Members != 0 || batch[1].Entry.Text != "ada" {
		e.Errorf("batch: %+v", batch)
	}
}

func twoWindows(e *env) {
	one := e.enter(0, key(1, "ada", "one"), "ada")
	two := e.enter(1, key(1, "ada", "two"), "ada")
	if two.First || two.Entry != nil || two.Members != 1 || two.Epoch <= one.Epoch {
		e.Errorf("the second window: %+v", two)
	}
	if m := e.leave(key(1, "ada", "one"), one.Epoch); !m.Applied || m.First || m.Entry != nil || m.Members != 1 {
		e.Errorf("the first window left: %+v", m)
	}
	e.want(1, "ada", "+ada")
	three := e.enter(1, key(1, "ada", "three"), "eve")
	if three.First || three.Entry == nil || three.Entry.Kind != talk.KindRenamed || three.Entry.Text != "ada" || three.Entry.Name != "eve" {
		e.Errorf("a window with another name: %+v, %+v", three, three.Entry)
	}
	e.leave(key(1, "ada", "three"), three.Epoch)
	if m := e.leave(key(1, "ada", "two"), two.Epoch); !m.First || m.Entry == nil || m.Entry.Name != "eve" {
		e.Errorf("the last window left: %+v", m)
	}
	e.want(1, "", "+ada ada>eve -eve")
}

func takeOver(e *env) {
	k := key(1, "ada", "w")
	first := e.enter(0, k, "ada")
	e.move(0, history.Move{Action: history.Break, Key: k, Epoch: first.Epoch})
	second := e.enter(1, k, "ada")
	if second.First || second.Entry != nil || second.Epoch <= first.Epoch {
		e.Errorf("taken over: %+v", second)
	}
	e.wantBroken()
	for _, action := range []history.Action{history.Break, history.Leave, history.Rename} {
		if m := e.move(0, history.Move{Action: action, Key: k, Epoch: first.Epoch, Name: "zombie"}); m.Applied || m.Entry != nil || m.Members != 1 {
			e.Errorf("action %d of the gateway that lost it: %+v", action, m)
		}
	}
	if err := e.Store(0).Retire(e.ctx, UUID("gateway0")); err != nil {
		e.Fatal(err)
	}
	e.wantBroken() // it belongs to gateway 1
	if m := e.move(1, history.Move{Action: history.Leave, Key: k, Epoch: second.Epoch}); !m.Applied {
		e.Errorf("left: %+v", m)
	}
	e.want(1, "", "+ada -ada")
}

func staleEpochs(e *env) {
	k := key(1, "ada", "w")
	entered := e.enter(0, k, "ada")
	for _, epoch := range []int64{entered.Epoch - 1, entered.Epoch + 1, 0, -1} {
		for _, action := range []history.Action{history.Leave, history.Break, history.Rename} {
			if m := e.move(0, history.Move{Action: action, Key: k, Name: "eve", Epoch: epoch}); m.Applied || m.Entry != nil {
				e.Errorf("action %d with epoch %d: %+v", action, epoch, m)
			}
		}
	}
	other := key(1, "ada", "other window")
	if m := e.leave(other, entered.Epoch); m.Applied {
		e.Errorf("another window left: %+v", m)
	}
	e.want(1, "ada", "+ada")
}

// reregistration: who entered a session later keeps it, whether it is still there
// or not; nobody is kept from registering again what is his, or is gone.
func reregistration(e *env) {
	k := key(1, "ada", "w")
	older := e.enter(0, k, "ada")
	again := func(gateway int, epoch int64) history.Moved {
		e.Helper()
		return e.move(gateway, history.Move{Action: history.Enter, Key: k, Name: "ada", Epoch: epoch})
	}
	if m := again(0, older.Epoch); !m.Applied || m.Epoch <= older.Epoch {
		e.Errorf("the same gateway: %+v", m)
	}
	newer := e.enter(1, k, "ada")
	if m := again(0, older.Epoch); m.Applied || m.Entry != nil || m.Epoch != 0 {
		e.Errorf("a gateway that had it before: %+v", m)
	}
	gone := key(1, "ada", "gone")
	found, err := e.store().Sessions(e.ctx, []history.SessionKey{gone, k})
	want := []history.Session{{SessionKey: gone}, {SessionKey: k, Gateway: UUID("gateway1"), Epoch: newer.Epoch}}
	if err != nil || !slices.Equal(found, want) {
		e.Errorf("sessions: %+v, %v; want %+v", found, err, want)
	}
	e.move(1, history.Move{Action: history.Break, Key: k, Epoch: newer.Epoch})
	if m := again(0, older.Epoch); m.Applied {
		e.Errorf("a gateway that had it before, when the newer connection broke: %+v", m)
	}
	if m := again(1, newer.Epoch); !m.Applied {
		e.Errorf("the gateway whose connection was said to be broken: %+v", m)
	} else {
		e.leave(k, m.Epoch)
	}
	if m := again(0, older.Epoch); !m.Applied || !m.First {
		e.Errorf("a session that is gone: %+v", m)
	}
	e.want(1, "ada", "+ada -ada +ada")
}

func renaming(e *env) {
	k := key(1, "ada", "w")
	entered := e.enter(0, k, "ada")
	e.enter(0, key(2, "ada", "w"), "ada")
	m := e.move(0, history.Move{Action: history.Rename, Key: k, Name: "eve", Epoch: entered.Epoch})
	if !m.Applied || m.First || m.Members != 1 || m.Entry == nil || m.Entry.Kind != talk.KindRenamed || m.Entry.Name != "eve" || m.Entry.Text != "ada" {
		e.Errorf("renamed: %+v, %+v", m, m.Entry)
	}
	if m := e.move(0, history.Move{Action: history.Rename, Key: k, Name: "eve", Epoch: entered.Epoch}); !m.Applied || m.Entry != nil {
		e.Errorf("renamed to the same: %+v", m)
	}
	e.want(1, "eve", "+ada ada>eve")
	e.want(2, "ada", "+ada")
	// A quiet room hears of it too.
	m = e.move(0, history.Move{Action: history.Rename, Key: k, Name: "ada", Epoch: entered.Epoch, Quiet: -1})
	if m.Entry == nil {
		e.Errorf("renamed in a quiet room: %+v", m)
	}
}

func moveRefusesBadMovesOnly(e *env) {
	good := history.Move{Action: history.Enter, Key: key(1, "ada", "w"), Name: "ada", Gateway: UUID("g"), Quiet: 300, EntryID: UUID("good")}
	e.append(e.store(), Post(1, "ada", "spent", "this id belongs to a post"))
	moves := []history.Move{good}
	for name, spoil := range map[string]func(*history.Move){
		"NUL":         func(m *history.Move) { m.Name = "a\x00" },
		"not UTF-8":   func(m *history.Move) { m.Name = "\xff" },
		"long name":   func(m *history.Move) { m.Name = strings.Repeat("x", talk.MaxNameBytes+1) },
		"no user":     func(m *history.Move) { m.Key.UUID = talk.UUID{} },
		"no session":  func(m *history.Move) { m.Key.Session = talk.UUID{} },
		"no gateway":  func(m *history.Move) { m.Gateway = talk.UUID{} },
		"no id":       func(m *history.Move) { m.EntryID = talk.UUID{} },
		"no action":   func(m *history.Move) { m.Action = 9 },
		"id of other": func(m *history.Move) { m.Key = key(1, "ada", "x"); m.EntryID = UUID("spent") },
	} {
		bad := good
		bad.Key, bad.EntryID = key(1, "bad "+name, "w"), UUID(name)
		spoil(&bad)
		moves = append(moves, bad)
	}
	last := good
	last.Key, last.EntryID, last.Name = key(1, "bob", "w"), UUID("last"), "bob"
	moves = append(moves, last)
	moved, err := e.store().Move(e.ctx, moves)
	if err != nil {
		e.Fatal(err)
	}
	for i, m := range moved {
		isGood := i == 0 || i == len(moved)-1
		if isGood != (m.Err == nil) || isGood != m.Applied || (!isGood && !errors.Is(m.Err, history.ErrBadEntry)) {
			e.Errorf("move %d: %+v", i, m)
		}
	}
	e.want(1, "ada bob", "ada: this id belongs to a post +ada +bob")
}

func membersInOrder(e *env) {
	for i, name := range []string{"dora", "ada", "carl", "bob"} {
		e.enter(i%handles, key(1, name, "w"), name)
	}
	e.enter(0, key(1, "dora", "w"), "dora") // once more: she keeps her place
	r, err := e.store().Room(e.ctx, 1, 2)
	if err != nil {
		e.Fatal(err)
	}
	want := []talk.Member{{UUID: UUID("dora"), Username: "dora"}, {UUID: UUID("ada"), Username: "ada"}}
	if r.Count != 4 || !slices.Equal(r.Members, want) {
		e.Errorf("two listed: %+v", r)
	}
	if r, err := e.store().Room(e.ctx, 1, 0); err != nil || r.Count != 4 || len(r.Members) != 0 {
		e.Errorf("none listed: %+v, %v", r, err)
	}
	e.want(1, "dora ada carl bob", "+dora +ada +carl +bob")
}

// keptNames: who comes to a room where he is already has the name by which he is
// known there, unless the Enter is to rename him; and all his windows are found.
func keptNames(e *env) {
	enter := func(room int32, window, name string) history.Moved {
		return e.move(0, history.Move{Action: history.Enter, Key: key(room, "ada", window), Name: name, KeepName: true})
	}
	if m := enter(1, "one", "ada"); m.Name != "ada" || m.Entry == nil {
		e.Errorf("who is not there yet: %+v", m)
	}
	e.move(0, history.Move{Action: history.Rename, Key: key(1, "ada", "one"), Name: "grace", Epoch: 1})
	if m := enter(1, "two", "ada"); !m.Applied || m.Name != "grace" || m.Entry != nil {
		e.Errorf("who is called otherwise there: %+v", m)
	}
	if m := e.enter(0, key(1, "ada", "three"), "eve"); m.Name != "eve" || m.Entry == nil {
		e.Errorf("who is to be renamed: %+v", m)
	}
	enter(2, "one", "ada")
	e.enter(0, key(2, "bob", "one"), "bob")
	windows, err := e.store().Windows(e.ctx, []talk.UUID{UUID("ada"), UUID("nobody")})
	if err != nil {
		e.Fatal(err)
	}
	var got []string
	for _, w := range windows {
		got = append(got, fmt.Sprint(w.RoomID, w.Name))
		if w.UUID != UUID("ada") || w.Entered.IsZero() || w.LeaveID.IsZero() || w.Gateway.IsZero() || w.Epoch == 0 {
			e.Errorf("a window: %+v", w)
		}
	}
	if want := []string{"1eve", "1eve", "1eve", "2ada"}; !slices.Equal(got, want) {
		e.Errorf("windows: %q, want %q", got, want)
	}
	e.want(1, "eve", "+ada ada>grace grace>eve")
}
