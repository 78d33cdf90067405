package gateway_test

import (
	"testing"

	"tuitalk/gateway"
	"tuitalk/gateway/limits"
	"tuitalk/talk"
)

// TestRepeatsInAnOutageCostLittle: whoever has to say again what is accepted
// already can say something new behind it.
func TestRepeatsInAnOutageCostLittle(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n := f.gateway(func(o *gateway.Options) {
		o.Limits.Connection.Messages = limits.Rate{PerSecond: 0.0001, Burst: 12} // Hello, a JoinRoom of four, six posts, and half a post
		o.Limits.Backlog = 40
	})
	a := hello(t, n.addr)
	a.join(5, "ada")
	f.cut(n)
	said := make(map[talk.UUID]string)
	var order []talk.UUID
	for _, text := range []string{"one", "two", "three", "four", "five"} {
		id := a.post(5, text)
		if got := expect[talk.Accepted](a).ID; got != id {
			t.Fatalf("accepted %s, posted %s", got, id)
		}
		said[id], order = text, append(order, id)
	}
	for _, id := range order {
		a.say(talk.Entry{Kind: talk.KindPosted, RoomID: 5, Author: a.uuid, Name: "ada", Text: said[id], ID: id, Round: 1})
	}
	last := newID(4)
	a.say(talk.Entry{Kind: talk.KindPosted, RoomID: 5, Author: a.uuid, Name: "ada", Text: "six", ID: last, Round: 1})
	for expect[talk.Accepted](a).ID != last {
	}
	f.mend(n)
	for expect[talk.Stored](a).ID != last {
	}
	f.wantLog(5, "one", "two", "three", "four", "five", "six")
}

// TestStoredAndSaidAgainInAnOutage: the word that an entry is stored did not reach its
// author, who comes to a gateway that does not reach the store and says it again.
func TestStoredAndSaidAgainInAnOutage(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T) (f *spoolFleet, away *spoolNode, w, a *peer, e talk.Entry) {
		f = newSpoolFleet(t)
		there, away := f.gateway(nil), f.gateway(func(o *gateway.Options) { o.RecentCount = 5 })
		w, b := hello(t, away.addr), hello(t, there.addr)
		w.join(5, "witness")
		b.join(5, "ada")
		e = talk.Entry{Kind: talk.KindPosted, RoomID: 5, Author: b.uuid, Text: "once", ID: newID(4)}
		b.say(e)
		w.heardText("once")
		a = b.comeBack(away.addr, newID(4))
		return f, away, w, a, e
	}
	t.Run("it is shown there", func(t *testing.T) {
		t.Parallel()
		f, away, _, a, e := start(t)
		f.cut(away)
		a.join(5, "ada")
		a.say(e)
		if m, ok := a.fate(e.ID).(talk.Stored); !ok || m.Seq <= 0 {
			t.Fatalf("the author is told %+v", m)
		}
		if n := f.waiting(); n != 0 {
			t.Errorf("%d entries wait for the store", n)
		}
	})
	t.Run("it is not shown there any more", func(t *testing.T) {
		t.Parallel()
		f, away, w, a, e := start(t)
		want := []string{"once"}
		for _, text := range []string{"1", "2", "3", "4", "5"} {
			w.postStored(5, text)
			want = append(want, text)
		}
		f.cut(away)
		a.join(5, "ada")
		a.say(e)
		if m, ok := a.fate(e.ID).(talk.Accepted); !ok {
			t.Fatalf("the author is told %+v", m)
		}
		// Another gateway drains it; this one never reaches the store.
		if m, ok := a.fate(e.ID).(talk.Stored); !ok || m.Seq <= 0 {
			t.Fatalf("the author is told %+v", m)
		}
		away.awaitMetric(t, "tuitalk_pending_entries", "", func(v float64) bool { return v == 0 })
		w.heardPending("once") // of which nobody there knows that it is in the log; it is taken off again
		for _, p := range []*peer{w, a} {
			if m := expect[talk.Withdrawn](p); m.RoomID != 5 || m.UUID != a.uuid || m.ID != e.ID {
				t.Errorf("taken off: %+v", m)
			}
		}
		f.wantLog(5, want...)
	})
}
