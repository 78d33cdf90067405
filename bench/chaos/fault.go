package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tuitalk/deploy/local"
)

// Fault is one way to break a fleet, and to mend it.
type Fault struct {
	Name string
	// Hold is how long it stays broken.
	Hold time.Duration
	// Break breaks it and looks whether the fault took hold: it returns how to mend
	// it and what was seen, or fails.
	Break func(ctx context.Context, c *local.Cluster, rng *rand.Rand) (mend Mend, evidence string, err error)
}

// Mend undoes a fault. It may be called when the fault did not quite take hold.
type Mend = func(context.Context) error

// Faults are all single faults that a fleet must bear. Those that need gateways
// in networks of their own are in LinkFaults.
func Faults() []Fault {
	return []Fault{
		{"gateway-kill", 3 * time.Second, killGateways(1)},
		{"gateway-kill-two", 3 * time.Second, killGateways(2)},
		{"gateway-freeze", 20 * time.Second, freezeGateway},
		{"gateway-drain", 3 * time.Second, drainGateway},
		{"redis-master-kill", 6 * time.Second, killRedis(oneMaster)},
		{"redis-shard-kill", 4 * time.Second, killRedis(oneShard)},
		{"redis-all-kill", 4 * time.Second, killRedis(everyNode)},
		{"redis-all-wiped", 4 * time.Second, wipeRedis},
		{"redis-failover", 2 * time.Second, failoverRedis},
		{"redis-slot-migrate", 2 * time.Second, migrateSlots},
		{"postgres-stop", 30 * time.Second, stopPostgres},
		{"postgres-kill", time.Second, killPostgres},
		{"postgres-failover", 3 * time.Second, failoverPostgres},
		{"standby-kill", 8 * time.Second, killStandby},
		{"nginx-reload", time.Second, reloadNginx},
		{"nginx-kill", time.Second, killNginx},
		{"postgres-and-gateway", 8 * time.Second, both(stopPostgres, killGateways(1))},
		{"postgres-and-redis", 8 * time.Second, both(stopPostgres, killRedis(everyNode))},
	}
}

// WatchdogFaults are mended by the watchdogs of the gateways; the cluster must
// have them.
func WatchdogFaults() []Fault {
	return []Fault{
		{"gateway-freeze-watchdog", 8 * time.Second, freezeWatched},
	}
}

// Find returns the fault of a name.
func Find(name string) (Fault, error) {
	var names []string
	for _, f := range slices.Concat(Faults(), LinkFaults(), WatchdogFaults()) {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Fault{}, fmt.Errorf("there is no fault %q; there are %s", name, strings.Join(names, ", "))
}

type breaker = func(context.Context, *local.Cluster, *rand.Rand) (Mend, string, error)

func killGateways(count int) breaker {
	return func(ctx context.Context, c *local.Cluster, rng *rand.Rand) (Mend, string, error) {
		victims, _, err := peopled(ctx, c, rng)
		if err != nil {
			return nil, "", err
		}
		victims = victims[:count]
		mend := func(ctx context.Context) (err error) {
			for _, g := range victims {
				err = errors.Join(err, g.Start(ctx))
			}
			return err
		}
		var seen []string
		for _, g := range victims {
			was := process(c, g.Addr())
			one, err := gone(was, g.Kill())
			if err != nil {
				return mend, "", err
			}
			seen = append(seen, one)
		}
		return mend, strings.Join(seen, ", "), nil
	}
}

// freeze stops a gateway, whose kernel goes on for it.
func freeze(ctx context.Context, c *local.Cluster, rng *rand.Rand) (*local.Gateway, string, error) {
	victims, _, err := peopled(ctx, c, rng)
	if err != nil {
		return nil, "", err
	}
	g := victims[0]
	if err := g.Freeze(); err != nil {
		return g, "", err
	}
	seen := fmt.Sprintf("%s is %s", g.Name(), g.State())
	if g.State() != local.Stopped {
		return g, "", errors.New(seen)
	}
	return g, seen, nil
}

func freezeGateway(ctx context.Context, c *local.Cluster, rng *rand.Rand) (Mend, string, error) {
	g, seen, err := freeze(ctx, c, rng)
	if g == nil {
		return nil, "", err
	}
	return func(context.Context) error { return g.Thaw() }, seen, err
}

func drainGateway(ctx context.Context, c *local.Cluster, rng *rand.Rand) (Mend, string, error) {
	victims, _, err := peopled(ctx, c, rng)
	if err != nil {
		return nil, "", err
	}
	g := victims[0]
	was := process(c, g.Addr())
	seen, err := gone(was, g.Drain(ctx))
	return g.Start, seen, err
}

// both breaks two parts and mends them, the first first.
func both(a, b breaker) breaker {
	return func(ctx context.Context, c *local.Cluster, rng *rand.Rand) (Mend, string, error) {
		mendA, seenA, err := a(ctx, c, rng)
		if err != nil {
			return mendA, "", err
		}
		mendB, seenB, err := b(ctx, c, rng)
		mend := func(ctx context.Context) error {
			err := mendA(ctx)
			if mendB != nil {
				err = errors.Join(err, mendB(ctx))
			}
			return err
		}
		return mend, seenA + ", " + seenB, err
	}
}

// freezeWatched freezes a gateway and leaves it to its watchdog, which must have
// put another process in its place by the time of mending.
func freezeWatched(ctx context.Context, c *local.Cluster, rng *rand.Rand) (Mend, string, error) {
	g, seen, err := freeze(ctx, c, rng)
	switch {
	case g == nil:
		return nil, "", err
	case err != nil:
		return func(context.Context) error { return g.Thaw() }, "", err
	}
	frozen, before := g.PID(), g.Restarts()
	return func(ctx context.Context) error {
		if g.PID() == frozen || g.Restarts() == before {
			return errors.Join(errors.New("no watchdog has replaced the gateway"), g.Kill(), g.Start(ctx))
		}
		return g.Start(ctx) // waits until it is ready
	}, seen, nil
}
