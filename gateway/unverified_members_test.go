package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"tuitalk/gateway"
	"tuitalk/history"
	"tuitalk/talk"
)

// TestWhoComesInAnOutageIsComparedFirst: the store has gone back while it was away, and
// somebody comes meanwhile who was shown more than it has now. He is not shown what is
// stored behind that, as if it were behind what he has: joining again, he would seem to
// have all of the log. He is asked to join again, and begins anew then.
func TestWhoComesInAnOutageIsComparedFirst(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]bool{"into a room where others are": true, "into an empty room": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newSpoolFleet(t)
			n, other := f.gateway(nil), f.gateway(nil)
			w := hello(t, other.addr)
			w.join(5, "witness")
			w.postStored(5, "old")
			if others {
				o := hello(t, n.addr)
				o.join(5, "other")
			}
			f.cut(n, other)
			p := hello(t, n.addr)
			had := talk.JoinRoom{RoomID: 5, UUID: p.uuid, Username: "bob", UnixTime: 1, Resume: true, AfterSeq: 8, AfterID: newID(4)}
			p.say(had)
			if j := expect[talk.Joined](p); j.Reset || j.AfterSeq != had.AfterSeq {
				t.Fatalf("nobody can know it, and he is told %+v", j)
			}
			f.mend(n, other)
			var texts []string
			for i := range 10 {
				texts = append(texts, fmt.Sprint("new ", i))
				w.postStored(5, texts[i])
			}
			for asked := false; !asked; {
				switch m := p.hear().(type) {
				case talk.Reconnect:
					asked = true
				case talk.Entry:
					if !m.Pending {
						t.Errorf("%q is shown as entry %d behind entry %d of a log that is gone", m.Text, m.Seq, had.AfterSeq)
					}
				}
			}
			q := dial(t, n.addr, talk.Extended)
			q.hello(talk.Hello{Secret: p.secret, Session: newID(4), Client: "test"})
			q.say(had)
			j := expect[talk.Joined](q)
			if !j.Reset {
				t.Errorf("he goes on behind what he had: %+v", j)
			}
			q.say(talk.Fetch{RoomID: 5, Limit: 100, BeforeSeq: j.AfterSeq + 1})
			q.heardHistory(texts...)
		})
	}
}

// heardHistory waits for a page of history whose newest posts are these.
func (p *peer) heardHistory(texts ...string) {
	p.t.Helper()
	got := posted(entriesOf(expect[talk.History](p)))
	if len(got) < len(texts) || fmt.Sprint(got[len(got)-len(texts):]) != fmt.Sprint(texts) {
		p.t.Errorf("the history ends with %q, want %q", got, texts)
	}
}

// TestWhoComesInAnOutageGoesOn: who has what the store has is shown what comes behind it,
// each entry once, also if it comes before he has joined again.
func TestWhoComesInAnOutageGoesOn(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n, other := f.gateway(nil), f.gateway(nil)
	w := hello(t, other.addr)
	w.join(5, "witness")
	id := w.post(5, "old")
	stored := expect[talk.Stored](w)
	if stored.ID != id {
		t.Fatalf("stored %+v", stored)
	}
	f.cut(n, other)
	p := hello(t, n.addr)
	p.say(talk.JoinRoom{RoomID: 5, UUID: p.uuid, Username: "bob", UnixTime: 1, Resume: true, AfterSeq: stored.Seq, AfterID: id})
	if j := expect[talk.Joined](p); j.AfterSeq != stored.Seq {
		t.Fatalf("told %+v", j)
	}
	w.accept(5, "in the outage")
	p.heardPending("in the outage")
	f.mend(n, other)
	w.postStored(5, "after")
	p.wantShown("in the outage", "after")
}

// TestAHugeClaimIsTheClaimersOwn: somebody opens a room in an outage and says to have more
// of it than there is. Who comes behind him goes on where he was, without a gap.
func TestAHugeClaimIsTheClaimersOwn(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n, other := f.gateway(nil), f.gateway(nil)
	w := hello(t, other.addr)
	w.join(5, "witness")
	id := w.post(5, "old")
	stored := expect[talk.Stored](w)
	f.cut(n, other)
	liar := hello(t, n.addr)
	liar.say(talk.JoinRoom{RoomID: 5, UUID: liar.uuid, Username: "eve", UnixTime: 1, Resume: true, AfterSeq: 1 << 40, AfterID: newID(4)})
	expect[talk.Joined](liar)
	p := hello(t, n.addr)
	p.say(talk.JoinRoom{RoomID: 5, UUID: p.uuid, Username: "bob", UnixTime: 1, Resume: true, AfterSeq: stored.Seq, AfterID: id})
	if j := expect[talk.Joined](p); j.AfterSeq != stored.Seq {
		t.Fatalf("he goes on behind %d, and has %d", j.AfterSeq, stored.Seq)
	}
	f.mend(n, other)
	w.postStored(5, "after")
	p.wantShown("after")
}

// TestWhoIsFarBehindInAnOutageIsToldOfTheGap: once the head is known, and whoever opened
// the room. The entry is named behind which he goes on.
func TestWhoIsFarBehindInAnOutageIsToldOfTheGap(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]bool{"he is the first": false, "behind somebody who has all of it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			farBehindInAnOutage(t, others)
		})
	}
}

// gapEnd is the entry behind which somebody is told to go on.
func gapEnd(g talk.Gap) history.Head { return history.Head{Seq: g.To, ID: g.ToID, UnixTime: g.ToTime} }

func farBehindInAnOutage(t *testing.T, others bool) {
	const kept = 5 // more than are stored when they are let in
	f := newSpoolFleet(t)
	few := func(o *gateway.Options) { o.RecentCount, o.ResumeMax = kept, 6 }
	n, other := f.gateway(few), f.gateway(few)
	w := hello(t, other.addr)
	w.join(5, "witness")
	id := w.post(5, "old")
	stored := expect[talk.Stored](w)
	for i := range 10 {
		w.postStored(5, fmt.Sprint("missed ", i))
	}
	head := stored.Seq + 10
	f.cut(n, other)
	if others {
		q := hello(t, n.addr)
		q.say(talk.JoinRoom{RoomID: 5, UUID: q.uuid, Username: "carol", UnixTime: 1, Resume: true, AfterSeq: head, AfterID: f.entryAt(5, head).ID})
		expect[talk.Joined](q)
	}
	p := hello(t, n.addr)
	p.say(talk.JoinRoom{RoomID: 5, UUID: p.uuid, Username: "bob", UnixTime: 1, Resume: true, AfterSeq: stored.Seq, AfterID: id})
	expect[talk.Joined](p)
	f.mend(n, other)
	g := expect[talk.Gap](p)
	if g.From != stored.Seq+1 || g.To < head-kept || g.To > head || gapEnd(g) != f.entryAt(5, g.To) {
		t.Errorf("told %+v of a room whose head was %d", g, head)
	}
	for seq := g.To + 1; seq <= head; seq++ {
		if e := expect[talk.Entry](p); e.Seq != seq {
			t.Errorf("then entry %d, want %d", e.Seq, seq)
		}
	}
}

// TestAShortLogIsToldFromItsBeginning: who has nothing of a room that was opened without the
// store may have been in it before, at another gateway. Where its log is short nothing of
// that is left out.
func TestAShortLogIsToldFromItsBeginning(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n, other := f.gateway(nil), f.gateway(nil)
	w := hello(t, other.addr)
	w.join(5, "witness")
	w.postStored(5, "before")
	time.Sleep(3200 * time.Millisecond) // longer than clocks may differ
	f.cut(n, other)
	p := hello(t, n.addr)
	p.say(talk.JoinRoom{RoomID: 5, UUID: p.uuid, Username: "bob", UnixTime: 1, Resume: true})
	if j := expect[talk.Joined](p); j.AfterSeq != 0 || j.HeadSeq != -1 {
		t.Fatalf("told %+v", j)
	}
	f.mend(n, other)
	p.wantShown("before")
}
