package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"tuitalk/bench/coordinator"
	"tuitalk/bench/result"
	"tuitalk/talk"
)

// run is where a Schedule writes down what it did when, and what it waits for.
type run interface {
	Now() time.Time
	BeginFault(f result.Fault) (number int)
	EndFault(number int)
	Rooms() []int32
	AddTaken(entries []talk.Entry)
	CaughtUp(ctx context.Context, most time.Duration) (waiting int, err error)
}

var _ run = (*coordinator.Coordinator)(nil)

// mostRecovery is how long is waited after a fault until everybody has about
// everything again. The next fault shall meet a fleet that is well: else what is left of
// each outage adds up, and in the end it is the load that breaks the fleet.
const mostRecovery = 2 * time.Minute

// follow breaks one after the other. It ends early with ctx, and mends first what is broken.
// A fault that does not take hold is marked so, and the others follow.
func (s *Schedule) follow(ctx context.Context, r run) error {
	s.rng = rand.New(rand.NewPCG(s.Seed, faultStream))
	if err := sleep(ctx, s.Calm); err != nil {
		return err
	}
	for i := range s.Faults {
		if err := s.one(ctx, &s.Faults[i], r); err != nil {
			return fmt.Errorf("%s: %w", s.Faults[i].Name, err)
		}
		if err := s.recover(ctx, s.Faults[i].Name, r); err != nil {
			return err
		}
		if err := sleep(ctx, s.Calm); err != nil {
			return err
		}
	}
	return nil
}

func (s *Schedule) one(ctx context.Context, f *Fault, r run) error {
	began := r.Now()
	mend, evidence, err := f.Break(ctx, s.Cluster, s.rng)
	if err == nil && f.Took != nil {
		var lost string
		lost, err = s.account(ctx, f, r)
		evidence += lost
	}
	if err != nil {
		return s.notHeld(ctx, f, r, began, mend, err)
	}
	s.Tell("%s: broken", f.Name)
	number := r.BeginFault(result.Fault{What: f.Name, Held: true, Evidence: evidence, At: began})
	err = sleep(ctx, f.Hold)
	if mendErr := mend(context.WithoutCancel(ctx)); mendErr != nil {
		return errors.Join(err, fmt.Errorf("mend: %w", mendErr))
	}
	r.EndFault(number)
	s.Tell("%s: mended after %v", f.Name, r.Now().Sub(began).Round(time.Millisecond))
	return err
}

// recover waits until the fleet is well again.
func (s *Schedule) recover(ctx context.Context, name string, r run) error {
	waiting, err := r.CaughtUp(ctx, mostRecovery)
	if waiting > 0 {
		s.Tell("%s: %v after it, %d messages still wait to be stored or shown: is the load more than the machine bears?", name, mostRecovery, waiting)
	}
	return err
}

// account has it written down what a fault took from the store, and says it.
func (s *Schedule) account(ctx context.Context, f *Fault, r run) (evidence string, err error) {
	entries, err := f.Took(ctx, s.Cluster, r.Rooms())
	switch {
	case err != nil:
		return "", err
	case len(entries) == 0:
		return "", errors.New("nothing that was stored is lost")
	}
	r.AddTaken(entries)
	return fmt.Sprintf(", and may have lost %d entries", len(entries)), nil
}

// notHeld mends what a fault has broken that did not take hold.
func (s *Schedule) notHeld(ctx context.Context, f *Fault, r run, began time.Time, mend Mend, why error) error {
	number := r.BeginFault(result.Fault{What: f.Name, Evidence: why.Error(), At: began})
	s.Tell("%s: did not take hold: %v", f.Name, why)
	if mend != nil {
		if err := mend(context.WithoutCancel(ctx)); err != nil {
			return errors.Join(why, fmt.Errorf("mend: %w", err))
		}
	}
	r.EndFault(number)
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
