package gateway

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// slowKeep is a store that takes its time for the lease manager's work.
type slowKeep struct {
	history.Store // the rest is not asked
	leases        int
	wait          func(ctx context.Context, what string) error
}

func (s *slowKeep) Renew(context.Context, talk.UUID) error { return nil }

func (s *slowKeep) Leases(ctx context.Context) ([]history.Lease, error) {
	if s.leases++; s.leases == 1 {
		return nil, nil // the sign of life's
	}
	return nil, s.wait(ctx, "leases")
}

func (s *slowKeep) Windows(ctx context.Context, _ []talk.UUID) ([]history.Window, error) {
	return nil, s.wait(ctx, "windows")
}

func (s *slowKeep) Broken(ctx context.Context, _ history.SessionKey, _ int) ([]history.Session, error) {
	return nil, s.wait(ctx, "broken")
}

// TestKeeperWorkHasOneDeadline: whatever takes long in a round, and however much of it,
// the next sign of life is in time for the lease; each part has some of the time.
func TestKeeperWorkHasOneDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := map[string]time.Duration{}
		store := &slowKeep{wait: func(ctx context.Context, what string) error {
			by, _ := ctx.Deadline()
			asked[what] = time.Until(by)
			<-ctx.Done()
			return ctx.Err()
		}}
		k := newLeaseManager(keeperServer(t, store))
		k.srv.wentBack.note(time.Now())
		k.srv.renames.add(talk.Secret{1}.UUID(), renamed{"ada", 1, 0})
		began := time.Now()
		k.runRound(began)
		if took, most := time.Since(began), k.srv.opts.LeaseLost/2; took > most {
			t.Errorf("a round of work took %v, more than %v", took, most)
		}
		for _, what := range []string{"leases", "windows", "broken"} {
			if asked[what] < 100*time.Millisecond {
				t.Errorf("%s had %v", what, asked[what])
			}
		}
	})
}

// TestKeeperProvesTheStoreMeanwhile: a long round, in which the store answers all the
// time, is no reason for the others to think that this node does not reach it.
func TestKeeperProvesTheStoreMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k *leaseManager
		store := &slowKeep{wait: func(_ context.Context, what string) error {
			time.Sleep(700 * time.Millisecond)
			if !k.srv.health.storeProven(time.Now()) {
				t.Errorf("when the store tells %s, nothing proves that it is there", what)
			}
			return nil
		}}
		k = newLeaseManager(keeperServer(t, store))
		k.srv.renames.add(talk.Secret{1}.UUID(), renamed{"ada", 1, 0})
		k.runRound(time.Now())
		if !k.srv.health.storeProven(time.Now()) {
			t.Error("after the round nothing proves that the store is there")
		}
	})
}
