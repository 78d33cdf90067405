package gateway_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"tuitalk/history"
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
			if form.IsExtended() {
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
	if p.form.IsExtended() {
		m.ID = newID(4)
	}
	p.say(m)
	return expect[talk.Error](p)
}

// namesIn are the names that people have taken in a room, as its log has them.
func (f *spoolFleet) namesIn(room int32) (names []string) {
	f.t.Helper()
	entries, _, err := f.log.Before(f.t.Context(), room, 0, 5000)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind == talk.KindRenamed {
			names = append(names, e.Name)
		}
	}
	return names
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
		"extended": {talk.ExtendedBincode, false}, "extended, provisional": {talk.Extended, true},
		"original": {talk.JSON, false}, "original, provisional": {talk.JSON, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newSpoolFleet(t)
			n := f.gateway(nil)
			w, p := hello(t, n.addr), dial(t, n.addr, c.form)
			w.join(5, "witness")
			if c.form.IsExtended() {
				p.hello(talk.Hello{Client: "test", Secret: newSecret()})
			}
			if !c.provisional {
				p.join(5, "ada")
			}
			f.cut(n)
			if c.provisional {
				p.join(5, "ada")
			}
			for _, name := range []string{"lovelace", "byron", "countess"} {
				if e := p.rename(name); e.Code != talk.CodeNotStored || e.Retry || !e.ID.IsZero() {
					t.Errorf("the author is told %+v", e)
				}
				p.post(5, "as "+name)
				w.heardAs(name, "as "+name)
			}
			f.mend(n)
			w.wantShown("as lovelace", "as byron", "as countess")
			n.awaitMembers(t, 5, "witness", "countess")
			p.post(5, "after")
			w.heardAs("countess", "after")
			f.wantLog(5, "as lovelace", "as byron", "as countess", "after")
			if got := f.namesIn(5); slices.Contains(got, "byron") || !slices.Contains(got, "countess") {
				t.Errorf("the store was asked for %q", got)
			}
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

// ofOutage leaves out what may be shown although it was stored before the outage.
func ofOutage(texts []string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return strings.HasPrefix(text, "old") })
}

// TestNewcomersInAnOutage: people who have nothing of a room come to a node where it
// is not open, while the store is away. They talk, all others see it as pending, and
// those of the original's forms see it once it is stored; nothing is missed.
func TestNewcomersInAnOutage(t *testing.T) {
	t.Parallel()
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newSpoolFleet(t)
			one, two := f.gateway(nil), f.gateway(nil)
			w := hello(t, one.addr)
			w.join(5, "witness")
			for _, text := range []string{"old 0", "old 1", "old 2"} {
				w.postStored(5, text)
			}
			f.cut(one, two)
			p, q := dial(t, two.addr, form), hello(t, two.addr)
			if form.IsExtended() {
				p.hello(talk.Hello{Client: "test", Secret: newSecret()})
			}
			if j := p.join(5, "newcomer"); form.IsExtended() && (j.HeadSeq != -1 || j.AfterSeq != 0) {
				t.Errorf("the store is away, and the newcomer is told %+v", j)
			}
			q.join(5, "second")
			p.post(5, "from p")
			q.heardPending("from p")
			q.accept(5, "from q")
			w.accept(5, "from w")
			q.heardPending("from w")
			f.mend(one, two)
			want := []string{"from p", "from q", "from w"}
			w.wantShown(want...)
			if form.IsExtended() {
				p.wantBehindGap(want...)
			} else if got := ofOutage(p.entriesUntil("from w")); !slices.Equal(got, want) {
				t.Errorf("the newcomer sees %q", got)
			}
			q.wantBehindGap(want...)
			f.wantLog(5, "old 0", "old 1", "old 2", "from p", "from q", "from w")
			w.post(5, "after")
			if e := p.heardText("after"); form.IsExtended() && e.Seq == 0 {
				t.Errorf("%+v", e)
			}
			two.awaitMembers(t, 5, "witness", "newcomer", "second")
		})
	}
}

// wantBehindGap reads, as somebody who came with nothing, what is stored: a Gap from
// the start of the log, or none, and what comes behind it without a gap.
func (p *peer) wantBehindGap(texts ...string) {
	p.t.Helper()
	next, shown := int64(1), []string(nil)
	for !slices.Contains(shown, texts[len(texts)-1]) {
		switch m := p.hear().(type) {
		case talk.Gap:
			if next != 1 || m.From != 1 {
				p.t.Fatalf("%+v before %d", m, next)
			}
			next = m.To + 1
		case talk.Entry:
			if m.Pending {
				continue
			}
			if m.Seq != next {
				p.t.Fatalf("entry %d, not %d: %+v", m.Seq, next, m)
			}
			if next++; m.Kind == talk.KindPosted {
				shown = append(shown, m.Text)
			}
		}
	}
	if got := ofOutage(shown); !slices.Equal(got, texts) {
		p.t.Fatalf("shown are %q, want %q", got, texts)
	}
}

// TestNewRoomInAnOutage: a room that nobody has ever been in.
func TestNewRoomInAnOutage(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n := f.gateway(nil)
	f.cut(n)
	a, p := hello(t, n.addr), dial(t, n.addr, talk.JSON)
	a.join(5, "ada")
	p.join(5, "bob")
	a.accept(5, "first")
	p.post(5, "second")
	a.heardPending("second")
	f.mend(n)
	a.wantBehindGap("first", "second")
	if got := p.entriesUntil("second"); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("shown are %q", got)
	}
	n.awaitMembers(t, 5, "ada", "bob")
}

// TestRefusedJoinKeepsTheRoom: the room that somebody asks for cannot be read, and
// there is no spool. He is told so, and stays where he is.
func TestRefusedJoinKeepsTheRoom(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]talk.Form{"extended": talk.Extended, "original": talk.JSON} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, g := startGated(t, nil)
			w, p := hello(t, n.addr), dial(t, n.addr, form)
			w.join(5, "witness")
			if form.IsExtended() {
				p.hello(talk.Hello{Client: "test", Secret: newSecret()})
			}
			p.join(5, "ada")
			g.set(func(_ context.Context, op string, room int32) error {
				if op == "Room" && room == 6 {
					return history.ErrUnavailable
				}
				return nil
			})
			p.say(talk.JoinRoom{RoomID: 6, UUID: p.uuid, Username: "ada"})
			if e := expect[talk.Error](p); e.Code != talk.CodeUnavailable {
				t.Errorf("refused with %+v", e)
			}
			p.post(5, "still here")
			w.heardText("still here")
			p.heardText("still here")
			g.open()
			p.join(6, "ada")
			n.awaitMembers(t, 5, "witness")
		})
	}
}

// TestAListIsPutRightWhenTheStoreIsBack: somebody comes back to a gateway that opens his
// room without the store. It says that it does not know who is there; when the store is
// back he is asked to join again, and finds everybody.
func TestAListIsPutRightWhenTheStoreIsBack(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	one, two := f.gateway(nil), f.gateway(nil)
	ada, bob := hello(t, one.addr), hello(t, one.addr)
	ada.join(5, "ada")
	bob.join(5, "bob")
	id := bob.post(5, "last")
	last := bob.heardText("last")
	f.cut(one, two)
	back := func() (*peer, talk.Joined) {
		p := bob.comeBack(two.addr, newID(4))
		p.say(talk.JoinRoom{RoomID: 5, UUID: bob.uuid, Username: "bob", Resume: true, AfterSeq: last.Seq, AfterID: id})
		return p, expect[talk.Joined](p)
	}
	p, j := back()
	if !j.MembersUnknown || len(j.Members) > 0 || j.HeadSeq != last.Seq {
		t.Errorf("without the store: %+v", j)
	}
	f.mend(one, two)
	expect[talk.Reconnect](p)
	if _, j := back(); j.MembersUnknown || len(j.Members) != 2 || j.MemberCount != 2 {
		t.Errorf("when it is back: %+v", j)
	}
}

// TestWhoIsToldOfHisComingIsToldOnce: a client of the original's forms that comes while the
// store is away is told so at once, by the line that is its answer. When the store has it,
// the others are shown the entry, and it is not told again.
func TestWhoIsToldOfHisComingIsToldOnce(t *testing.T) {
	t.Parallel()
	for _, form := range []talk.Form{talk.JSON, talk.Bincode} {
		f := newSpoolFleet(t)
		n := f.gateway(nil)
		w := hello(t, n.addr)
		w.join(5, "witness")
		w.postStored(5, "old")
		f.cut(n)
		p := dial(t, n.addr, form)
		p.join(5, "newcomer")
		f.mend(n)
		for {
			if e := expect[talk.Entry](w); e.Kind == talk.KindJoined && e.Author == p.uuid {
				break
			}
		}
		w.postStored(5, "after")
		for e := (talk.Entry{}); e.Text != "after"; {
			if e = expect[talk.Entry](p); e.Kind == talk.KindJoined && e.Author == p.uuid {
				t.Errorf("%v: told again: %+v", form, e)
			}
		}
	}
}
