package gateway_test

import (
	"errors"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway"
	"tuitalk/history"
)

// weakStore is a store that says what it does not protect.
type weakStore struct {
	history.Store
	mu   sync.Mutex
	says []string
}

func (w *weakStore) Degraded() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.says
}

func (w *weakStore) say(sentences ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.says = sentences
}

// TestDegradedIsShown: /readyz says it behind "ready", and a metric counts it.
func TestDegradedIsShown(t *testing.T) {
	t.Parallel()
	store := &weakStore{Store: openStore(t, filepath.Join(t.TempDir(), "talk.db"))}
	t.Cleanup(func() { _ = store.Close() })
	store.say("one copy is too few")
	n := startOn(t, store, fanout.NewHub(), func(o *gateway.Options) { o.Degraded = []string{"a setting is weak"} })
	ready := func() string {
		w := httptest.NewRecorder()
		n.server.Admin(n.metrics).ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/readyz", nil))
		return w.Body.String()
	}
	const want = "ready\ndegraded: a setting is weak\ndegraded: one copy is too few\n"
	for deadline := time.Now().Add(patience); ready() != want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("/readyz says %q", ready())
		}
	}
	if weak := n.metric(t, "tuitalk_degraded", "store"); weak != 1 {
		t.Errorf("the metric of the store is %v", weak)
	}
	store.say()
	if strings.Contains(ready(), "one copy") || n.metric(t, "tuitalk_degraded", "store") != 0 {
		t.Errorf("/readyz still says %q", ready())
	}
}

// TestReadyOnlyWhileTheSpoolTakes: with the store away, a node whose bus carries notes is
// ready only while its spool takes what is said, and else says why not.
func TestReadyOnlyWhileTheSpoolTakes(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n := f.gateway(nil)
	f.cut(n)
	if why := n.server.Ready(); why != "" {
		t.Errorf("with a spool: %q", why)
	}
	for _, test := range []struct {
		what, says string
		set, unset func()
	}{
		{"no scripts", "NOPERM", func() { f.spool.SetDown(errors.New("NOPERM no permissions to run the 'eval' command")) }, func() { f.spool.SetDown(nil) }},
		{"no replica", "no replica", func() { f.spool.SetReplicated(false) }, func() { f.spool.SetReplicated(true) }},
	} {
		test.set()
		if why := n.server.Ready(); !strings.Contains(why, "the store does not answer") || !strings.Contains(why, test.says) {
			t.Errorf("%s: it is ready, or says %q", test.what, why)
		}
		test.unset()
		if why := n.server.Ready(); why != "" {
			t.Errorf("behind %s: %q", test.what, why)
		}
	}
	f.spool.SetDown(errAway)
	f.mend(n)
	awaitTrue(t, "the node to be ready, as the store is back", func() bool { return n.server.Ready() == "" })
	f.spool.SetDown(nil)
}
