//go:build integration

package redisbus

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
)

// The tests share one cluster, which each leaves whole.
var shared struct {
	once    sync.Once
	dir     string
	cluster *devcluster.RedisCluster
	err     error
}

func TestMain(m *testing.M) {
	fanouttest.Main(m, func() {
		if shared.cluster != nil {
			shared.cluster.Close()
		}
		os.RemoveAll(shared.dir)
	})
}

// cluster returns the shared cluster, whole.
func cluster(t testing.TB) *devcluster.RedisCluster {
	t.Helper()
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "redisbus-"); shared.err == nil {
			shared.cluster, shared.err = devcluster.StartRedisCluster(context.Background(),
				devcluster.RedisOptions{Dir: shared.dir, Password: "p@ss word", Cuttable: true})
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for i := range shared.cluster.Addrs() { // a test that failed may have left it in pieces
		switch shared.cluster.State(i) {
		case devcluster.Dead:
			must(t, shared.cluster.Start(ctx, i))
		case devcluster.Stopped:
			must(t, shared.cluster.Cont(i))
		}
		must(t, shared.cluster.Rejoin(i))
	}
	if err := shared.cluster.AwaitWhole(ctx); err != nil {
		t.Fatal(err)
	}
	return shared.cluster
}

// fleets counts the namespaces, so that tests do not hear each other.
var fleets atomic.Int64

// options returns options for a fleet of its own on the cluster.
func options(t testing.TB, c *devcluster.RedisCluster) Options {
	t.Helper()
	o := Defaults()
	o.Addrs = c.Addrs()
	o.Password = "p@ss word"
	o.Namespace = fmt.Sprintf("fleet%d", fleets.Add(1))
	if testing.Verbose() {
		o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	return o
}

// openBus opens a node that the test closes, and waits until it is healthy.
func openBus(t testing.TB, o Options, handler fanout.Handler) *Bus {
	t.Helper()
	o.StartWait = 30 * time.Second
	b, err := Open(context.Background(), o, handler)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if !b.Healthy() {
		t.Fatal("the bus is not healthy")
	}
	return b
}

func TestContract(t *testing.T) {
	fanouttest.Run(t, func(t *testing.T, handlers ...fanout.Handler) []fanout.Bus {
		o := options(t, cluster(t))
		buses := make([]fanout.Bus, len(handlers))
		for i, handler := range handlers {
			buses[i] = openBus(t, o, handler)
		}
		return buses
	})
}
