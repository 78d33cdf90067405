package commit

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// pacedStore takes as long as it is given much. Who does not wait that long has
// stored nothing.
type pacedStore struct {
	history.Store // the rest is not asked
	each          time.Duration
	moved, stored int
}

func (s *pacedStore) takeTime(ctx context.Context, n int) error {
	select {
	case <-time.After(time.Duration(n) * s.each):
		return nil
	case <-ctx.Done():
		return errors.Join(history.ErrUnavailable, ctx.Err())
	}
}

func (s *pacedStore) Move(ctx context.Context, moves []history.Move) ([]history.Moved, error) {
	if err := s.takeTime(ctx, len(moves)); err != nil {
		return nil, err
	}
	s.moved += len(moves)
	return make([]history.Moved, len(moves)), nil
}

func (s *pacedStore) Append(ctx context.Context, entries []talk.Entry) ([]history.Result, error) {
	if err := s.takeTime(ctx, len(entries)); err != nil {
		return nil, err
	}
	s.stored += len(entries)
	results := make([]history.Result, len(entries))
	for i := range results {
		results[i].Repeat = true // there is nobody to show it to
	}
	return results, nil
}

// TestLaneGivesASlowStoreLessAtOnce: so many come, or speak, at once that the store
// has no time for all together. A lane that offered them all again and again would
// stand still.
func TestLaneGivesASlowStoreLessAtOnce(t *testing.T) {
	const count = 1000
	for name, queue := range map[string]func(*Committer){
		"moves": func(c *Committer) { c.Move(Move{Done: func(history.Moved) {}}) },
		"posts": func(c *Committer) {
			c.Post(Post{From: original{}, Entry: talk.Entry{RoomID: 1, Kind: talk.KindPosted}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &pacedStore{each: 20 * time.Millisecond}
				cfg := alone(t)
				cfg.History, cfg.Presence = store, store
				c := New(cfg)
				for range count {
					queue(c)
				}
				c.cfg.Timers.Start(unwatched)
				c.Start(unwatched)
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := store.moved + store.stored; got != count {
					t.Errorf("%d of %d are done after a minute", got, count)
				}
				c.Stop()
				c.Await()
				c.cfg.Timers.Stop()
			})
		})
	}
}
