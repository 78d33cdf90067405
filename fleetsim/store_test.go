package fleetsim

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"tuitalk/history"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

// store is the fleet's one store, the model of the contract, behind faults.
type store struct {
	*historytest.Memory
	faults  overlay[storeFaults]
	backups atomic.Int64 // how often it was set back: what was under way then is not done
}

func (s *store) setBack(to *historytest.Memory) (gone []talk.Entry) {
	s.backups.Add(1)
	return s.Restore(to)
}

// storeFaults say how the store fares. The zero value is health.
type storeFaults struct {
	away     bool          // nothing answers
	hang     bool          // and it shows in no error: calls wait until they are given up
	slow     time.Duration // an answer takes up to so long
	loseAcks int           // of a hundred commits so many are not confirmed
	late     bool          // what was given up on may be done all the same, later
}

func newStore() *store {
	return &store{Memory: historytest.NewMemory(time.Now)}
}

// nodeStore is the store as one gateway reaches it.
type nodeStore struct {
	*store
	node *node
	rng  *dice
}

var _ history.Store = (*nodeStore)(nil)

// unreachable is what a call fails with.
func unreachable(why string) error { return fmt.Errorf("%w: %s", history.ErrUnavailable, why) }

// call does something in the store, as the network lets it. commits: it changes
// something, and is not cancelled once it is under way.
func call[T any](s *nodeStore, ctx context.Context, commits bool, do func(context.Context) (T, error)) (T, error) {
	var none T
	s.node.gate.pass()
	defer s.node.gate.pass()
	f := s.faults.now()
	away := f.away || s.node.cutFromStore.now().yes
	if err := ctx.Err(); err != nil || s.node.dead.Load() {
		return none, unreachable("it was not asked")
	}
	if away && !f.hang {
		return none, unreachable("it is away")
	}
	wait := s.rng.duration(200*time.Microsecond, 3*time.Millisecond)
	if f.slow > 0 {
		wait = s.rng.duration(wait, f.slow)
	}
	if away {
		wait = 20 * time.Second
	}
	select {
	case <-time.After(wait):
	case <-s.node.died:
		return none, unreachable("this gateway has died")
	case <-ctx.Done():
		if commits && !away && (f.late || s.rng.chance(2)) {
			extra := time.Duration(0)
			if f.late {
				extra = s.rng.duration(0, 20*time.Second)
			}
			s.node.world.walked("a write given up on lands late")
			as := s.backups.Load()
			time.AfterFunc(extra, func() {
				if s.backups.Load() == as {
					_, _ = do(context.Background()) // nobody waits for its answer
				}
			})
		}
		return none, unreachable("given up")
	}
	if away || s.faults.now().away || s.node.cutFromStore.now().yes {
		return none, unreachable("it went away")
	}
	r, err := do(context.Background())
	switch {
	case err != nil:
		return none, err
	case commits && s.rng.percent(f.loseAcks):
		s.node.world.walked("an answer is lost after the commit")
		return none, unreachable("the answer is lost")
	case s.node.dead.Load():
		return none, unreachable("this gateway has died")
	}
	return r, nil
}

func (s *nodeStore) Append(ctx context.Context, entries []talk.Entry) ([]history.Result, error) {
	entries = slices.Clone(entries) // a late write is of what was said
	return call(s, ctx, true, func(ctx context.Context) ([]history.Result, error) { return s.Memory.Append(ctx, entries) })
}

func (s *nodeStore) Move(ctx context.Context, moves []history.Move) ([]history.Moved, error) {
	moves = slices.Clone(moves)
	return call(s, ctx, true, func(ctx context.Context) ([]history.Moved, error) {
		moved, err := s.Memory.Move(ctx, moves)
		for i := range moved {
			s.trace(&moves[i], &moved[i])
		}
		return moved, err
	})
}

// trace tells what became of a move.
func (s *nodeStore) trace(m *history.Move, r *history.Moved) {
	action := [...]string{"enters", "leaves", "is broken", "renames"}[m.Action]
	s.node.world.story.tell("STORE of %s: %.4x/%.4x %s room %d as %q, epoch %d: applied %v, epoch %d", s.node.name, m.Key.UUID[:2], m.Key.Session[:2], action,
		m.Key.RoomID, m.Name, m.Epoch, r.Applied, r.Epoch)
}

func (s *nodeStore) After(ctx context.Context, room int32, after int64, limit int) ([]talk.Entry, error) {
	return read(s, ctx, func(ctx context.Context) ([]talk.Entry, error) { return s.Memory.After(ctx, room, after, limit) })
}

// read does a call that changes nothing.
func read[T any](s *nodeStore, ctx context.Context, do func(context.Context) (T, error)) (T, error) {
	return call(s, ctx, false, do)
}

// commit does one that changes something and tells nothing.
func (s *nodeStore) commit(ctx context.Context, do func(context.Context) error) error {
	_, err := call(s, ctx, true, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) })
	return err
}

func (s *nodeStore) Before(ctx context.Context, room int32, before int64, limit int) ([]talk.Entry, bool, error) {
	type page struct {
		entries  []talk.Entry
		complete bool
	}
	p, err := read(s, ctx, func(ctx context.Context) (p page, err error) {
		p.entries, p.complete, err = s.Memory.Before(ctx, room, before, limit)
		return p, err
	})
	return p.entries, p.complete, err
}

func (s *nodeStore) SpanBefore(ctx context.Context, room int32, before uint64, limit int) (first, last int64, err error) {
	span, err := read(s, ctx, func(ctx context.Context) (span [2]int64, err error) {
		span[0], span[1], err = s.Memory.SpanBefore(ctx, room, before, limit)
		return span, err
	})
	return span[0], span[1], err
}

func (s *nodeStore) Heads(ctx context.Context, rooms []int32) ([]history.Head, error) {
	return read(s, ctx, func(ctx context.Context) ([]history.Head, error) { return s.Memory.Heads(ctx, rooms) })
}

func (s *nodeStore) Room(ctx context.Context, room int32, listed int) (history.Room, error) {
	return read(s, ctx, func(ctx context.Context) (history.Room, error) { return s.Memory.Room(ctx, room, listed) })
}

func (s *nodeStore) EntryAt(ctx context.Context, room int32, seq int64) (history.Head, bool, error) {
	type found struct {
		entry history.Head
		ok    bool
	}
	f, err := read(s, ctx, func(ctx context.Context) (f found, err error) {
		f.entry, f.ok, err = s.Memory.EntryAt(ctx, room, seq)
		return f, err
	})
	return f.entry, f.ok, err
}

func (s *nodeStore) Renew(ctx context.Context, gateway talk.UUID) error {
	return s.commit(ctx, func(ctx context.Context) error { return s.Memory.Renew(ctx, gateway) })
}

func (s *nodeStore) Leases(ctx context.Context) ([]history.Lease, error) {
	return read(s, ctx, s.Memory.Leases)
}

func (s *nodeStore) Retire(ctx context.Context, gateway talk.UUID) error {
	return s.commit(ctx, func(ctx context.Context) error { return s.Memory.Retire(ctx, gateway) })
}

func (s *nodeStore) Broken(ctx context.Context, behind history.SessionKey, limit int) ([]history.Session, error) {
	return read(s, ctx, func(ctx context.Context) ([]history.Session, error) { return s.Memory.Broken(ctx, behind, limit) })
}

func (s *nodeStore) Sessions(ctx context.Context, keys []history.SessionKey) ([]history.Session, error) {
	return read(s, ctx, func(ctx context.Context) ([]history.Session, error) { return s.Memory.Sessions(ctx, keys) })
}

func (s *nodeStore) Windows(ctx context.Context, users []talk.UUID) ([]history.Window, error) {
	return read(s, ctx, func(ctx context.Context) ([]history.Window, error) { return s.Memory.Windows(ctx, users) })
}

func (s *nodeStore) Check(ctx context.Context) error {
	_, err := read(s, ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, s.Memory.Check(ctx) })
	return err
}
