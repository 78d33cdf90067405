// Package chaostest breaks a fleet in tests as tuitalk-bench chaos does, with few
// people and a worker in the test's own process.
package chaostest

import (
	"context"
	"net"
	"testing"
	"time"

	"tuitalk/bench/chaos"
	"tuitalk/bench/checker"
	"tuitalk/bench/coordinator"
	"tuitalk/bench/scenario"
)

// Options of a Run.
type Options struct {
	Schedule chaos.Schedule
	Store    coordinator.Store
	People   int
}

// Run lets people talk in six rooms, three times a second each, breaks the fleet
// meanwhile, and returns what the checker says of it.
func Run(t testing.TB, o Options) *checker.Report {
	t.Helper()
	s, err := scenario.Load("chaos")
	if err != nil {
		t.Fatal(err)
	}
	share := float64(o.People) / float64(s.Clients)
	for _, perSecond := range []*float64{&s.Hops, &s.Renames, &s.Returns, &s.Fetches, &s.Ends} {
		*perSecond *= share
	}
	s.Clients, s.Rooms, s.Rate, s.Seed = o.People, 6, 3*float64(o.People), o.Schedule.Seed
	s.WarmUp = scenario.Duration(time.Second)
	key := coordinator.NewKey()
	schedule := o.Schedule
	r, err := coordinator.Run(t.Context(), coordinator.Options{
		Kind: "chaos", Scenario: s, Targets: []string{o.Schedule.Cluster.URL()}, Workers: []string{startWorker(t, key)}, Key: key,
		Skew: chaos.Skew(o.Schedule.Faults), Store: o.Store, During: schedule.During, Tell: func(line string) { t.Log(line) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.Checked
}

// startWorker starts a worker that ends with the test, and gives its address.
func startWorker(t testing.TB, key string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- coordinator.Worker{Key: key, Logf: t.Logf}.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the worker: %v", err)
		}
	})
	return l.Addr().String()
}
