package gateway_test

import (
	"strings"
	"testing"
	"time"

	"tuitalk/gateway"
	"tuitalk/talk"
)

// TestDirectAppendStartsWithWhatWaits: entries of a room wait in the spool, and
// a node that reaches the store is about to append to it. Nobody looks at the
// spool from time to time here: the append itself must start with what waits.
func TestDirectAppendStartsWithWhatWaits(t *testing.T) {
	t.Parallel()
	waits := []string{"waits 0", "waits 1", "waits 2"}
	for name, prepare := range map[string]func(f *spoolFleet, n *spoolNode, a *peer){
		"of this node": func(f *spoolFleet, n *spoolNode, a *peer) {
			f.cut(n)
			a.accept(5, waits...)
			f.mend(n)
		},
		"of another node, heard on the bus": func(f *spoolFleet, n *spoolNode, a *peer) {
			other := f.gateway(nil)
			other.bus.unaware.Store(true)
			b := hello(f.t, other.addr)
			b.join(5, "bob")
			f.cut(other)
			f.leave(5, waits[0]) // of which nobody is left who would tell
			b.accept(5, waits[1:]...)
			a.heardPending(waits[2])
		},
		"of another node, in an outage of both": func(f *spoolFleet, n *spoolNode, _ *peer) {
			f.cut(n)
			f.leave(5, waits...)
			f.mend(n)
		},
		"of another node, and the bus says that something was lost": func(f *spoolFleet, n *spoolNode, _ *peer) {
			f.leave(5, waits...)
			n.server.Lost(5)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newSpoolFleet(t)
			n := f.gateway(nil)
			n.bus.unaware.Store(true)
			a, w := hello(t, n.addr), hello(t, n.addr)
			a.join(5, "ada")
			w.join(5, "witness")
			a.postStored(5, "before") // and then it knows that nothing waits
			prepare(f, n, a)
			a.post(5, "after")
			w.wantShown("before", waits[0], waits[1], waits[2], "after")
			f.wantLog(5, "before", waits[0], waits[1], waits[2], "after")
		})
	}
	t.Run("from before this node was there", func(t *testing.T) {
		t.Parallel()
		f := newSpoolFleet(t)
		f.leave(5, waits...)
		f.firstWords(5, waits)
	})
	t.Run("from before the room was open here", func(t *testing.T) {
		t.Parallel()
		f := newSpoolFleet(t)
		n := f.gateway(nil)
		n.bus.unaware.Store(true)
		a := hello(t, n.addr)
		a.join(1, "ada") // of the same partition
		a.postStored(1, "nothing waits yet")
		f.leave(5, waits...)
		a.join(5, "ada")
		a.postStored(5, "after")
		f.wantLog(5, waits[0], waits[1], waits[2], "after")
	})
}

// firstWords posts through a new node.
func (f *spoolFleet) firstWords(room int32, waits []string) {
	n := f.gateway(nil)
	n.bus.unaware.Store(true)
	a := hello(f.t, n.addr)
	a.join(room, "ada")
	a.postStored(room, "after")
	f.wantLog(room, append(waits[:len(waits):len(waits)], "after")...)
}

// TestDirectAppendRacesADrain: another node is stopped at each step of draining
// the room's entries. Both append the same ones.
func TestDirectAppendRacesADrain(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"drain-read", "drain-appended", "drain-published", "drain-removed"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			f := newSpoolFleet(t)
			hold, reached, release := holdAt(t, step)
			one, two := f.gateway(nil), f.gateway(func(o *gateway.Options) { o.Failpoint = hold })
			one.bus.unaware.Store(true)
			a, b, w := hello(t, one.addr), hello(t, two.addr), hello(t, one.addr)
			a.join(5, "ada")
			b.join(5, "bob")
			w.join(5, "witness")
			a.postStored(5, "before")
			f.cut(one)
			waits := a.accept(5, "waits 0", "waits 1", "waits 2")
			awaitStep(t, "the other node's drain", reached)
			f.mend(one)
			a.postStored(5, "after")
			release()
			b.post(5, "last")
			all := append(append([]string{"before"}, waits...), "after", "last")
			w.wantShown(all...)
			b.wantShown(all...)
			f.wantLog(5, all...)
			awaitTrue(t, "the spool to be empty", func() bool { return f.waiting() == 0 })
		})
	}
}

// TestRefusedInADrain: entries that the store will never take stand first in the
// spool, and between others. They are refused, and nobody else is.
func TestRefusedInADrain(t *testing.T) {
	t.Parallel()
	t.Run("by the gateway of the author", func(t *testing.T) {
		t.Parallel()
		f, one, two := refusingFleet(t)
		a, b, bad := f.spoolBad(one, two)
		f.mend(one)
		for range bad { // each in turn: else what is withdrawn is sent again
			if m := expect[talk.Error](a); m.Retry || m.Code != talk.CodeRefused || !bad[m.ID] {
				t.Fatalf("the author is told %+v", m)
			}
		}
		f.checkRefused(one, two, a, b, bad)
	})
	t.Run("by another gateway", func(t *testing.T) {
		t.Parallel()
		f, one, two := refusingFleet(t)
		a, b, bad := f.spoolBad(one, two)
		f.mend(two)
		awaitTrue(t, "the other node's drain", func() bool { return f.waiting() == 0 })
		f.checkRefused(one, two, a, b, bad)
	})
}

func refusingFleet(t *testing.T) (f *spoolFleet, one, two *spoolNode) {
	f = newSpoolFleet(t)
	one, two = f.gateway(nil), f.gateway(nil)
	refuse := func(e talk.Entry) bool { return strings.HasPrefix(e.Text, "bad") }
	one.way.refuse.Store(&refuse)
	two.way.refuse.Store(&refuse)
	return f, one, two
}

// spoolBad has ada, on the first node, say good and bad things while the store is
// away. Bob sees them on the other.
func (f *spoolFleet) spoolBad(one, two *spoolNode) (a, b *peer, bad map[talk.UUID]bool) {
	f.t.Helper()
	a, b = hello(f.t, one.addr), hello(f.t, two.addr)
	a.join(5, "ada")
	b.join(5, "bob")
	f.cut(one, two)
	bad = map[talk.UUID]bool{}
	for _, text := range []string{"bad 0", "good 0", "bad 1", "good 1"} {
		id := a.post(5, text)
		expect[talk.Accepted](a)
		b.heardPending(text)
		if strings.HasPrefix(text, "bad") {
			bad[id] = true
		}
	}
	return a, b, bad
}

func (f *spoolFleet) checkRefused(one, two *spoolNode, a, b *peer, bad map[talk.UUID]bool) {
	f.t.Helper()
	for _, p := range []*peer{a, b} {
		for range bad {
			if m := expect[talk.Withdrawn](p); !bad[m.ID] || m.UUID != a.uuid {
				f.t.Fatalf("withdrawn: %+v", m)
			}
		}
	}
	f.mend(one, two)
	for id := range bad { // as a client does with what was withdrawn
		a.say(talk.Entry{Kind: talk.KindPosted, RoomID: 5, Author: a.uuid, Text: "bad again", ID: id})
		if m, ok := a.fate(id).(talk.Error); !ok || m.Retry || m.ID != id {
			f.t.Fatalf("the author is told %+v", m)
		}
	}
	a.postStored(5, "after")
	f.wantLog(5, "good 0", "good 1", "after")
	awaitTrue(f.t, "the spool to be empty", func() bool { return f.waiting() == 0 })
	tried := one.way.tried.Load() + two.way.tried.Load()
	time.Sleep(2500 * time.Millisecond) // two rounds of the drain
	if now := one.way.tried.Load() + two.way.tried.Load(); now != tried {
		f.t.Errorf("the store is asked again: %d entries, %d before", now, tried)
	}
	for _, n := range []*spoolNode{one, two} {
		if w, p := n.metric(f.t, "tuitalk_withdrawn_entries_total", ""), n.metric(f.t, "tuitalk_pending_entries", ""); w != 2 || p != 0 {
			f.t.Errorf("%v are withdrawn, %v still pending", w, p)
		}
	}
}

// TestRefusedInABatch: one guilty entry of a group commit costs the others nothing.
func TestRefusedInABatch(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n := f.gateway(func(o *gateway.Options) { o.Lanes = 1 })
	a, w := hello(t, n.addr), hello(t, n.addr)
	a.join(5, "ada")
	w.join(5, "witness")
	hold, reached, release := holdAt(t, "append")
	refuse := func(e talk.Entry) bool {
		hold("append") // so that what comes next is one batch
		return e.Text == "bad"
	}
	n.way.refuse.Store(&refuse)
	a.post(5, "first")
	awaitStep(t, "the first append", reached)
	a.post(5, "good 0")
	bad := a.post(5, "bad")
	a.post(5, "good 1")
	n.awaitMetric(t, "tuitalk_queued_posts", "", func(v float64) bool { return v == 3 })
	release()
	if m := expect[talk.Error](a); m.ID != bad || m.Retry || m.Code != talk.CodeRefused {
		t.Errorf("the author is told %+v", m)
	}
	w.wantShown("first", "good 0", "good 1")
	f.wantLog(5, "first", "good 0", "good 1")
	if got := n.metric(t, "tuitalk_acks_total", "refused"); got != 1 {
		t.Errorf("%v posts are refused", got)
	}
}

// TestEntriesOfANewerForm: a page full of entries that this node cannot read
// stands before those that it can.
func TestEntriesOfANewerForm(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	f.leave(5, "readable 0", "readable 1")
	n := f.gateway(nil)
	n.bus.newer.Store(600)
	awaitTrue(t, "what can be read to be stored", func() bool { return f.waiting() == 0 })
	f.wantLog(5, "readable 0", "readable 1")
}
