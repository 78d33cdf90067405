package gateway_test

import (
	"slices"
	"testing"
	"time"

	"tuitalk/fanout/fanouttest"
	"tuitalk/gateway"
	"tuitalk/talk"
)

// entriesUntil reads the posts up to one; an Error must not come.
func (p *peer) entriesUntil(text string) (texts []string) {
	p.t.Helper()
	for !slices.Contains(texts, text) {
		switch m := p.hear().(type) {
		case talk.Error:
			p.t.Fatalf("refused with %+v behind %q", m, texts)
		case talk.Entry:
			if m.Kind == talk.KindPosted {
				texts = append(texts, m.Text)
			}
		}
	}
	return texts
}

// TestUnclearIsNoRefusal: a client of the original's forms says something that is
// taken, or may be, without an answer. It is not told that it was refused, for it
// would say that again as another message; and what it says next comes behind.
func TestUnclearIsNoRefusal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		begin, end func(f *spoolFleet, n *spoolNode)
	}{
		"the spool has no replica": {
			func(f *spoolFleet, n *spoolNode) { f.spool.SetReplicated(false); f.cut(n) },
			func(f *spoolFleet, n *spoolNode) { f.mend(n) },
		},
		"the spool has no replica for a while": {
			func(f *spoolFleet, n *spoolNode) { f.spool.SetReplicated(false); f.cut(n) },
			func(f *spoolFleet, n *spoolNode) {
				f.spool.SetReplicated(true)
				awaitTrue(f.t, "the spool to have it", func() bool { return n.metric(f.t, "tuitalk_acks_total", "accepted") >= 1 })
				f.mend(n)
			},
		},
		"the store's answer is lost, and the spool is away": {
			func(f *spoolFleet, n *spoolNode) { n.way.unheard.Store(true); f.spool.SetDown(errAway) },
			func(f *spoolFleet, n *spoolNode) { n.way.unheard.Store(false); f.spool.SetDown(nil) },
		},
	} {
		for _, form := range []talk.Form{talk.JSON, talk.Bincode} {
			t.Run(name+", "+map[talk.Form]string{talk.JSON: "JSON", talk.Bincode: "bincode"}[form], func(t *testing.T) {
				t.Parallel()
				f := newSpoolFleet(t)
				n := f.gateway(nil)
				p, w := dial(t, n.addr, form), hello(t, n.addr)
				p.join(5, "ada")
				w.join(5, "witness")
				c.begin(f, n)
				p.post(5, "unclear")
				n.awaitMetric(t, "tuitalk_kept_posts_total", "", func(v float64) bool { return v >= 2 })
				p.post(5, "next")
				p.post(5, "last")
				c.end(f, n)
				want := []string{"unclear", "next", "last"}
				if got := p.entriesUntil("last"); !slices.Equal(got, want) {
					t.Errorf("the author sees %q", got)
				}
				w.wantShown(want...)
				f.wantLog(5, want...)
			})
		}
	}
}

// TestUnclearWithoutASpool: the same where there is no spool.
func TestUnclearWithoutASpool(t *testing.T) {
	t.Parallel()
	n, way := startCut(t)
	p := dial(t, n.addr, talk.JSON)
	p.join(5, "ada")
	way.unheard.Store(true)
	p.post(5, "unclear")
	n.awaitKept(t)
	p.post(5, "next")
	way.unheard.Store(false)
	if got := p.entriesUntil("next"); !slices.Equal(got, []string{"unclear", "next"}) {
		t.Errorf("the author sees %q", got)
	}
}

// TestUnclearOutlivesItsConnection: who hangs up has said what he said.
func TestUnclearOutlivesItsConnection(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n := f.gateway(nil)
	p, w := dial(t, n.addr, talk.JSON), hello(t, n.addr)
	p.join(5, "ada")
	w.join(5, "witness")
	f.spool.SetDown(errAway)
	f.cut(n)
	p.post(5, "unclear")
	n.awaitMetric(t, "tuitalk_kept_posts_total", "", func(v float64) bool { return v >= 1 })
	_ = p.ws.CloseNow()
	f.mend(n)
	w.wantShown("unclear")
}

// TestCertainlyNotTakenIsRefused: the spool is full, and nothing else was tried.
func TestCertainlyNotTakenIsRefused(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	f.spool = fanouttest.NewSpool(1)
	n := f.gateway(nil)
	a, p := hello(t, n.addr), dial(t, n.addr, talk.JSON)
	a.join(5, "ada")
	p.join(5, "bob")
	f.cut(n)
	a.accept(5, "fills it")
	p.post(5, "too much")
	if e := expect[talk.Error](p); e.Code != talk.CodeUnavailable {
		t.Errorf("refused with %+v", e)
	}
	f.mend(n)
	p.post(5, "after")
	p.entriesUntil("after")
	f.wantLog(5, "fills it", "after")
}

// TestUnclearAtTheEnd: a gateway that ends tries once more, and says what it does
// not know.
func TestUnclearAtTheEnd(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n := f.gateway(nil)
	p := dial(t, n.addr, talk.JSON)
	p.join(5, "ada")
	n.way.unheard.Store(true)
	f.spool.SetDown(errAway)
	p.post(5, "unclear")
	n.awaitMetric(t, "tuitalk_kept_posts_total", "", func(v float64) bool { return v >= 1 })
	n.stop()
	if got := n.metric(t, "tuitalk_unclear_posts_total", ""); got != 1 {
		t.Errorf("%v posts are unclear", got)
	}
}

// startCut runs a gateway without a spool whose store can be cut off.
func startCut(t *testing.T) (*node, *cutStore) {
	t.Helper()
	f := newSpoolFleet(t)
	opts := testOptions(t)
	way := &cutStore{Store: f.log}
	server, err := gateway.New(opts, way)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, server, way, f.hub.Node(server), &opts), way
}

func (n *node) awaitKept(t *testing.T) {
	t.Helper()
	awaitTrue(t, "a post to be kept", func() bool { return n.metric(t, "tuitalk_kept_posts_total", "") >= 1 })
}

// TestNothingWaitsBehindAKeptPostForEver: a new name, a move and the next message are
// refused in time. They are nowhere; what is kept is stored in the end.
func TestNothingWaitsBehindAKeptPostForEver(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n := f.gateway(func(o *gateway.Options) { o.RequestWait = time.Second })
	p := dial(t, n.addr, talk.JSON)
	p.join(5, "ada")
	f.spool.SetDown(errAway)
	f.cut(n)
	p.post(5, "unclear")
	n.awaitMetric(t, "tuitalk_kept_posts_total", "", func(v float64) bool { return v >= 1 })
	p.say(talk.ChangeName{UUID: p.uuid, Username: "grace", OldUsername: "ada", UnixTime: 1})
	p.post(5, "next")
	p.say(talk.JoinRoom{RoomID: 6, UUID: p.uuid, Username: "ada", UnixTime: 1})
	for range 3 {
		if e := expect[talk.Error](p); e.Code != talk.CodeUnavailable || e.Message == "" {
			t.Errorf("refused with %+v", e)
		}
	}
	f.mend(n)
	p.entriesUntil("unclear")
	p.post(5, "on")
	p.entriesUntil("on")
	f.wantLog(5, "unclear", "on")
}
