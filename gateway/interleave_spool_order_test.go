package gateway_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway"
	"tuitalk/talk"
)

// TestMuchWaitsAndSomebodySpeaks: more waits in the spool than can be stored in a
// moment. Who speaks is accepted behind it at once, by a lane that does not drain.
func TestMuchWaitsAndSomebodySpeaks(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	hold, _, release := holdAt(t, "drain-read")
	n := f.gateway(func(o *gateway.Options) { o.Failpoint = hold })
	n.bus.unaware.Store(true)
	a, w := hello(t, n.addr), hello(t, n.addr)
	a.join(5, "ada")
	w.join(5, "witness")
	a.postStored(5, "before")
	waits := numbered("waits", 300)
	f.leave(5, waits...)
	n.server.Lost(5)
	a.accept(5, "after 0", "after 1")
	release()
	n.bus.unaware.Store(false)
	all := append(append([]string{"before"}, waits...), "after 0", "after 1")
	w.wantShown(all...)
	f.wantLog(5, all...)
	a.postStored(5, "last")
	f.wantLog(5, append(all, "last")...)
}

// TestDirectAgainAfterAReplay: people go on speaking, through two nodes, while much
// is stored that waits. Soon nobody needs the spool any more.
func TestDirectAgainAfterAReplay(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	waits := numbered("waits", 500)
	f.leave(5, waits...)
	one, two := f.gateway(nil), f.gateway(nil)
	var people []*peer
	for i := range 8 {
		n := []*spoolNode{one, two}[i%2]
		p := hello(t, n.addr)
		p.join(5, "ada")
		people = append(people, p)
	}
	want := map[talk.UUID][]string{}
	stored := 0
	for round := 0; stored < len(people); round++ {
		stored = 0
		if round == 2000 {
			t.Fatal("nobody is told at once that it is stored")
		}
		ids := make([]talk.UUID, len(people))
		for i, p := range people {
			text := fmt.Sprintf("%d of %d", round, i)
			ids[i] = p.post(5, text)
			want[p.uuid] = append(want[p.uuid], text)
		}
		for i, p := range people {
			switch m := p.fate(ids[i]).(type) {
			case talk.Stored:
				stored++
			case talk.Error:
				t.Fatalf("refused: %+v", m)
			}
		}
	}
	awaitTrue(t, "the spool to be empty", func() bool { return f.waiting() == 0 })
	got := f.byAuthor(5)
	for _, p := range people {
		if !slices.Equal(got[p.uuid], want[p.uuid]) {
			t.Errorf("the log has %d posts of one author, want %d, in order", len(got[p.uuid]), len(want[p.uuid]))
		}
		delete(got, p.uuid)
	}
	for _, texts := range got {
		if !slices.Equal(texts, waits) {
			t.Errorf("the log has %d of what waited, want %d, in order", len(texts), len(waits))
		}
	}
}

// byAuthor is what each author has in a room's log, in its order.
func (f *spoolFleet) byAuthor(room int32) map[talk.UUID][]string {
	f.t.Helper()
	entries, err := f.log.After(f.t.Context(), room, 0, 100000)
	if err != nil {
		f.t.Fatal(err)
	}
	texts := map[talk.UUID][]string{}
	for _, e := range entries {
		if e.Kind == talk.KindPosted {
			texts[e.Author] = append(texts[e.Author], e.Text)
		}
	}
	return texts
}

// TestReplayIsNotAllAtOnce: what was said in some seconds waits. The first page
// that is stored has the first second of it.
func TestReplayIsNotAllAtOnce(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	author, began := newID(4), uint64(time.Now().Unix())-10
	var texts []string
	for _, text := range numbered("waits", 30) {
		e := talk.Entry{Kind: talk.KindPosted, RoomID: 5, Author: author, Name: "ada", Text: text, ID: newID(4), Pending: true}
		e.SentAt = began + uint64(len(texts)/3)
		texts = append(texts, text)
		if err := f.spool.Add(t.Context(), []talk.Entry{e})[0]; err != nil {
			t.Fatal(err)
		}
	}
	hold, reached, release := holdAt(t, "drain-appended")
	f.gateway(func(o *gateway.Options) { o.Failpoint = hold })
	awaitStep(t, "the first page", reached)
	f.wantLog(5, texts[:3]...)
	release()
	awaitTrue(t, "the spool to be empty", func() bool { return f.waiting() == 0 })
	f.wantLog(5, texts...)
}

// TestPendingOfOthersWaitForTheSpool: a node has heard of a pending entry of
// another one, and not of the one before it. The store is back, and the spool
// cannot be read there: it must not store what it has heard of.
func TestPendingOfOthersWaitForTheSpool(t *testing.T) {
	t.Parallel()
	heard := func(t *testing.T) (f *spoolFleet, two *spoolNode, a, b *peer) {
		f = newSpoolFleet(t)
		one := f.gateway(nil)
		two = f.gateway(nil)
		a, b = hello(t, one.addr), hello(t, two.addr)
		a.join(5, "ada")
		b.join(5, "bob")
		f.cut(one, two)
		one.bus.deaf.Store(true)
		a.accept(5, "first")
		one.bus.deaf.Store(false)
		a.accept(5, "second")
		b.heardPending("second")
		two.bus.blind.Store(true)
		return f, two, a, b
	}
	read := func(f *spoolFleet, two *spoolNode, want ...string) {
		two.bus.blind.Store(false)
		awaitTrue(f.t, "the spool to be empty", func() bool { return f.waiting() == 0 })
		f.wantLog(5, want...)
	}
	t.Run("when somebody speaks", func(t *testing.T) {
		t.Parallel()
		f, two, _, b := heard(t)
		f.mend(two)
		b.postStored(5, "of bob")
		read(f, two, "of bob", "first", "second")
	})
	t.Run("when nobody speaks", func(t *testing.T) {
		t.Parallel()
		f, two, _, _ := heard(t)
		f.mend(two)
		awaitTrue(t, "several looks at the spool", func() bool { return two.bus.reads.Load() >= 5 })
		read(f, two, "first", "second")
	})
	t.Run("unless the author has come here and said them again", func(t *testing.T) {
		t.Parallel()
		f, two, a, _ := heard(t)
		outbox := f.outbox(a, 5)
		_ = a.ws.CloseNow()
		c := a.comeBack(two.addr, newID(4))
		c.join(5, "ada")
		for _, e := range outbox {
			c.say(e)
			if m, ok := c.fate(e.ID).(talk.Accepted); !ok {
				t.Fatalf("%q is not accepted: %+v", e.Text, m)
			}
		}
		f.mend(two)
		c.postStored(5, "third")
		f.wantLog(5, "first", "second", "third")
		read(f, two, "first", "second", "third")
	})
}

// outbox is what an author has in the spool.
func (f *spoolFleet) outbox(p *peer, room int32) (entries []talk.Entry) {
	f.t.Helper()
	list, err := f.spool.Read(f.t.Context(), f.spool.Partition(room), fanout.SpoolID(""), 100)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, s := range list {
		if e := s.Entry; e.Author == p.uuid {
			e.Pending, e.SentAt, e.UnixTime = false, 0, 0
			entries = append(entries, e)
		}
	}
	return entries
}
