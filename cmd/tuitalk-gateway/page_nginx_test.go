//go:build integration

package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tuitalk/deploy/devcluster"
	"tuitalk/fanout"
	"tuitalk/gateway"
	"tuitalk/history/sqlitestore"
)

// largePage is a site of one large file that never changes.
type largePage []byte

func (p largePage) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	write := w.Write
	if s, ok := w.(interface{ WriteStatic([]byte) (int, error) }); ok {
		write = s.WriteStatic
	}
	_, _ = write(p)
}

// servePage runs a gateway in this process whose page is large, and which has little
// patience with who takes it slowly.
func servePage(t *testing.T, page largePage) (addr string, metrics *prometheus.Registry) {
	t.Helper()
	store, err := sqlitestore.Open(filepath.Join(t.TempDir(), "talk.db"), sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	metrics = prometheus.NewRegistry()
	o := gateway.Defaults()
	o.ID, o.Metrics, o.Site = newID(), metrics, page
	o.SlowAfter, o.MinRate = 3*time.Second, 128<<10
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	server, err := gateway.New(o, store)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bus := fanout.NewHub().Node(server)
	if err := server.Start(l, bus); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Drain(ctx); err != nil {
			t.Error(err)
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), metrics
}

// closedBy counts the connections that a gateway has closed, for a reason or for all.
func closedBy(t *testing.T, metrics *prometheus.Registry, reason string) (count float64) {
	t.Helper()
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "tuitalk_closed_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if reason == "" || m.GetLabel()[0].GetValue() == reason {
				count += m.GetCounter().GetValue()
			}
		}
	}
	return count
}

// TestSlowReaderOfThePageThroughNginx: -min-rate holds behind a balancer, too: the
// gateway sees who takes its page slowly, and closes him and nobody else.
func TestSlowReaderOfThePageThroughNginx(t *testing.T) {
	t.Parallel()
	page := largePage(bytes.Repeat([]byte("0123456789abcdef"), 1<<20))
	addr, metrics := servePage(t, page)
	n, err := devcluster.StartNginx(t.Context(), devcluster.NginxOptions{Dir: t.TempDir(), Gateways: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	lazy, err := net.Dial("tcp", n.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(lazy, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	got := make(chan int64)
	go func() { // 20 KB/s, until it ends
		b, total := make([]byte, 2<<10), int64(0)
		for err := error(nil); err == nil; time.Sleep(100 * time.Millisecond) {
			var read int
			read, err = lazy.Read(b)
			total += int64(read)
		}
		got <- total
	}()
	resp, err := http.Get("http://" + n.Addr() + "/")
	if err != nil {
		t.Fatal(err)
	}
	if read, err := io.Copy(io.Discard, resp.Body); err != nil || read < int64(len(page)) {
		t.Errorf("the honest reader got %d bytes, %v", read, err)
	}
	_ = resp.Body.Close()
	awaitClosed := time.Now().Add(patience)
	for closedBy(t, metrics, "") < 2 {
		if time.Now().After(awaitClosed) {
			t.Fatal("the gateway has not closed both")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if slow := closedBy(t, metrics, "slow"); slow != 1 {
		t.Errorf("%v were closed as slow, want 1", slow)
	}
	_ = lazy.Close()
	if total := <-got; total >= int64(len(page)) {
		t.Errorf("the lazy reader got %d bytes", total)
	}
}
