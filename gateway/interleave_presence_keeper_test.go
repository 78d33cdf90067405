package gateway

import (
	"context"
	"testing"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// brokenStore has one session whose connection is gone, and counts the claims.
type brokenStore struct {
	history.Store // the rest is not asked
	session       history.Session
	away          bool
	claims        int
}

func (s *brokenStore) err() error {
	if s.away {
		return history.ErrUnavailable
	}
	return nil
}

func (s *brokenStore) Renew(context.Context, talk.UUID) error          { return s.err() }
func (s *brokenStore) Leases(context.Context) ([]history.Lease, error) { return nil, s.err() }

func (s *brokenStore) Broken(context.Context, history.SessionKey, int) ([]history.Session, error) {
	return []history.Session{s.session}, s.err()
}

func (s *brokenStore) Move(_ context.Context, moves []history.Move) ([]history.Moved, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	s.claims += len(moves)
	return make([]history.Moved, len(moves)), nil
}

// keeperServer is a server that is not started: a leaseManager needs no more.
func keeperServer(t *testing.T, store history.Store) *Server {
	t.Helper()
	opts := Defaults()
	opts.ID = newUUID()
	s, err := New(opts, store)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAClaimerCountsOnlyTimeInWhichTheStoreAnswered: the grace is 30 s and a lease
// 5 s, by default. Rounds happen at the seconds at which the table says so.
func TestAClaimerCountsOnlyTimeInWhichTheStoreAnswered(t *testing.T) {
	t.Parallel()
	type span struct {
		from, to int // seconds, both included, with one round in each
		away     bool
	}
	for name, tc := range map[string]struct {
		rounds  []span // none in between: the process is frozen
		claimAt int    // the second of the round that claims
	}{
		"always there":                          {[]span{{0, 40, false}}, 30},
		"away in the middle":                    {[]span{{0, 10, false}, {11, 70, true}, {71, 120, false}}, 71 + 20},
		"away when the grace is all but over":   {[]span{{0, 29, false}, {30, 89, true}, {90, 120, false}}, 90 + 5},
		"away for a moment":                     {[]span{{0, 29, false}, {30, 32, true}, {33, 120, false}}, 33 + 5},
		"frozen in the middle":                  {[]span{{0, 10, false}, {70, 120, false}}, 70 + 20},
		"frozen when the grace is all but over": {[]span{{0, 29, false}, {90, 120, false}}, 90 + 5},
	} {
		t.Run(name, func(t *testing.T) {
			store := &brokenStore{session: history.Session{
				SessionKey: history.SessionKey{RoomID: 1, UUID: talk.Secret{1}.UUID(), Session: newUUID()}, Epoch: 1,
			}}
			k := newLeaseManager(keeperServer(t, store))
			began := time.Now()
			for _, span := range tc.rounds {
				store.away = span.away
				for n := span.from; n <= span.to; n++ {
					k.runRound(began.Add(time.Duration(n) * time.Second))
					if store.claims == 0 {
						continue
					}
					if n != tc.claimAt {
						t.Errorf("claimed at second %d, want %d", n, tc.claimAt)
					}
					return
				}
			}
			t.Error("never claimed")
		})
	}
}
