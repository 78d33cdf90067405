package gateway_test

import (
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
