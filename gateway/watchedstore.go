package gateway

import (
	"context"

	"tuitalk/gateway/sched"
	"tuitalk/history"
	"tuitalk/talk"
)

// The store that the parts of a gateway see notes which loop waits for it, and that it
// answers who looks after presence: a round of that may be long, and what proves that the
// store is there must not become old meanwhile.
var (
	_ history.Log      = watchedLog{}
	_ history.Presence = watchedPresence{}
	_ history.Leases   = watchedLeases{}
)

type watchedLog struct{ log history.Log }

func (s watchedLog) Append(ctx context.Context, entries []talk.Entry) ([]history.Result, error) {
	defer sched.OutsideCall(ctx)()
	return s.log.Append(ctx, entries)
}

func (s watchedLog) After(ctx context.Context, room int32, after int64, limit int) ([]talk.Entry, error) {
	defer sched.OutsideCall(ctx)()
	return s.log.After(ctx, room, after, limit)
}

func (s watchedLog) Before(ctx context.Context, room int32, before int64, limit int) ([]talk.Entry, bool, error) {
	defer sched.OutsideCall(ctx)()
	return s.log.Before(ctx, room, before, limit)
}

func (s watchedLog) SpanBefore(ctx context.Context, room int32, before uint64, limit int) (first, last int64, err error) {
	defer sched.OutsideCall(ctx)()
	return s.log.SpanBefore(ctx, room, before, limit)
}

func (s watchedLog) Heads(ctx context.Context, rooms []int32) ([]history.Head, error) {
	defer sched.OutsideCall(ctx)()
	return s.log.Heads(ctx, rooms)
}

func (s watchedLog) Room(ctx context.Context, room int32, listed int) (history.Room, error) {
	defer sched.OutsideCall(ctx)()
	return s.log.Room(ctx, room, listed)
}

func (s watchedLog) EntryAt(ctx context.Context, room int32, seq int64) (history.Head, bool, error) {
	defer sched.OutsideCall(ctx)()
	return s.log.EntryAt(ctx, room, seq)
}

type watchedPresence struct {
	presence history.Presence
	health   *health
}

func (s watchedPresence) Move(ctx context.Context, moves []history.Move) ([]history.Moved, error) {
	defer sched.OutsideCall(ctx)()
	return s.presence.Move(ctx, moves)
}

func (s watchedPresence) Sessions(ctx context.Context, keys []history.SessionKey) (list []history.Session, err error) {
	defer sched.OutsideCall(ctx)()
	list, err = s.presence.Sessions(ctx, keys)
	s.health.storeAnswered(err)
	return list, err
}

func (s watchedPresence) Windows(ctx context.Context, users []talk.UUID) (list []history.Window, err error) {
	defer sched.OutsideCall(ctx)()
	list, err = s.presence.Windows(ctx, users)
	s.health.storeAnswered(err)
	return list, err
}

type watchedLeases struct {
	leases history.Leases
	health *health
}

func (s watchedLeases) Renew(ctx context.Context, gateway talk.UUID) error {
	defer sched.OutsideCall(ctx)()
	return s.leases.Renew(ctx, gateway)
}

func (s watchedLeases) Leases(ctx context.Context) (list []history.Lease, err error) {
	defer sched.OutsideCall(ctx)()
	list, err = s.leases.Leases(ctx)
	s.health.storeAnswered(err)
	return list, err
}

func (s watchedLeases) Retire(ctx context.Context, gateway talk.UUID) (err error) {
	defer sched.OutsideCall(ctx)()
	err = s.leases.Retire(ctx, gateway)
	s.health.storeAnswered(err)
	return err
}

func (s watchedLeases) Broken(ctx context.Context, behind history.SessionKey, limit int) (list []history.Session, err error) {
	defer sched.OutsideCall(ctx)()
	list, err = s.leases.Broken(ctx, behind, limit)
	s.health.storeAnswered(err)
	return list, err
}

// storeState is whether the store works.
type storeState interface {
	Check(ctx context.Context) error
}

func (s *Server) checkStore(ctx context.Context) error {
	defer sched.OutsideCall(ctx)()
	return s.store.Check(ctx)
}
