//go:build integration

package chaos_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"tuitalk/bench/chaos"
	"tuitalk/bench/chaos/chaostest"
	"tuitalk/client"
	"tuitalk/deploy/devcluster"
)

// forgetful is a client.Storage of somebody who has never been here.
type forgetful struct{}

var _ client.Storage = forgetful{}

func (forgetful) Load() (client.State, error) { return client.State{}, nil }
func (forgetful) Save(client.State) error     { return nil }
func (forgetful) Close() error                { return nil }

// newcomer comes to a room that the run does not look at, and tells how long it
// took until it was there.
func newcomer(ctx context.Context, url string, seed uint64) (time.Duration, error) {
	began := time.Now()
	session, err := client.New(client.Config{
		Servers: []string{url}, Name: "newcomer", Room: 1000, Client: "tuitalk chaos", Seed: seed,
	}, client.State{})
	if err != nil {
		return 0, err
	}
	driver := client.NewDriver(session, client.NewDialer(), forgetful{})
	defer driver.Close()
	driver.Handle(client.Start{})
	for session.Status().Phase != client.Online {
		select {
		case ev := <-driver.Events():
			driver.Handle(ev)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return time.Since(began), nil
}

// patience is after how long a newcomer is taken to be served by nobody. How soon he is
// served is logged: on a busy machine it says more of that.
const patience = time.Minute

// TestAFrozenGatewayHasAWatchdog: it is replaced, newcomers are served by the
// others meanwhile, and of those who were there nobody loses anything.
func TestAFrozenGatewayHasAWatchdog(t *testing.T) {
	c, store := fleet(t, devcluster.ClusterOptions{Watchdog: true})
	fault, err := chaos.Find("gateway-freeze-watchdog")
	if err != nil {
		t.Fatal(err)
	}
	var coming sync.WaitGroup
	defer coming.Wait()
	var mu sync.Mutex
	var slowest time.Duration
	served := 0
	come := func(seed uint64) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		waited, err := newcomer(ctx, c.URL(), seed)
		if err != nil {
			t.Errorf("newcomer %d is not served: %v", seed, err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		served++
		slowest = max(slowest, waited)
	}
	const count = 40
	tell := func(format string, args ...any) {
		t.Logf(format, args...)
		if !strings.HasSuffix(format, ": broken") {
			return
		}
		for i := range uint64(count) { // all through the fault
			coming.Go(func() {
				time.Sleep(time.Duration(i) * fault.Hold / count)
				come(i + 1)
			})
		}
	}
	report(t, chaostest.Run(t, chaostest.Options{Store: store, People: *people, Schedule: chaos.Schedule{
		Cluster: c, Faults: []chaos.Fault{fault}, Calm: calm, Seed: max(*seed, 1), Tell: tell,
	}}))
	coming.Wait()
	t.Logf("%d newcomers, the slowest was there after %v", served, slowest.Round(time.Millisecond))
	if served != count {
		t.Errorf("%d of %d newcomers were served", served, count)
	}
	for _, g := range c.Gateways {
		if g.Restarts() > 0 {
			return
		}
	}
	t.Error("no gateway was replaced")
}
