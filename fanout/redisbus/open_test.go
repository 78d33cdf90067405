//go:build integration

package redisbus

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tuitalk/deploy/devcluster"
	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
	"tuitalk/talk"
)

// freeAddr is an address where nobody listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	port, err := devcluster.FreePort()
	must(t, err)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// busPort is the port on which a node speaks to the others. The one that Redis would take,
// 10,000 above the other, may be a client's.
func busPort(t *testing.T) string {
	t.Helper()
	_, port, _ := net.SplitHostPort(freeAddr(t))
	return port
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	lone := startLone(t)
	for name, test := range map[string]struct {
		spoil func(*Options)
		says  string
	}{
		"no address":       {func(o *Options) { o.Addrs = nil }, "no address"},
		"a wrong password": {func(o *Options) { o.Password = "wrong" }, "WRONGPASS"},
		"no password":      {func(o *Options) { o.Password = "" }, "NOAUTH"},
		"a single server":  {func(o *Options) { o.Addrs, o.Password = []string{lone}, "" }, "cluster create"},
	} {
		o := options(t, c)
		o.StartWait = time.Minute
		test.spoil(&o)
		b, err := Open(t.Context(), o, fanouttest.NewRecorder())
		if err == nil {
			_ = b.Close()
			t.Errorf("%s: no error", name)
		} else if !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A node starts without Redis, and finds it later, also from a single address.
func TestOpenWithoutRedis(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	for i := range c.Addrs() {
		must(t, c.Kill(i))
	}
	got := fanouttest.NewRecorder()
	o := options(t, c)
	o.Addrs = c.Addrs()[4:5]
	o.StartWait = 10 * time.Millisecond
	b, err := Open(t.Context(), o, got)
	must(t, err)
	defer b.Close()
	if b.Healthy() {
		t.Error("healthy without Redis")
	}
	if err := b.Subscribe(t.Context(), 1); err != nil {
		t.Errorf("subscribe without Redis: %v", err)
	}
	if b.Publish(t.Context(), fanouttest.Note(1, 1)) == nil {
		t.Error("published without Redis")
	}
	for i := range c.Addrs() {
		must(t, c.Start(t.Context(), i))
	}
	got.AwaitLost(t, 1, 0)
	await(t, "the bus to be healthy", b.Healthy)
}

// A context that ends bounds a subscription on a server that does not answer.
func TestSubscribeHeedsContext(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	b := openBus(t, options(t, c), fanouttest.NewRecorder())
	master := masterOf(t, c, 0)
	must(t, c.Stop(master))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := b.Subscribe(ctx, roomIn(0))
	must(t, c.Cont(master))
	if err != context.DeadlineExceeded {
		t.Errorf("on a frozen server: %v", err)
	}
	must(t, b.Subscribe(t.Context(), roomIn(0)))
}

// valueOf is a metric without labels.
func valueOf(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	must(t, err)
	for _, f := range families {
		if m := f.GetMetric(); f.GetName() == name && len(m) == 1 {
			return m[0].GetGauge().GetValue() + m[0].GetCounter().GetValue()
		}
	}
	return -1
}

func TestFleetAndMetrics(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	o := options(t, c)
	registry := prometheus.NewRegistry()
	o.Registerer = registry
	b := openBus(t, o, fanouttest.NewRecorder())
	if _, err := Open(t.Context(), o, fanouttest.NewRecorder()); err == nil {
		t.Error("two buses share a registry")
	}
	o.Registerer = nil
	other := openBus(t, o, fanouttest.NewRecorder())
	status := fanout.Status{Gateway: talk.UUID{7}, Store: true}
	other.Announce(status)
	await(t, "the peer to be heard", func() bool { return len(b.Peers()) == 1 })
	if peer := b.Peers()[0]; peer.Status != status || time.Since(peer.Heard) > patience {
		t.Errorf("peer: %+v", peer)
	}

	must(t, b.Subscribe(t.Context(), 1))
	must(t, b.Publish(t.Context(), fanouttest.Note(2, 1)))
	for name, want := range map[string]float64{
		"tuitalk_bus_healthy": 1, "tuitalk_bus_live_partitions": partitions, "tuitalk_bus_sessions": 3, "tuitalk_bus_published_total": 1,
	} {
		await(t, fmt.Sprint(name, " to be ", want), func() bool { return valueOf(t, registry, name) == want })
	}
	must(t, b.Close())
	if families, err := registry.Gather(); err != nil || len(families) != 0 {
		t.Errorf("%d metrics are left after close, %v", len(families), err)
	}
}
