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
	"tuitalk/history"
)

// jump is by how much a clock jumps.
const jump = time.Hour

// ClockFaults are those of the wall clock of one process, as where an operator or NTP
// sets it: it jumps, and jumps back when the fault is mended. Clocks that count time
// that passes are right all the while.
func ClockFaults() []Fault {
	return []Fault{
		fault("postgres-clock-ahead", 8*time.Second, postgresClock(jump),
			"PostgreSQL's clock jumps an hour ahead and back: entries are dated 5 minutes ahead at most, and the operator is told"),
		fault("postgres-clock-behind", 8*time.Second, postgresClock(-jump),
			"PostgreSQL's clock jumps an hour back and ahead again: time stands still in the rooms meanwhile, and never runs back"),
		fault("gateway-clock-ahead", 8*time.Second, gatewayClock(jump),
			"one gateway's clock jumps an hour ahead and back: PostgreSQL's dates what is said, so nobody notices"),
		fault("gateway-clock-behind", 8*time.Second, gatewayClock(-jump),
			"one gateway's clock jumps an hour back and ahead again: it takes PostgreSQL's for wrong, and time stands still in the rooms"),
	}
}

// Skew is by how much entries may be dated wrongly in a run with these faults: 0 if
// none of them sets a clock, or else as far as a wrong clock may take a room along.
func Skew(faults []Fault) time.Duration {
	isClock := func(f Fault) bool {
		return slices.ContainsFunc(ClockFaults(), func(of Fault) bool { return f.Name == of.Name || strings.HasPrefix(f.Name, of.Name+" ") })
	}
	if slices.ContainsFunc(faults, isClock) { // of a pair, the name says more
		return history.MaxAhead
	}
	return 0
}

// clocked is a part whose clock can be set.
type clocked interface {
	SetClock(time.Duration) error
	Clock(context.Context) (time.Time, error)
}

var (
	_ clocked = (*devcluster.Gateway)(nil)
	_ clocked = (*devcluster.Postgres)(nil)
)

func postgresClock(by time.Duration) breaker {
	return func(ctx context.Context, c *devcluster.Cluster, _ *rand.Rand) (Mend, string, error) {
		primary := c.Postgres.Primary()
		before, err := answered(ctx, noticeWithin, func() (float64, error) { return datedAhead(ctx, c) })
		if err != nil {
			return nil, "", err
		}
		mend, seen, err := setClock(ctx, primary, process(c, primary.Addr()).Name, by, c.Gateways)
		return func(ctx context.Context) error { return errors.Join(notTaken(ctx, c, before), mend(ctx)) }, seen, err
	}
}

func gatewayClock(by time.Duration) breaker {
	return func(ctx context.Context, c *devcluster.Cluster, rng *rand.Rand) (Mend, string, error) {
		victims, _, err := peopled(ctx, c, rng)
		if err != nil {
			return nil, "", err
		}
		return setClock(ctx, victims[0], victims[0].Name(), by, victims[:1])
	}
}

// datedAhead is how many entries gateways have placed that are of later than they may be.
func datedAhead(ctx context.Context, c *devcluster.Cluster) (sum float64, err error) {
	for _, g := range c.Gateways {
		metrics, err := g.Metrics(ctx)
		if err != nil {
			return 0, fmt.Errorf("ask %s how entries are dated: %w", g.Name(), err)
		}
		sum += metrics["tuitalk_entries_dated_ahead_total"]
	}
	return sum, nil
}

// notTaken returns an error if entries have followed a wrong clock too far.
func notTaken(ctx context.Context, c *devcluster.Cluster, before float64) error {
	now, err := answered(ctx, noticeWithin, func() (float64, error) { return datedAhead(ctx, c) })
	if err == nil && now > before {
		return fmt.Errorf("%v entries have followed PostgreSQL's clock by more than %v", now-before, history.MaxAhead)
	}
	return err
}

// setClock sets a clock. Before it is set right, the gateways that see the difference
// must have told their operator.
func setClock(ctx context.Context, of clocked, name string, by time.Duration, see []*devcluster.Gateway) (Mend, string, error) {
	mend := func(ctx context.Context) error { return errors.Join(told(ctx, see), of.SetClock(0)) }
	if err := of.SetClock(by); err != nil {
		return mend, "", err
	}
	at, err := of.Clock(ctx)
	if err != nil {
		return mend, "", err
	}
	seen, err := isOff(name, time.Until(at), by)
	return mend, seen, err
}

// toldWithin is how long a gateway may take to tell its operator of a wrong clock.
const toldWithin = 15 * time.Second

// told waits until all gateways that run say that a clock is wrong.
func told(ctx context.Context, see []*devcluster.Gateway) error {
	ctx, cancel := context.WithTimeout(ctx, toldWithin)
	defer cancel()
	for _, g := range see {
		for g.State() == devcluster.Running {
			says, err := g.Degraded(ctx)
			if err == nil && saysClock(says) {
				break
			}
			if sleep(ctx, 100*time.Millisecond) != nil {
				return errors.Join(fmt.Errorf("%s does not tell its operator of the wrong clock: it says %q", g.Name(), says), err)
			}
		}
	}
	return nil
}

// saysClock finds the sentence of a gateway whose clock is not PostgreSQL's.
func saysClock(says string) bool {
	return strings.Contains(says, "the clocks of PostgreSQL's machine and of this one differ")
}

// isOff is the evidence that a clock shows what it should not. It may tell only whole
// seconds, and a while ago.
func isOff(name string, off, by time.Duration) (string, error) {
	seen := fmt.Sprintf("the clock of %s is off by %v", name, off.Round(time.Second))
	if (off - by).Abs() > time.Minute {
		return "", errors.New(seen)
	}
	return seen, nil
}
