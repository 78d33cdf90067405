package attack

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/bench/measure"
)

// A gateway elsewhere is known by its metrics: what an attack costs is by how much
// they grow while it lasts.
func TestGaugeReadsMetrics(t *testing.T) {
	var resident atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		n := resident.Add(1000)
		fmt.Fprintf(w, "# HELP x\nprocess_resident_memory_bytes %d\nprocess_cpu_seconds_total %g\nprocess_open_fds 17\nother{a=\"b\"} 3\n", n, float64(n)/1000)
	}))
	defer server.Close()
	g := newGauge(0, 0, strings.TrimPrefix(server.URL, "http://"))
	defer g.client.CloseIdleConnections()
	g.enter(t.Context(), before) // 1,000
	g.enter(t.Context(), during) // 2,000
	g.look(t.Context())          // 3,000
	g.enter(t.Context(), after)  // 4,000
	c := g.cost(t.Context())     // 5,000
	if !c.Known || c.RSS != 2000 || c.RSSPeak != 5000 || c.RSSLeft != 5000 || c.CPU != 2 || c.Files != 17 || c.Growth() != 3000 {
		t.Errorf("%+v", c)
	}
	if g.ready(t.Context()) {
		t.Error("503 is not ready")
	}
}

func TestGaugeStopsAnAttackThatTakesTooMuch(t *testing.T) {
	var grown atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := int64(1000)
		if grown.Load() {
			n += maxGrowth + 1
		}
		fmt.Fprintf(w, "process_resident_memory_bytes %d\n", n)
	}))
	defer server.Close()
	g := newGauge(0, 0, strings.TrimPrefix(server.URL, "http://"))
	defer g.client.CloseIdleConnections()
	stopped := 0
	g.growth = func() { stopped++ }
	g.enter(t.Context(), during)
	g.look(t.Context())
	if grown.Store(true); stopped > 0 {
		t.Error("it was stopped too early")
	}
	if g.look(t.Context()); stopped != 1 {
		t.Error("it was not stopped")
	}
}

func TestGaugeReadsAProcess(t *testing.T) {
	u, ok := measure.UsedBy(os.Getpid())
	if !ok || u.RSS < 1<<20 || u.Files < 3 {
		t.Errorf("%+v, %t", u, ok)
	}
	if _, ok := measure.UsedBy(1 << 30); ok {
		t.Error("there is no such process")
	}
	if c := newGauge(0, 0, "").cost(t.Context()); c.Known {
		t.Errorf("nothing is known of it: %+v", c)
	}
}

func TestLoopbackAddressesAreApart(t *testing.T) {
	target := newFake(t).target()
	attackers, people := target.loopbackSources(60)
	if one, _ := target.loopbackSources(0); len(one) != 1 || len(attackers) != 60 || len(people) == 0 {
		t.Errorf("%d, %d, %d", len(one), len(attackers), len(people))
	}
	seen := map[string]bool{}
	for _, a := range append(attackers, people...) {
		if seen[a.String()] || !a.IsLoopback() {
			t.Errorf("%s", a)
		}
		seen[a.String()] = true
	}
}

// What a client does not read is queued in the kernel, and is counted for the port of
// the server, and no other.
func TestGaugeCountsWhatIsQueuedInTheKernel(t *testing.T) {
	f := newFake(t, func(f *fake) { f.mute = true })
	idle := newFake(t, func(f *fake) { f.mute = true })
	c, err := net.Dial("tcp", f.listen.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n := int64(0)
	for end := time.Now().Add(time.Minute); n < 64<<10; n = measure.Queued(f.target().Addr.Port()) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are queued", n)
		}
		f.mu.Lock()
		for server := range f.conns { // a busy machine may have no time for it before the deadline
			_ = server.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			_, _ = server.Write(make([]byte, 1<<20))
		}
		f.mu.Unlock()
	}
	if n := measure.Queued(idle.target().Addr.Port()); n != 0 {
		t.Errorf("%d bytes are queued for who has no connection", n)
	}
}
