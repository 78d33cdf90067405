package gateway_test

import (
	"fmt"
	"sync"
	"testing"

	"tuitalk/gateway"
	"tuitalk/talk"
)

// resume joins behind an entry, as bob.
func (p *peer) resume(e talk.Entry) {
	p.t.Helper()
	p.say(talk.JoinRoom{RoomID: e.RoomID, UUID: p.uuid, Username: "bob", Resume: true, AfterSeq: e.Seq, AfterID: e.ID})
	if j := expect[talk.Joined](p); j.Reset || j.AfterSeq != e.Seq {
		p.t.Fatalf("resumed with %+v behind %d", j, e.Seq)
	}
}

// bobIsLost has three people in room 5 of a node, of whom bob has lost his line
// behind "before". He comes back as the same session, to any node.
func bobIsLost(t *testing.T, n *spoolNode) (ada, witness *peer, bob func(addr string) *peer) {
	t.Helper()
	ada, witness = hello(t, n.addr), hello(t, n.addr)
	ada.join(5, "ada")
	witness.join(5, "witness")
	session := newID(4)
	b := hello(t, n.addr).comeBack(n.addr, session)
	b.join(5, "bob")
	ada.post(5, "before")
	last := b.heardText("before")
	_ = b.ws.CloseNow()
	return ada, witness, func(addr string) *peer {
		t.Helper()
		b = b.comeBack(addr, session)
		b.resume(last)
		return b
	}
}

// TestPublishedWhileARoomIsOpened: an entry is stored and published at each step
// of opening a room for a member who comes back. It is shown once, in its place.
// Heads are not compared: the opening itself must not miss it.
func TestPublishedWhileARoomIsOpened(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"before the subscription", "before its confirmation", "head", "entries"} {
		t.Run(step, func(t *testing.T) {
			f := newSpoolFleet(t)
			one, two := f.gateway(nil), f.gateway(nil)
			two.way.headless.Store(true)
			a, w, bob := bobIsLost(t, one)
			w.heardText("before")
			meanwhile := sync.OnceFunc(func() {
				a.post(5, "in between")
				w.heardText("in between")
			})
			do := func(at string) {
				if at == step {
					meanwhile()
				}
			}
			two.bus.around.set(do)
			two.way.behind.set(do)
			b := bob(two.addr) // so that no entry tells of it
			b.wantShown("in between")
			a.post(5, "after")
			b.wantShown("after")
			if got := two.metric(t, "tuitalk_head_comparisons_total", "behind"); got != 0 {
				t.Errorf("heads were compared, so the opening proved nothing")
			}
		})
	}
}

// TestHeadsTellWhatNoNoteTold: the last note of a room is lost. The next comparison
// of heads finds it, and the metrics say so.
func TestHeadsTellWhatNoNoteTold(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	one, two := f.gateway(nil), f.gateway(nil)
	a, b := hello(t, one.addr), hello(t, two.addr)
	b.join(5, "bob")
	a.join(5, "ada")
	a.postStored(5, "told")
	b.wantShown("told")
	before := two.metric(t, "tuitalk_heads_behind_entries_total", "")
	one.bus.deaf.Store(true)
	a.postStored(5, "lost 0")
	a.postStored(5, "lost 1")
	b.wantShown("lost 0", "lost 1")
	if got := two.metric(t, "tuitalk_heads_behind_entries_total", "") - before; got != 2 {
		t.Errorf("%v entries were found missing", got)
	}
	if got := two.metric(t, "tuitalk_holes_filled_total", ""); got < 2 {
		t.Errorf("%v entries were filled", got)
	}
	for label, least := range map[string]float64{"behind": 1, "same": 1, "failed": 0} {
		two.awaitMetric(t, "tuitalk_head_comparisons_total", label, func(v float64) bool { return v >= least })
	}
	two.awaitMetric(t, "tuitalk_heads_behind_entries", "", func(v float64) bool { return v == 0 })
}

// TestLinksAreCounted: an outage, what authors are told in it, and where those who
// come back are served from.
func TestLinksAreCounted(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n := f.gateway(func(o *gateway.Options) { o.RecentCount = 4 })
	a, w := hello(t, n.addr), hello(t, n.addr)
	a.join(5, "ada")
	w.join(5, "witness")
	a.post(5, "first")
	first := w.heardText("first")
	for i := range 8 {
		a.post(5, fmt.Sprint(i))
	}
	last := w.heardText("7")
	hello(t, n.addr).resume(last)
	hello(t, n.addr).resume(first)
	f.cut(n)
	a.accept(5, "waits")
	f.mend(n)
	w.wantShown("waits")
	awaitTrue(t, "the spool to be empty", func() bool { return f.waiting() == 0 })
	f.spool.SetDown(errAway)
	f.cut(n)
	e := talk.Entry{Kind: talk.KindPosted, RoomID: 5, Author: a.uuid, Text: "refused for now", ID: newID(4)}
	a.say(e)
	if m, ok := a.fate(e.ID).(talk.Error); !ok || !m.Retry {
		t.Fatalf("the author is told %+v", m)
	}
	f.spool.SetDown(nil)
	f.mend(n)
	for _, c := range []struct {
		name, label string
		want        float64
	}{
		{"tuitalk_acks_total", "stored", 9}, {"tuitalk_acks_total", "accepted", 1}, {"tuitalk_acks_total", "stored_later", 1},
		{"tuitalk_acks_total", "retry", 1}, {"tuitalk_acks_total", "refused", 0},
		{"tuitalk_resumes_total", "ring", 1}, {"tuitalk_resumes_total", "store", 1},
		{"tuitalk_spooled_entries_total", "", 1},
		{"tuitalk_drained_entries_total", "", 1}, {"tuitalk_spool_refused_entries_total", "", 1},
	} {
		n.awaitMetric(t, c.name, c.label, func(v float64) bool { return v == c.want })
	}
	// a round of the lease manager that was under way may make one outage two
	n.awaitMetric(t, "tuitalk_store_outages_total", "", func(v float64) bool { return v >= 2 })
}
