package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/talk"
)

// Fault is one way to break a fleet, and to mend it.
type Fault struct {
	Name  string
	About string // what is done, and what people may notice of it
	// Hold is how long it stays broken.
	Hold time.Duration
	// Break breaks it and looks whether the fault took hold: it returns how to mend
	// it and what was seen, or fails.
	Break func(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (mend Mend, evidence string, err error)
	// Took, of a fault that takes away what is stored, tells after Break what the
	// store had of these rooms and has no longer; nil: nothing.
	Took func(ctx context.Context, c *devcluster.Cluster, rooms []int32) ([]talk.Entry, error)
}

// Mend undoes a fault. It may be called when the fault did not quite take hold.
type Mend = func(context.Context) error

// Faults are all single faults that a fleet must bear. Those that need gateways
// in networks of their own are in LinkFaults.
func Faults() []Fault {
	f := slices.Concat(plainFaults(), startFaults(), []Fault{storeGoesBack()})
	if devcluster.ClocksCanBeSet {
		f = append(f, ClockFaults()...)
	}
	return f
}

func plainFaults() []Fault {
	return []Fault{
		fault("gateway-kill", 3*time.Second, killGateways(1), "a gateway dies: its people go on at another, and nobody is seen to leave"),
		fault("gateway-kill-two", 3*time.Second, killGateways(2), "two of the gateways die"),
		fault("gateway-freeze", 20*time.Second, freezeGateway, "a gateway stands still, and its kernel goes on to accept for it"),
		fault("gateway-drain", 3*time.Second, drainGateway, "a gateway is told to end, as in an upgrade: nobody notices"),
		fault("redis-master-kill", 6*time.Second, killRedis(oneMaster), "a Redis master dies, and its replica takes over"),
		fault("redis-shard-kill", 4*time.Second, killRedis(oneShard), "a Redis master dies with its replica"),
		fault("redis-all-kill", 4*time.Second, killRedis(everyNode), "all of Redis dies: everything goes through the store"),
		fault("redis-all-wiped", 4*time.Second, wipeRedis, "all of Redis dies and comes back empty"),
		fault("redis-failover", 2*time.Second, failoverRedis, "a Redis replica takes over from its master, which lives"),
		fault("redis-slot-migrate", 2*time.Second, migrateSlots, "a slot goes to another Redis master and back"),
		fault("postgres-stop", 30*time.Second, stopPostgres, "PostgreSQL is away: what is said waits in the spool"),
		fault("postgres-kill", time.Second, killPostgres, "PostgreSQL crashes and recovers"),
		fault("postgres-failover", 3*time.Second, failoverPostgres, "the primary dies, and its standby is promoted"),
		fault("standby-kill", 8*time.Second, killStandby, "the standby dies: PostgreSQL can be read, and commits nothing"),
		fault("nginx-reload", time.Second, reloadNginx, "Nginx reads its files again: new workers beside the old ones"),
		fault("nginx-kill", time.Second, killNginx, "Nginx dies: all connections are lost at once"),
		fault("postgres-and-gateway", 8*time.Second, both(stopPostgres, killGateways(1)), "PostgreSQL is away, and a gateway dies meanwhile"),
		fault("postgres-and-redis", 8*time.Second, both(stopPostgres, killRedis(everyNode)), "nothing can be stored or spooled: people keep what they say"),
	}
}

func fault(name string, hold time.Duration, do breaker, about string) Fault {
	return Fault{Name: name, About: about, Hold: hold, Break: do}
}

// WatchdogFaults are mended by the watchdogs of the gateways; the cluster must
// have them.
func WatchdogFaults() []Fault {
	return []Fault{
		fault("gateway-freeze-watchdog", 8*time.Second, freezeWatched, "a gateway stands still until its watchdog replaces it"),
	}
}

// All are all faults that there are.
func All() []Fault { return slices.Concat(Faults(), LinkFaults(), WatchdogFaults()) }

// Find returns the fault of a name.
func Find(name string) (Fault, error) {
	var names []string
	for _, f := range All() {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Fault{}, fmt.Errorf("there is no fault %q; there are %s", name, strings.Join(names, ", "))
}

type breaker = func(context.Context, *devcluster.Cluster, *rand.Rand) (Mend, string, error)

func killGateways(count int) breaker {
	return func(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (Mend, string, error) {
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
func freeze(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (*devcluster.Gateway, string, error) {
	victims, _, err := peopled(ctx, c, rng)
	if err != nil {
		return nil, "", err
	}
	g := victims[0]
	if err := g.Freeze(); err != nil {
		return g, "", err
	}
	seen := fmt.Sprintf("%s is %s", g.Name(), g.State())
	if g.State() != devcluster.Stopped {
		return g, "", errors.New(seen)
	}
	return g, seen, nil
}

func freezeGateway(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (Mend, string, error) {
	g, seen, err := freeze(ctx, c, rng)
	if g == nil {
		return nil, "", err
	}
	return func(context.Context) error { return g.Thaw() }, seen, err
}

func drainGateway(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (Mend, string, error) {
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
	return func(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (Mend, string, error) {
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
func freezeWatched(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (Mend, string, error) {
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
