package gateway_test

import (
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway"
)

// lame is a bus that is healthy, and of no use in an outage.
type lame struct{ fanout.Bus }

func (lame) Degraded() []string {
	return []string{"bus: the spool does not work: OOM", "bus: no replica"}
}

// TestReadyzNamesWhatIsDegraded: ready is not all that an operator needs to know.
func TestReadyzNamesWhatIsDegraded(t *testing.T) {
	t.Parallel()
	store := openStore(t, filepath.Join(t.TempDir(), "talk.db"))
	t.Cleanup(func() { _ = store.Close() })
	opts := testOptions(t)
	server, err := gateway.New(opts, store)
	if err != nil {
		t.Fatal(err)
	}
	n := serve(t, server, store, lame{fanout.NewHub().Node(server)}, &opts)
	for deadline := time.Now().Add(patience); n.server.Ready() != "" && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	answer := httptest.NewRecorder()
	n.server.Admin(n.metrics).ServeHTTP(answer, httptest.NewRequest("GET", "http://127.0.0.1/readyz", nil))
	want := "ready\ndegraded: bus: the spool does not work: OOM\ndegraded: bus: no replica\n"
	if got := answer.Body.String(); answer.Code != 200 || got != want {
		t.Errorf("%d %q, want %q", answer.Code, got, want)
	}
}
