package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/talk"
)

// plan is faults one after the other, with calm around each.
type plan struct {
	cluster *devcluster.Cluster // nil: the faults need none
	faults  []Fault
	calm    time.Duration
	rng     *rand.Rand
	tell    func(format string, args ...any)
}

// ledger is where it is written down what was done when.
type ledger interface {
	Now() time.Time
	// mark notes a fault, or that it did not take hold; the number is for over.
	mark(at time.Time, what string, held bool, evidence string) (number int)
	over(number int)
	// rooms are those of the run, and took notes what of them the store has lost.
	rooms() []int32
	took(entries []talk.Entry)
	// caughtUp waits until everybody has about everything, but no longer than most.
	caughtUp(ctx context.Context, most time.Duration) (waiting int, err error)
}

// mostRecovery is how long the plan waits after a fault until everybody has about
// everything again. The next fault shall meet a fleet that is well: else what is left of
// each outage adds up, and in the end it is the load that breaks the fleet.
const mostRecovery = 2 * time.Minute

// follow does the plan. It ends early with ctx, and mends first what is broken.
// A fault that does not take hold is marked so, and the plan goes on.
func (p *plan) follow(ctx context.Context, l ledger) error {
	if err := sleep(ctx, p.calm); err != nil {
		return err
	}
	for i := range p.faults {
		if err := p.one(ctx, &p.faults[i], l); err != nil {
			return fmt.Errorf("%s: %w", p.faults[i].Name, err)
		}
		if err := p.recover(ctx, p.faults[i].Name, l); err != nil {
			return err
		}
		if err := sleep(ctx, p.calm); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) one(ctx context.Context, f *Fault, l ledger) error {
	began := l.Now()
	mend, evidence, err := f.Break(ctx, p.cluster, p.rng)
	if err == nil && f.Took != nil {
		var lost string
		lost, err = p.account(ctx, f, l)
		evidence += lost
	}
	if err != nil {
		return p.notHeld(ctx, f, l, began, mend, err)
	}
	p.tell("%s: broken", f.Name)
	number := l.mark(began, f.Name, true, evidence)
	err = sleep(ctx, f.Hold)
	if mendErr := mend(context.WithoutCancel(ctx)); mendErr != nil {
		return errors.Join(err, fmt.Errorf("mend: %w", mendErr))
	}
	l.over(number)
	p.tell("%s: mended after %v", f.Name, l.Now().Sub(began).Round(time.Millisecond))
	return err
}

// recover waits until the fleet is well again.
func (p *plan) recover(ctx context.Context, name string, l ledger) error {
	waiting, err := l.caughtUp(ctx, mostRecovery)
	if waiting > 0 {
		p.tell("%s: %v after it, %d messages still wait to be stored or shown: is the load more than the machine bears?", name, mostRecovery, waiting)
	}
	return err
}

// account has it written down what a fault took from the store, and says it.
func (p *plan) account(ctx context.Context, f *Fault, l ledger) (evidence string, err error) {
	entries, err := f.Took(ctx, p.cluster, l.rooms())
	switch {
	case err != nil:
		return "", err
	case len(entries) == 0:
		return "", errors.New("nothing that was stored is lost")
	}
	l.took(entries)
	return fmt.Sprintf(", and may have lost %d entries", len(entries)), nil
}

// notHeld mends what a fault has broken that did not take hold.
func (p *plan) notHeld(ctx context.Context, f *Fault, l ledger, began time.Time, mend Mend, why error) error {
	number := l.mark(began, f.Name, false, why.Error())
	p.tell("%s: did not take hold: %v", f.Name, why)
	if mend != nil {
		if err := mend(context.WithoutCancel(ctx)); err != nil {
			return errors.Join(why, fmt.Errorf("mend: %w", err))
		}
	}
	l.over(number)
	return ctx.Err()
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
