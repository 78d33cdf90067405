package historytest

import (
	"time"

	"tuitalk/history"
)

func moveRepeats(e *env) {
	k := key(1, "ada", "w")
	same := func(what string, a, b history.Moved) {
		e.Helper()
		if a.Applied != b.Applied || a.Epoch != b.Epoch || a.First != b.First || a.Members != b.Members || (a.Entry == nil) != (b.Entry == nil) {
			e.Errorf("%s: %+v, and repeated %+v", what, a, b)
		} else if a.Entry != nil && *a.Entry != *b.Entry {
			e.Errorf("%s: entry %+v, and repeated %+v", what, a.Entry, b.Entry)
		}
	}
	twice := func(what string, m history.Move) history.Moved {
		e.Helper()
		m.EntryID = UUID(what)
		first := e.move(0, m)
		same(what, first, e.move(0, m))
		return first
	}
	ada := twice("enter", history.Move{Action: history.Enter, Key: k, Name: "ada"})
	second := twice("second window", history.Move{Action: history.Enter, Key: key(1, "ada", "two"), Name: "ada"})
	twice("another name", history.Move{Action: history.Enter, Key: key(1, "ada", "three"), Name: "eve"})
	twice("rename", history.Move{Action: history.Rename, Key: k, Name: "ada", Epoch: ada.Epoch})
	twice("rename to the same", history.Move{Action: history.Rename, Key: k, Name: "ada", Epoch: ada.Epoch})
	twice("break", history.Move{Action: history.Break, Key: key(1, "ada", "two"), Epoch: second.Epoch})
	bob := twice("bob", history.Move{Action: history.Enter, Key: key(1, "bob", "w"), Name: "bob"})
	twice("bob left", history.Move{Action: history.Leave, Key: key(1, "bob", "w"), Epoch: bob.Epoch})
	e.want(1, "ada", "+ada ada>eve eve>ada +bob -bob")

	m := history.Move{Action: history.Leave, Key: k, Epoch: ada.Epoch, EntryID: UUID("not the last")}
	if first, again := e.move(0, m), e.move(0, m); !first.Applied || first.Entry != nil || again.Applied {
		e.Errorf("a leave without an entry: %+v, and repeated %+v", first, again)
	}
	// Repeats within one batch.
	enter := history.Move{Action: history.Enter, Key: key(2, "ada", "w"), Name: "ada", EntryID: UUID("batch")}
	leave := history.Move{Action: history.Leave, Key: key(2, "ada", "w"), Epoch: 1, EntryID: UUID("batch leave")}
	moved := e.moves(0, enter, enter, leave, leave)
	same("enter within a batch", moved[0], moved[1])
	same("leave within a batch", moved[2], moved[3])
	e.want(2, "", "+ada -ada")
}

// moveRepeatsLate: the repeat comes when others have changed the session.
func moveRepeatsLate(e *env) {
	k := key(1, "ada", "w")
	enter := history.Move{Action: history.Enter, Key: k, Name: "ada", Gateway: UUID("gateway0"), EntryID: UUID("enter")}
	first := e.move(0, enter)

	e.move(0, history.Move{Action: history.Break, Key: k, Epoch: first.Epoch})
	back := e.move(0, enter) // marked as broken meanwhile: it is back, with an epoch that no claimer knows
	if !back.Applied || back.Epoch <= first.Epoch || back.Entry == nil || back.Entry.Seq != 1 {
		e.Errorf("repeated after a break: %+v", back)
	}
	e.wantBroken()
	if m := e.leave(k, first.Epoch); m.Applied {
		e.Errorf("a claimer with the old epoch: %+v", m)
	}

	e.enter(1, k, "ada")
	if m := e.move(0, enter); m.Applied || m.Entry == nil || m.Entry.Seq != 1 {
		e.Errorf("repeated after a take-over: %+v", m)
	}
	now := e.enter(1, k, "ada")
	e.leave(k, now.Epoch)
	if m := e.move(0, enter); m.Applied || m.Members != 0 {
		e.Errorf("repeated after the user left: %+v", m)
	}
	e.want(1, "", "+ada -ada")

	again := e.enter(0, k, "ada")
	rename := history.Move{Action: history.Rename, Key: k, Name: "eve", Epoch: again.Epoch, EntryID: UUID("rename")}
	e.move(0, rename)
	e.move(0, history.Move{Action: history.Rename, Key: k, Name: "bob", Epoch: again.Epoch})
	if m := e.move(0, rename); !m.Applied || m.Entry == nil || m.Entry.Name != "eve" {
		e.Errorf("rename repeated late: %+v", m)
	}
	leave := history.Move{Action: history.Leave, Key: k, Epoch: again.Epoch, EntryID: UUID("leave")}
	e.move(0, leave)
	e.enter(0, k, "ada")
	if m := e.move(0, leave); !m.Applied || !m.First || m.Entry == nil || m.Members != 1 {
		e.Errorf("leave repeated after the user came back: %+v", m)
	}
	e.want(1, "ada", "+ada -ada +ada ada>eve eve>bob -bob +ada")
}

// movesOutOfTurn: copies of attempts that were given up on come late, when what they say
// has been said again, and more has happened since. None of them changes anything.
func movesOutOfTurn(e *env) {
	const now = 1_000_000
	e.SetTime(now)
	turn := func(lane int32, number int64, m history.Move) history.Move {
		m.Turn = history.Turn{Gateway: UUID("gateway0"), Lane: lane, Number: number}
		return m
	}
	enter := func(k history.SessionKey, id, name string) history.Move {
		return history.Move{Action: history.Enter, Key: k, Gateway: UUID("gateway0"), Name: name, EntryID: UUID(id)}
	}
	late := func(what string, number int64, m history.Move) {
		e.Helper()
		for _, lane := range []int32{1, 2} { // of lane 2 no attempt is later than 9
			if got := e.move(2, turn(lane, number, m)); got.Applied {
				e.Errorf("%s, lane %d: %+v", what, lane, got)
			}
		}
	}
	e.move(0, turn(2, 9, history.Move{Action: history.Break, Key: key(3, "nobody", "w"), Epoch: 1}))
	first, second, moved := key(1, "ada", "w"), key(1, "ada", "two"), key(1, "ada", "three")
	ada := e.move(0, turn(1, 2, enter(first, "a", "ada")))
	if again := e.move(0, turn(1, 2, enter(first, "a", "ada"))); !again.Applied || again.Epoch != ada.Epoch {
		e.Errorf("the same attempt again: %+v, and then %+v", ada, again)
	}
	e.move(0, turn(1, 3, history.Move{Action: history.Break, Key: first, Epoch: ada.Epoch}))
	late("an Enter after its Break", 1, enter(first, "a", "ada"))
	e.wantBroken(first)

	two := e.move(0, turn(1, 4, enter(second, "b", "ada"))) // writes no entry
	e.move(0, turn(1, 5, history.Move{Action: history.Leave, Key: second, Epoch: two.Epoch}))
	late("an Enter without an entry after its Leave", 3, enter(second, "b", "ada"))

	e.move(0, turn(1, 6, enter(moved, "c", "ada")))
	there := e.enter(1, moved, "ada") // a newer connection, at another gateway
	late("an Enter after a take-over", 5, enter(moved, "c", "ada"))
	e.Reopen()
	found, err := e.store().Sessions(e.ctx, []history.SessionKey{second, moved})
	if err != nil {
		e.Fatal(err)
	}
	if found[0].Epoch != 0 || found[1].Epoch != there.Epoch || found[1].Gateway != UUID("gateway1") {
		e.Errorf("the sessions are %+v", found)
	}
	rename := func(id, name string) history.Move {
		return history.Move{Action: history.Rename, Key: moved, Name: name, Epoch: there.Epoch, EntryID: UUID(id)}
	}
	e.move(0, turn(1, 7, rename("d", "ada"))) // writes no entry
	e.move(0, turn(1, 8, rename("e", "eve")))
	late("a Rename that wrote nothing, after another", 6, rename("d", "ada"))
	e.want(1, "eve", "+ada ada>eve")

	retire := func() {
		e.Helper()
		if err := e.store().Retire(e.ctx, UUID("gateway0")); err != nil {
			e.Fatal(err)
		}
	}
	retire() // it lives: it was frozen
	late("an Enter after the retirement of its gateway", 3, enter(second, "b", "ada"))
	e.SetTime(now + int64(history.TurnsKept/time.Second) + 1)
	retire()
	if m := e.move(0, turn(1, 1, enter(second, "f", "eve"))); !m.Applied {
		e.Errorf("turns are never forgotten: %+v", m)
	}
}
