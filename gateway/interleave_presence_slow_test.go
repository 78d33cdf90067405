package gateway

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tuitalk/gateway/commit"
	"tuitalk/history"
	"tuitalk/talk"
)

// slowStore has the users of a big gateway that is dead. Its signs of life are
// quick; the lease manager's work takes longer than the patience every other time.
type slowStore struct {
	history.Store // the rest is not asked
	t             *testing.T
	srv           *Server
	second        int
	dead          talk.UUID
	users         []history.Session // in the order of their keys
	calls         map[string]int
	retired       bool
	retires       []int       // the seconds of each try
	left          map[int]int // by second
}

// work is not done if it is this call's turn to be too slow.
func (s *slowStore) work(ctx context.Context, what string) error {
	if !s.srv.health.storeUp() {
		s.t.Errorf("second %d: posts are not stored while the keeper wants to %s", s.second, what)
	}
	s.calls[what]++
	if s.calls[what]%2 == 0 {
		return nil
	}
	<-ctx.Done()
	return errors.Join(history.ErrUnavailable, ctx.Err())
}

func (s *slowStore) Renew(context.Context, talk.UUID) error { return nil }

func (s *slowStore) Leases(context.Context) ([]history.Lease, error) {
	if s.retired {
		return nil, nil
	}
	return []history.Lease{{Gateway: s.dead, Beat: 7}}, nil
}

func (s *slowStore) Retire(ctx context.Context, _ talk.UUID) error {
	s.retires = append(s.retires, s.second)
	err := s.work(ctx, "retire")
	s.retired = s.retired || err == nil
	return err
}

func (s *slowStore) Broken(ctx context.Context, behind history.SessionKey, limit int) ([]history.Session, error) {
	if !s.retired {
		return nil, nil
	}
	if err := s.work(ctx, "list"); err != nil {
		return nil, err
	}
	from := 0
	if behind.RoomID > 0 {
		from = slices.IndexFunc(s.users, func(u history.Session) bool { return u.RoomID > behind.RoomID })
	}
	if from < 0 {
		return nil, nil
	}
	return slices.Clone(s.users[from:min(from+limit, len(s.users))]), nil
}

func (s *slowStore) Move(ctx context.Context, moves []history.Move) ([]history.Moved, error) {
	if err := s.work(ctx, "leave"); err != nil {
		return nil, err
	}
	for _, m := range moves {
		s.users = slices.DeleteFunc(s.users, func(u history.Session) bool { return u.SessionKey == m.Key })
	}
	s.left[s.second] += len(moves)
	return make([]history.Moved, len(moves)), nil
}

// TestABigGatewaysEndIsNoOutage: what the lease manager does for the users of a dead
// gateway takes longer than it has time for, again and again. The store is not
// taken to be away, and the users leave in the end, none before the grace is over.
func TestABigGatewaysEndIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{t: t, dead: newUUID(), calls: map[string]int{}, left: map[int]int{}}
		const users = 2300
		for room := range int32(users) {
			key := history.SessionKey{RoomID: room + 1, UUID: talk.Secret{1}.UUID(), Session: newUUID()}
			store.users = append(store.users, history.Session{SessionKey: key, Gateway: store.dead, Epoch: 1})
		}
		store.srv = keeperServer(t, store)
		k := newLeaseManager(store.srv)
		began := time.Now()
		for ; store.second < 120; store.second++ {
			k.runRound(began.Add(time.Duration(store.second) * time.Second))
		}
		if n := store.srv.health.storeOutages(); n != 0 || k.outage {
			t.Errorf("%d outages are counted", n)
		}
		if want := []int{5, 6}; !slices.Equal(store.retires, want) { // a lease is 5 s
			t.Errorf("the gateway is retired at the seconds %v, want %v", store.retires, want)
		}
		if len(store.users) > 0 {
			t.Errorf("%d users never left", len(store.users))
		}
		for second, n := range store.left {
			if second < store.retires[1]+30 || n > commit.MaxBatch {
				t.Errorf("%d users left at second %d", n, second)
			}
		}
	})
}
