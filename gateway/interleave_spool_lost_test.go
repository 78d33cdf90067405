package gateway_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway"
	"tuitalk/talk"
)

// TestSpoolLosesWhatIsShown: a Redis master dies before the replica that takes
// over had entries that were accepted and shown as pending. Who showed them stores
// them.
func TestSpoolLosesWhatIsShown(t *testing.T) {
	t.Parallel()
	t.Run("they come before what their author says next", func(t *testing.T) {
		t.Parallel()
		f := newSpoolFleet(t)
		n := f.gateway(nil)
		a, w := hello(t, n.addr), hello(t, n.addr)
		a.join(5, "ada")
		w.join(5, "witness")
		f.cut(n)
		lost := a.accept(5, "lost 0", "lost 1")
		f.lose()
		f.mend(n)
		a.postStored(5, "after")
		w.wantShown(lost[0], lost[1], "after")
		f.wantLog(5, lost[0], lost[1], "after")
		if got := n.metric(t, "tuitalk_rescued_entries_total", ""); got != 2 {
			t.Errorf("%v entries are rescued", got)
		}
	})
	t.Run("by each node that showed them, without anybody saying more", func(t *testing.T) {
		t.Parallel()
		f := newSpoolFleet(t)
		one, two := f.gateway(nil), f.gateway(nil)
		a, b := hello(t, one.addr), hello(t, two.addr)
		a.join(5, "ada")
		b.join(5, "bob")
		f.cut(one, two)
		lost := a.accept(5, "lost 0", "lost 1")
		b.heardPending(lost[1])
		f.lose()
		f.mend(one, two)
		b.wantShown(lost...)
		a.wantShown(lost...)
		f.wantLog(5, lost...)
		for _, n := range []*spoolNode{one, two} {
			n.awaitMetric(t, "tuitalk_pending_entries", "", func(v float64) bool { return v == 0 })
		}
	})
	t.Run("by another node, as the one that took them is gone", func(t *testing.T) {
		t.Parallel()
		f := newSpoolFleet(t)
		one, two := f.gateway(nil), f.gateway(nil)
		a, b := hello(t, one.addr), hello(t, two.addr)
		a.join(5, "ada")
		b.join(5, "bob")
		f.cut(one, two)
		lost := a.accept(5, "lost 0", "lost 1")
		b.heardPending(lost[1])
		f.lose()
		f.mend(two) // one never reaches the store again
		b.wantShown(lost...)
		b.postStored(5, "after")
		f.wantLog(5, lost[0], lost[1], "after")
	})
	t.Run("although everybody has left the room since", func(t *testing.T) {
		t.Parallel()
		f := newSpoolFleet(t)
		n := f.gateway(func(o *gateway.Options) { o.RoomLinger = 100 * time.Millisecond })
		a := hello(t, n.addr)
		a.join(5, "ada")
		f.cut(n)
		lost := a.accept(5, "lost 0", "lost 1")
		_ = a.ws.CloseNow()
		f.lose()
		time.Sleep(2500 * time.Millisecond) // in which a room of nobody is closed
		f.mend(n)
		n.awaitMetric(t, "tuitalk_rooms", "", func(v float64) bool { return v == 0 })
		f.wantLog(5, lost...)
	})
	t.Run("they are withdrawn if the store will not have them", func(t *testing.T) {
		t.Parallel()
		f := newSpoolFleet(t)
		one, two := f.gateway(nil), f.gateway(nil)
		a, b := hello(t, one.addr), hello(t, two.addr)
		a.join(5, "ada")
		b.join(5, "bob")
		refuse := func(e talk.Entry) bool { return e.Text == "lost" }
		one.way.refuse.Store(&refuse)
		two.way.refuse.Store(&refuse)
		f.cut(one, two)
		a.accept(5, "lost")
		b.heardPending("lost")
		f.lose()
		f.mend(one)
		if m := expect[talk.Error](a); m.Code != talk.CodeRefused || m.Retry {
			t.Errorf("the author is told %+v", m)
		}
		for _, p := range []*peer{a, b} {
			if m, ok := p.hear().(talk.Withdrawn); !ok || m.UUID != a.uuid || m.RoomID != 5 {
				t.Fatalf("not withdrawn, but %+v", m)
			}
		}
		f.mend(two)
		a.postStored(5, "after")
		f.wantLog(5, "after")
	})
}

// TestSpoolLosesEntriesAndTakesNewer: in an outage of the store the spool loses what
// was accepted, and the author goes on. Another node drains the spool: what was said
// first is stored first, all the same.
func TestSpoolLosesEntriesAndTakesNewer(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]int{"all of it": 3, "the end": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newSpoolFleet(t)
			n := f.gateway(nil)
			a := hello(t, n.addr)
			a.join(5, "ada")
			f.cut(n)
			a.accept(5, "1", "2", "3")
			f.loseLast(5, lost)
			a.accept(5, "4", "5")
			if got := f.waiting(); got != 5 {
				t.Errorf("%d entries wait, want 5", got)
			}
			f.gateway(nil) // it reaches the store
			awaitTrue(t, "the spool to be empty", func() bool { return f.waiting() == 0 })
			f.wantLog(5, "1", "2", "3", "4", "5")
			f.mend(n)
			a.postStored(5, "6")
			f.wantLog(5, "1", "2", "3", "4", "5", "6")
		})
	}
}

// TestSpoolLosesTheEndBehindARepeat: what a node took itself is lost with the end of the
// spool, and what it took last is there, as it is a repeat of what another one took long
// before. It hides no hole: what the author says next is not stored in front of what is
// lost.
func TestSpoolLosesTheEndBehindARepeat(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	one, two := f.gateway(nil), f.gateway(nil)
	a, b := hello(t, one.addr), hello(t, two.addr)
	a.join(5, "ada")
	b.join(5, "bob")
	f.cut(one, two)
	a.accept(5, "of ada")
	b.heardPending("of ada")
	b.accept(5, "lost")
	outbox := f.outbox(a, 5)
	_ = a.ws.CloseNow()
	c := a.comeBack(two.addr, newID(4))
	c.join(5, "ada")
	c.say(outbox[0])
	if m, ok := c.fate(outbox[0].ID).(talk.Accepted); !ok {
		t.Fatalf("it is not accepted again: %+v", m)
	}
	f.loseLast(5, 1)
	b.accept(5, "of bob")
	f.gateway(nil) // it reaches the store
	awaitTrue(t, "the spool to be empty", func() bool { return f.waiting() == 0 })
	f.wantLog(5, "of ada", "lost", "of bob")
}

// TestSpoolLosesWhatWasSaidAgain: a node has heard of the second of two messages of an
// author, who comes to it and says both again; and the spool loses them. They are stored
// in his order, and not in that in which the node has heard of them.
func TestSpoolLosesWhatWasSaidAgain(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	one, two := f.gateway(nil), f.gateway(nil)
	a, b := hello(t, one.addr), hello(t, two.addr)
	a.join(5, "ada")
	b.join(5, "bob")
	f.cut(one, two)
	one.bus.deaf.Store(true)
	a.accept(5, "first")
	one.bus.deaf.Store(false)
	a.accept(5, "second")
	b.heardPending("second")
	outbox := f.outbox(a, 5)
	_ = a.ws.CloseNow()
	c := a.comeBack(two.addr, newID(4))
	c.join(5, "ada")
	for _, e := range outbox {
		c.say(e)
		if m, ok := c.fate(e.ID).(talk.Accepted); !ok {
			t.Fatalf("%q is not accepted again: %+v", e.Text, m)
		}
	}
	f.lose()
	f.mend(two)
	c.postStored(5, "third")
	f.wantLog(5, "first", "second", "third")
}

// TestSpoolLosesWhatStandsBehindAGap: a node has heard of the second of two messages of an
// author, and not of the first; the spool loses both, and the node that took them does not
// reach the store yet. Nothing is stored in front of the first one.
func TestSpoolLosesWhatStandsBehindAGap(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	one, two := f.gateway(nil), f.gateway(nil)
	a, b := hello(t, one.addr), hello(t, two.addr)
	a.join(5, "ada")
	b.join(5, "bob")
	f.cut(one, two)
	one.bus.deaf.Store(true)
	a.accept(5, "first")
	one.bus.deaf.Store(false)
	a.accept(5, "second", "third")
	b.heardPending("third")
	f.lose()
	f.mend(two)
	b.postStored(5, "of bob")
	f.wantLog(5, "of bob")
	f.mend(one)
	a.postStored(5, "fourth")
	f.wantLog(5, "of bob", "first", "second", "third", "fourth")
}

// TestNotAcceptedWithoutAReplica: no replica confirmed the entry, and it is gone
// after the failover. Nobody called it accepted, nobody saw it; its author sends it
// again.
func TestNotAcceptedWithoutAReplica(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	one, two := f.gateway(nil), f.gateway(nil)
	a, b := hello(t, one.addr), hello(t, two.addr)
	a.join(5, "ada")
	b.join(5, "bob")
	f.cut(one, two)
	f.spool.SetReplicated(false)
	e := talk.Entry{Kind: talk.KindPosted, RoomID: 5, Author: a.uuid, Text: "once", ID: newID(4)}
	a.say(e)
	if m, ok := a.fate(e.ID).(talk.Error); !ok || !m.Retry || m.ID != e.ID {
		t.Fatalf("the author is told %+v", m)
	}
	if f.waiting() != 1 {
		t.Error("it never was in the spool, so nothing was tested")
	}
	f.lose()
	f.spool.SetReplicated(true)
	f.mend(one, two)
	e.Round++
	a.say(e)
	for {
		e := expect[talk.Entry](b)
		if e.Pending {
			t.Fatalf("shown as pending: %+v", e)
		}
		if e.Kind == talk.KindPosted {
			break
		}
	}
	f.wantLog(5, "once")
}

// TestSpoolThatCannotBeRead: entries wait in a Redis that is away, and the store is
// back: what was shown here is stored, and the room goes on.
func TestSpoolThatCannotBeRead(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n := f.gateway(nil)
	a := hello(t, n.addr)
	a.join(5, "ada")
	f.cut(n)
	waits := a.accept(5, "waits 0", "waits 1")
	f.spool.SetDown(errors.New("test: no redis"))
	f.mend(n)
	a.postStored(5, "after")
	f.wantLog(5, waits[0], waits[1], "after")
	f.spool.SetDown(nil)
	awaitTrue(t, "the spool to be empty", func() bool { return f.waiting() == 0 })
	f.wantLog(5, waits[0], waits[1], "after")
}

// TestSpoolThatCannotBeReadIsTriedOnceABatch: many posts, of two rooms of one
// partition, are one group commit.
func TestSpoolThatCannotBeReadIsTriedOnceABatch(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	hold, reached, release := holdAt(t, "append")
	n := f.gateway(func(o *gateway.Options) { o.Lanes = 1 })
	n.bus.unaware.Store(true)
	near := 5 + int32(f.spool.Partitions())
	a, b := hello(t, n.addr), hello(t, n.addr)
	a.join(5, "ada")
	b.join(near, "bob")
	a.postStored(5, "before")
	b.postStored(near, "before")
	let := func(talk.Entry) bool {
		hold("append") // so that what comes next is one batch
		return false
	}
	n.way.refuse.Store(&let)
	a.post(5, "first")
	awaitStep(t, "the first append", reached)
	n.server.Lost(5) // something may wait
	n.bus.blind.Store(true)
	want := []string{"before", "first"}
	for i := range 10 {
		want = append(want, fmt.Sprintf("post %d", i))
		a.post(5, want[len(want)-1])
	}
	last := b.post(near, "of the other room")
	n.awaitMetric(t, "tuitalk_queued_posts", "", func(v float64) bool { return v == 11 })
	release()
	for expect[talk.Stored](b).ID != last {
	}
	if got := n.bus.reads.Load(); got != 1 {
		t.Errorf("the partition is read %d times in vain", got)
	}
	f.wantLog(5, want...)
}

// TestStoredBeforeItsPending: the note that an entry is stored overtakes the note
// that it waits: they come from two nodes. It is not shown as pending any more.
func TestStoredBeforeItsPending(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n := f.gateway(nil)
	n.way.headless.Store(true) // only the notes tell
	b := hello(t, n.addr)
	b.join(5, "bob")
	e := talk.Entry{Kind: talk.KindPosted, RoomID: 5, Author: newID(4), Name: "ada", Text: "stored", ID: newID(4)}
	results, err := f.log.Append(t.Context(), []talk.Entry{e})
	if err != nil {
		t.Fatal(err)
	}
	pending := e
	pending.Pending = true
	e.Seq, e.UnixTime = results[0].Seq, results[0].UnixTime
	n.server.Deliver(&fanout.Note{Room: 5, Entries: []talk.Entry{e}})
	n.server.Deliver(&fanout.Note{Room: 5, Entries: []talk.Entry{pending}})
	b.post(5, "next")
	for _, e := range b.until("next") {
		if e.Pending {
			t.Errorf("shown as pending: %+v", e)
		}
	}
	f.wantLog(5, "stored", "next")
}

// TestSpooledForARoomOfNobody: a gateway spools for a room in which nobody else is,
// and never reaches the store again; the author is gone too. Others, who do not
// have the room, bring it into the store.
func TestSpooledForARoomOfNobody(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	dying := f.gateway(nil)
	a := hello(t, dying.addr)
	a.join(5, "ada")
	f.cut(dying)
	waits := a.accept(5, "waits 0", "waits 1")
	_ = a.ws.CloseNow()
	other := f.gateway(nil)
	awaitTrue(t, "the spool to be empty", func() bool { return f.waiting() == 0 })
	f.wantLog(5, waits...)
	other.awaitMetric(t, "tuitalk_drained_entries_total", "", func(v float64) bool { return v == 2 })
}

// TestFlappingClientDoesNotFillTheSpool: a client loses its line again and again
// while the store is away, and sends its outbox each time.
func TestFlappingClientDoesNotFillTheSpool(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n := f.gateway(nil)
	session := newID(4)
	a := hello(t, n.addr).comeBack(n.addr, session)
	a.join(5, "ada")
	a.postStored(5, "before")
	var outbox []talk.Entry
	var texts []string
	for i := range 5 {
		text := fmt.Sprintf("waits %d", i)
		texts = append(texts, text)
		outbox = append(outbox, talk.Entry{Kind: talk.KindPosted, RoomID: 5, Author: a.uuid, Text: text, ID: newID(4)})
	}
	f.cut(n)
	const flaps = 6
	for range flaps {
		for _, e := range outbox {
			a.say(e)
			if m, ok := a.fate(e.ID).(talk.Accepted); !ok {
				t.Fatalf("%q is not accepted: %+v", e.Text, m)
			}
		}
		if got := f.waiting(); got != int64(len(outbox)) {
			t.Fatalf("the spool has %d entries, want %d", got, len(outbox))
		}
		_ = a.ws.CloseNow()
		a = a.comeBack(n.addr, session)
		a.join(5, "ada")
	}
	if got := n.metric(t, "tuitalk_acks_total", "accepted"); got != float64(flaps*len(outbox)) {
		t.Errorf("%v posts are accepted", got)
	}
	f.mend(n)
	awaitTrue(t, "the spool to be empty", func() bool { return f.waiting() == 0 })
	f.wantLog(5, append([]string{"before"}, texts...)...)
}
