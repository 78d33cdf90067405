package gateway_test

import (
	"slices"
	"testing"

	"tuitalk/talk"
)

// members are the names of who is in a room, as a newcomer is told.
func (n *node) members(t *testing.T, room int32) (names []string) {
	t.Helper()
	p := hello(t, n.addr)
	defer func() { _ = p.ws.CloseNow() }()
	p.say(talk.JoinRoom{RoomID: room, UUID: p.uuid, Username: "who asks"})
	for _, m := range expect[talk.Joined](p).Members {
		if m.UUID != p.uuid && m.Username != "who asks" {
			names = append(names, m.Username)
		}
	}
	return names
}

// awaitMembers waits until these, and no others, are in the room.
func (n *node) awaitMembers(t *testing.T, room int32, want ...string) {
	t.Helper()
	var got []string
	awaitTrue(t, "the members of a room", func() bool {
		got = n.members(t, room)
		return slices.Equal(got, want)
	})
}

// TestMovesInAnOutage: somebody whom the store has not let in yet moves between
// rooms, into the same one again, and out. Each JoinRoom has its answer at once, and
// when the store is back he is where he went last, and nowhere else.
func TestMovesInAnOutage(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]talk.Form{"extended": talk.Extended, "original": talk.JSON} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newSpoolFleet(t)
			n := f.gateway(nil)
			five, six := hello(t, n.addr), hello(t, n.addr)
			five.join(5, "five")
			six.join(6, "six")
			p := dial(t, n.addr, form)
			if form == talk.Extended {
				p.hello(talk.Hello{Client: "test", Secret: newSecret()})
			}
			f.cut(n)
			p.join(5, "ada")
			p.join(6, "ada")
			p.join(5, "ada")
			p.join(5, "ada")
			p.post(5, "in five")
			five.heardPending("in five")
			p.join(6, "ada")
			p.say(talk.LeaveRoom{RoomID: 6, UUID: p.uuid, Username: "ada"})
			p.join(6, "ada")
			p.post(6, "in six")
			six.heardPending("in six")
			f.mend(n)
			five.wantShown("in five")
			six.wantShown("in six")
			n.awaitMembers(t, 5, "five")
			n.awaitMembers(t, 6, "six", "ada")
			p.say(talk.LeaveRoom{RoomID: 6, UUID: p.uuid, Username: "ada"})
			n.awaitMembers(t, 6, "six")
		})
	}
}

// rename asks for another name, and returns what its author is told.
func (p *peer) rename(name string) talk.Error {
	p.t.Helper()
	m := talk.ChangeName{UUID: p.uuid, Username: name}
	if p.form == talk.Extended {
		m.ID = newID(4)
	}
	p.say(m)
	return expect[talk.Error](p)
}

// heardAs reads until a post comes, and looks at its author's name.
func (p *peer) heardAs(name, text string) {
	p.t.Helper()
	if e := p.heardText(text); e.Name != name {
		p.t.Errorf("%q is said by %q, want %q", text, e.Name, name)
	}
}

// TestRenameInAnOutage: who takes another name can go on talking, under that name,
// and the store hears of it when it is back; also of somebody whom the store has not
// let in yet, and of two names in a row.
func TestRenameInAnOutage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		form        talk.Form
		provisional bool
	}{
		"extended": {talk.Extended, false}, "extended, provisional": {talk.Extended, true},
		"original": {talk.JSON, false}, "original, provisional": {talk.JSON, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newSpoolFleet(t)
			n := f.gateway(nil)
			w, p := hello(t, n.addr), dial(t, n.addr, c.form)
			w.join(5, "witness")
			if c.form == talk.Extended {
				p.hello(talk.Hello{Client: "test", Secret: newSecret()})
			}
			if !c.provisional {
				p.join(5, "ada")
			}
			f.cut(n)
			if c.provisional {
				p.join(5, "ada")
			}
			for _, name := range []string{"lovelace", "countess"} {
				if e := p.rename(name); e.Code != talk.CodeNotStored || e.Retry || !e.ID.IsZero() {
					t.Errorf("the author is told %+v", e)
				}
				p.post(5, "as "+name)
				w.heardAs(name, "as "+name)
			}
			f.mend(n)
			w.wantShown("as lovelace", "as countess")
			n.awaitMembers(t, 5, "witness", "countess")
			p.post(5, "after")
			w.heardAs("countess", "after")
			f.wantLog(5, "as lovelace", "as countess", "after")
		})
	}
}

// TestMoveAwayInAnOutage: somebody whom the store knows moves, and comes back.
func TestMoveAwayInAnOutage(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n := f.gateway(nil)
	a, w, six := hello(t, n.addr), hello(t, n.addr), hello(t, n.addr)
	six.join(6, "six")
	w.join(5, "witness")
	a.join(5, "ada")
	f.cut(n)
	a.join(6, "ada")
	a.accept(6, "in six")
	a.join(5, "ada")
	a.accept(5, "in five")
	f.mend(n)
	w.wantShown("in five")
	n.awaitMembers(t, 5, "witness", "ada")
	n.awaitMembers(t, 6, "six")
}
