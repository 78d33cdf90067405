package historytest

import (
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
