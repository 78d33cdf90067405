//go:build integration

package redisbus

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
)

// shared is a cluster that one test after the other has for itself, and leaves whole.
type shared struct {
	dir     string
	cluster *devcluster.RedisCluster // nil: it was not started yet
}

// idle are the clusters that no test has. There are two: most of a test is the wait of
// one cluster for a fault to be noticed.
var idle = make(chan *shared, 2)

func init() {
	for range cap(idle) {
		idle <- &shared{}
	}
}

func TestMain(m *testing.M) {
	fanouttest.Main(m, func() {
		for range cap(idle) {
			s := <-idle
			if s.cluster != nil {
				s.cluster.Close()
			}
			os.RemoveAll(s.dir)
		}
	})
}

// cluster returns a cluster, whole, that the test has for itself.
func cluster(t testing.TB) *devcluster.RedisCluster {
	t.Helper()
	s := <-idle
	t.Cleanup(func() { idle <- s })
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if s.cluster == nil {
		must(t, s.start(ctx))
	}
	for i := range s.cluster.Addrs() { // a test that failed may have left it in pieces
		switch s.cluster.State(i) {
		case devcluster.Dead:
			must(t, s.cluster.Start(ctx, i))
		case devcluster.Stopped:
			must(t, s.cluster.Cont(i))
		}
		must(t, s.cluster.Rejoin(i))
	}
	must(t, s.cluster.AwaitWhole(ctx))
	return s.cluster
}

func (s *shared) start(ctx context.Context) (err error) {
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "redisbus-"); err != nil {
			return err
		}
	}
	s.cluster, err = devcluster.StartRedisCluster(ctx, devcluster.RedisOptions{Dir: s.dir, Password: "p@ss word", Cuttable: true})
	return err
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
	t.Parallel()
	fanouttest.Run(t, func(t *testing.T, handlers ...fanout.Handler) []fanout.Bus {
		o := options(t, cluster(t))
		// Nothing breaks here: a slow machine must not look like it, and lose notes.
		o.DialTimeout, o.CallTimeout, o.ProbeDeadline = 20*time.Second, 20*time.Second, 20*time.Second
		buses := make([]fanout.Bus, len(handlers))
		for i, handler := range handlers {
			buses[i] = openBus(t, o, handler)
		}
		return buses
	})
}
