package gateway

import (
	"context"

	"tuitalk/history"
	"tuitalk/talk"
)

// outsideCall encloses a call of the store or the bus, with the context that it gets:
//
//	defer outside(ctx)()
func outsideCall(ctx context.Context) (back func()) {
	l := loopOf(ctx)
	if l == nil {
		return func() {}
	}
	l.leave()
	return l.enter
}

// watchedStore notes which loop waits for the store, and that it answers who looks
// after presence: a round of that may be long, and what proves that the store is there
// must not become old meanwhile.
type watchedStore struct {
	history.Store
	health *health
}

// answered notes an answer to the lease manager, who himself notes an outage.
func (s watchedStore) answered(err error) {
	if err == nil {
		s.health.store(nil)
	}
}

func (s watchedStore) Append(ctx context.Context, entries []talk.Entry) ([]history.Result, error) {
	defer outsideCall(ctx)()
	return s.Store.Append(ctx, entries)
}

func (s watchedStore) Move(ctx context.Context, moves []history.Move) ([]history.Moved, error) {
	defer outsideCall(ctx)()
	return s.Store.Move(ctx, moves)
}

func (s watchedStore) After(ctx context.Context, room int32, after int64, limit int) ([]talk.Entry, error) {
	defer outsideCall(ctx)()
	return s.Store.After(ctx, room, after, limit)
}

func (s watchedStore) Before(ctx context.Context, room int32, before int64, limit int) ([]talk.Entry, bool, error) {
	defer outsideCall(ctx)()
	return s.Store.Before(ctx, room, before, limit)
}

func (s watchedStore) SpanBefore(ctx context.Context, room int32, before uint64, limit int) (first, last int64, err error) {
	defer outsideCall(ctx)()
	return s.Store.SpanBefore(ctx, room, before, limit)
}

func (s watchedStore) Heads(ctx context.Context, rooms []int32) ([]history.Head, error) {
	defer outsideCall(ctx)()
	return s.Store.Heads(ctx, rooms)
}

func (s watchedStore) Room(ctx context.Context, room int32, listed int) (history.Room, error) {
	defer outsideCall(ctx)()
	return s.Store.Room(ctx, room, listed)
}

func (s watchedStore) IDAt(ctx context.Context, room int32, seq int64) (talk.UUID, bool, error) {
	defer outsideCall(ctx)()
	return s.Store.IDAt(ctx, room, seq)
}

func (s watchedStore) Renew(ctx context.Context, gateway talk.UUID) error {
	defer outsideCall(ctx)()
	return s.Store.Renew(ctx, gateway)
}

func (s watchedStore) Leases(ctx context.Context) (list []history.Lease, err error) {
	defer outsideCall(ctx)()
	list, err = s.Store.Leases(ctx)
	s.answered(err)
	return list, err
}

func (s watchedStore) Retire(ctx context.Context, gateway talk.UUID) (err error) {
	defer outsideCall(ctx)()
	err = s.Store.Retire(ctx, gateway)
	s.answered(err)
	return err
}

func (s watchedStore) Broken(ctx context.Context, behind history.SessionKey, limit int) (list []history.Session, err error) {
	defer outsideCall(ctx)()
	list, err = s.Store.Broken(ctx, behind, limit)
	s.answered(err)
	return list, err
}

func (s watchedStore) Sessions(ctx context.Context, keys []history.SessionKey) (list []history.Session, err error) {
	defer outsideCall(ctx)()
	list, err = s.Store.Sessions(ctx, keys)
	s.answered(err)
	return list, err
}

func (s watchedStore) Windows(ctx context.Context, users []talk.UUID) (list []history.Window, err error) {
	defer outsideCall(ctx)()
	list, err = s.Store.Windows(ctx, users)
	s.answered(err)
	return list, err
}

func (s watchedStore) Check(ctx context.Context) error {
	defer outsideCall(ctx)()
	return s.Store.Check(ctx)
}

// Degraded implements history.Degradable, if the store does.
func (s watchedStore) Degraded() []string {
	if d, ok := s.Store.(history.Degradable); ok {
		return d.Degraded()
	}
	return nil
}
