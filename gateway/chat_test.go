package gateway_test

import (
	"testing"

	"tuitalk/talk"
)

var forms = map[string]talk.Form{"json": talk.JSON, "bincode": talk.Bincode, "extended": talk.Extended, "extended bincode": talk.ExtendedBincode}

func arrive(t *testing.T, n *node, form talk.Form) *peer {
	t.Helper()
	if form.IsExtended() {
		return helloIn(t, n.addr, form)
	}
	return dial(t, n.addr, form)
}

func TestAllFormsChatWithEachOther(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	var peers []*peer
	for name, form := range forms {
		p := arrive(t, n, form)
		p.join(7, name)
		peers = append(peers, p)
	}
	for _, p := range peers {
		text := "from " + p.uuid.String()
		id := p.post(7, text)
		if p.form.IsExtended() {
			s := expect[talk.Entry](p)
			for s.Text != text {
				s = expect[talk.Entry](p)
			}
			if s.ID != id || s.Seq == 0 {
				t.Errorf("own entry came back as %+v", s)
			}
		} else {
			p.heardText(text)
		}
		for _, other := range peers {
			if other == p {
				continue
			}
			e := other.heardText(text)
			if e.Author != p.uuid || e.RoomID != 7 || e.UnixTime < 1_700_000_000 {
				t.Errorf("heard %+v", e)
			}
			if !other.form.IsExtended() && (e.Seq != 0 || !e.ID.IsZero()) {
				t.Errorf("the original's form carries extended fields: %+v", e)
			}
		}
	}
}

func TestHistoryInEachForm(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	a := hello(t, n.addr)
	a.join(3, "ada")
	for _, text := range []string{"one", "two", "three"} {
		a.post(3, text)
		expect[talk.Stored](a)
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			p := arrive(t, n, form)
			j := p.join(3, name)
			f := talk.Fetch{RoomID: 3, Limit: 100, FetchBefore: 1 << 40}
			if form.IsExtended() {
				f.BeforeSeq = j.AfterSeq + 1
			}
			p.say(f)
			h := expect[talk.History](p)
			var texts []string
			for _, m := range h.Text {
				if e := m.(talk.Entry); e.Kind == talk.KindPosted {
					texts = append(texts, e.Text)
				}
			}
			if len(texts) != 3 || texts[0] != "one" || texts[2] != "three" {
				t.Errorf("history is %q", texts)
			}
			if form.IsExtended() && !h.Complete {
				t.Error("the history does not say that it is complete")
			}
		})
	}
}

func TestJoinLeaveAndNames(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	a, b := hello(t, n.addr), hello(t, n.addr)
	a.join(1, "ada")
	j := b.join(1, " bob ")
	if j.MemberCount != 2 || len(j.Members) != 2 {
		t.Errorf("joined says %+v", j)
	}
	waitFor := func(kind talk.Kind, name string) talk.Entry {
		t.Helper()
		for {
			if e := expect[talk.Entry](a); e.Kind == kind && e.Name == name {
				return e
			}
		}
	}
	waitFor(talk.KindJoined, "bob")
	b.say(talk.ChangeName{UUID: b.uuid, Username: "bobby", OldUsername: "whatever"})
	if e := waitFor(talk.KindRenamed, "bobby"); e.Text != "bob" || e.Author != b.uuid {
		t.Errorf("renamed says %+v", e)
	}
	b.say(talk.JoinRoom{RoomID: 2, UUID: b.uuid, Username: "bobby"})
	waitFor(talk.KindLeft, "bobby")
	// the original's client leaves the old room after it has joined the new one
	b.say(talk.LeaveRoom{RoomID: 1, UUID: b.uuid, Username: "bobby"})
	expect[talk.Joined](b)
	b.post(2, "still here")
	b.heardText("still here")
}

func TestResumeMissesNothing(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	a, b := hello(t, n.addr), hello(t, n.addr)
	a.join(1, "ada")
	b.join(1, "bob")
	a.post(1, "seen")
	last := b.heardText("seen")
	_ = b.ws.CloseNow()
	for _, text := range []string{"x", "y", "z"} {
		a.post(1, text)
	}
	a.heardText("z")
	back := dial(t, n.addr, talk.Extended)
	back.hello(talk.Hello{Secret: b.secret, Client: "test"})
	back.say(talk.JoinRoom{RoomID: 1, UUID: b.uuid, Username: "bob", Resume: true, AfterSeq: last.Seq, AfterID: last.ID})
	if j := expect[talk.Joined](back); j.Reset || j.AfterSeq != last.Seq {
		t.Fatalf("resumed with %+v", j)
	}
	for i, text := range []string{"x", "y", "z"} {
		e := expect[talk.Entry](back)
		if e.Text != text || e.Seq != last.Seq+int64(i)+1 {
			t.Fatalf("entry %d is %+v, want %q", i, e, text)
		}
	}
	a.post(1, "live")
	back.heardText("live")
}

func TestResumeOfAnotherLogIsReset(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	a := hello(t, n.addr)
	a.join(1, "ada")
	a.post(1, "hi")
	e := a.heardText("hi")
	for name, m := range map[string]talk.JoinRoom{
		"wrong id":  {AfterSeq: e.Seq, AfterID: newID(4)},
		"beyond":    {AfterSeq: e.Seq + 100, AfterID: e.ID},
		"negative":  {AfterSeq: -1},
		"other seq": {AfterSeq: e.Seq - 1, AfterID: e.ID},
	} {
		t.Run(name, func(t *testing.T) {
			b := hello(t, n.addr)
			m.RoomID, m.UUID, m.Username, m.Resume = 1, b.uuid, "bob", true
			b.say(m)
			if j := expect[talk.Joined](b); !j.Reset {
				t.Errorf("joined with %+v", j)
			}
		})
	}
}

func TestRepeatIsStoredOnce(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	a := hello(t, n.addr)
	a.join(1, "ada")
	e := talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: a.uuid, Text: "once", ID: newID(4)}
	a.say(e)
	first := expect[talk.Stored](a)
	a.say(e)
	if second := expect[talk.Stored](a); second.Seq != first.Seq {
		t.Errorf("stored as %d and as %d", first.Seq, second.Seq)
	}
	a.post(1, "next")
	if next := a.heardText("next"); next.Seq != first.Seq+1 {
		t.Errorf("the next entry has seq %d after %d", next.Seq, first.Seq)
	}
}

// All see a name in one form, whatever its owner's keyboard makes.
func TestNamesAreNormalised(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	a, b := dial(t, n.addr, talk.JSON), dial(t, n.addr, talk.Bincode)
	a.join(7, "ada")
	b.join(7, "ａｄａ\u2800")
	for e := expect[talk.Entry](a); e.Author != b.uuid; e = expect[talk.Entry](a) {
	}
	b.post(7, "hi")
	if e := a.heardText("hi"); e.Name != "ada" {
		t.Errorf("known as %+q", e.Name)
	}
	b.say(talk.ChangeName{UUID: b.uuid, Username: "𝐁𝐨𝐛", OldUsername: "ada"})
	for e := expect[talk.Entry](a); ; e = expect[talk.Entry](a) {
		if e.Kind == talk.KindRenamed {
			if e.Name != "Bob" || e.Text != "ada" {
				t.Errorf("renamed to %+q from %+q", e.Name, e.Text)
			}
			return
		}
	}
}
