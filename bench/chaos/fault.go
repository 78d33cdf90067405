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
	// Break breaks it and returns how to mend it. It fails if the fault did not
	// take hold.
	Break func(ctx context.Context, c *local.Cluster, rng *rand.Rand) (mend func(context.Context) error, err error)
}

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

type breaker = func(context.Context, *local.Cluster, *rand.Rand) (func(context.Context) error, error)

// dead fails if a process that should be gone is there.
func dead(what, state string) error {
	if state == "running" || state == local.Stopped {
		return fmt.Errorf("%s is %s after the fault", what, state)
	}
	return nil
}

func killGateways(count int) breaker {
	return func(ctx context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
		victims, err := peopled(ctx, c, rng)
		if err != nil {
			return nil, err
		}
		victims = victims[:count]
		for _, g := range victims {
			if err := errors.Join(g.Kill(), dead("the gateway", g.State())); err != nil {
				return nil, err
			}
		}
		return func(ctx context.Context) (err error) {
			for _, g := range victims {
				err = errors.Join(err, g.Start(ctx))
			}
			return err
		}, nil
	}
}

// freeze stops a gateway, whose kernel goes on for it.
func freeze(ctx context.Context, c *local.Cluster, rng *rand.Rand) (*local.Gateway, error) {
	victims, err := peopled(ctx, c, rng)
	if err != nil {
		return nil, err
	}
	g := victims[0]
	if err := g.Freeze(); err != nil {
		return nil, err
	}
	if state := g.State(); state != local.Stopped {
		return nil, fmt.Errorf("the gateway is %s after the fault", state)
	}
	return g, nil
}

func freezeGateway(ctx context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
	g, err := freeze(ctx, c, rng)
	if err != nil {
		return nil, err
	}
	return func(context.Context) error { return g.Thaw() }, nil
}

func drainGateway(ctx context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
	victims, err := peopled(ctx, c, rng)
	if err != nil {
		return nil, err
	}
	g := victims[0]
	if err := errors.Join(g.Drain(ctx), dead("the gateway", g.State())); err != nil {
		return nil, err
	}
	return g.Start, nil
}

func reloadNginx(ctx context.Context, c *local.Cluster, _ *rand.Rand) (func(context.Context) error, error) {
	return nothingToMend, c.Nginx.Reload(ctx)
}

func killNginx(_ context.Context, c *local.Cluster, _ *rand.Rand) (func(context.Context) error, error) {
	return c.Nginx.Start, c.Nginx.Kill()
}

// both breaks two parts and mends them, the first first.
func both(a, b breaker) breaker {
	return func(ctx context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
		mendA, err := a(ctx, c, rng)
		if err != nil {
			return nil, err
		}
		mendB, err := b(ctx, c, rng)
		if err != nil {
			return nil, errors.Join(err, mendA(ctx))
		}
		return func(ctx context.Context) error { return errors.Join(mendA(ctx), mendB(ctx)) }, nil
	}
}

// freezeWatched freezes a gateway and leaves it to its watchdog, which must have
// put another process in its place by the time of mending.
func freezeWatched(ctx context.Context, c *local.Cluster, rng *rand.Rand) (func(context.Context) error, error) {
	g, err := freeze(ctx, c, rng)
	if err != nil {
		return nil, err
	}
	frozen, before := g.PID(), g.Restarts()
	return func(ctx context.Context) error {
		if g.PID() == frozen || g.Restarts() == before {
			return errors.Join(errors.New("no watchdog has replaced the gateway"), g.Kill(), g.Start(ctx))
		}
		return g.Start(ctx) // waits until it is ready
	}, nil
}
