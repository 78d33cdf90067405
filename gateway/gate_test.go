package gateway_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"

	"tuitalk/fanout"
	"tuitalk/gateway"
	"tuitalk/history"
	"tuitalk/talk"
)

// gate is called by a store and a bus of a test before each call, and can hold it,
// fail it, or panic in it.
type gate struct {
	do atomic.Pointer[func(ctx context.Context, op string, room int32) error]
}

func (g *gate) set(do func(ctx context.Context, op string, room int32) error) { g.do.Store(&do) }

func (g *gate) open() { g.do.Store(nil) }

func (g *gate) pass(ctx context.Context, op string, room int32) error {
	if do := g.do.Load(); do != nil {
		return (*do)(ctx, op, room)
	}
	return nil
}

// hold keeps every call for which match is true until the test releases it, or the
// call's context ends: unless deaf, which does not look at that. reached is closed
// by the first.
func (g *gate) hold(t *testing.T, deaf bool, match func(op string, room int32) bool) (reached <-chan struct{}, release func()) {
	t.Helper()
	there, free := make(chan struct{}, 1), make(chan struct{})
	var first, done atomic.Bool
	g.set(func(ctx context.Context, op string, room int32) error {
		if !match(op, room) {
			return nil
		}
		if first.CompareAndSwap(false, true) {
			close(there)
		}
		if deaf {
			ctx = context.Background()
		}
		select {
		case <-free:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	release = func() {
		if done.CompareAndSwap(false, true) {
			close(free)
		}
	}
	t.Cleanup(release)
	return there, release
}

// gateStore is a store behind a gate.
type gateStore struct {
	history.Store
	*gate
}

func (s gateStore) Append(ctx context.Context, entries []talk.Entry) ([]history.Result, error) {
	if err := s.pass(ctx, "Append", entries[0].RoomID); err != nil {
		return nil, err
	}
	return s.Store.Append(ctx, entries)
}

func (s gateStore) Move(ctx context.Context, moves []history.Move) ([]history.Moved, error) {
	if err := s.pass(ctx, "Move", moves[0].Key.RoomID); err != nil {
		return nil, err
	}
	return s.Store.Move(ctx, moves)
}

func (s gateStore) After(ctx context.Context, room int32, after int64, limit int) ([]talk.Entry, error) {
	if err := s.pass(ctx, "After", room); err != nil {
		return nil, err
	}
	return s.Store.After(ctx, room, after, limit)
}

func (s gateStore) Before(ctx context.Context, room int32, before int64, limit int) ([]talk.Entry, bool, error) {
	if err := s.pass(ctx, "Before", room); err != nil {
		return nil, false, err
	}
	return s.Store.Before(ctx, room, before, limit)
}

func (s gateStore) SpanBefore(ctx context.Context, room int32, before uint64, limit int) (first, last int64, err error) {
	if err := s.pass(ctx, "SpanBefore", room); err != nil {
		return 0, 0, err
	}
	return s.Store.SpanBefore(ctx, room, before, limit)
}

func (s gateStore) Room(ctx context.Context, room int32, listed int) (history.Room, error) {
	if err := s.pass(ctx, "Room", room); err != nil {
		return history.Room{}, err
	}
	return s.Store.Room(ctx, room, listed)
}

func (s gateStore) EntryAt(ctx context.Context, room int32, seq int64) (history.Head, bool, error) {
	if err := s.pass(ctx, "EntryAt", room); err != nil {
		return history.Head{}, false, err
	}
	return s.Store.EntryAt(ctx, room, seq)
}

func (s gateStore) Windows(ctx context.Context, users []talk.UUID) ([]history.Window, error) {
	if err := s.pass(ctx, "Windows", 0); err != nil {
		return nil, err
	}
	return s.Store.Windows(ctx, users)
}

func (s gateStore) Renew(ctx context.Context, g talk.UUID) error {
	if err := s.pass(ctx, "Renew", 0); err != nil {
		return err
	}
	return s.Store.Renew(ctx, g)
}

// gateBus is a bus behind a gate.
type gateBus struct {
	fanout.Bus
	*gate
}

func (b gateBus) Subscribe(ctx context.Context, room int32) error {
	if err := b.pass(ctx, "Subscribe", room); err != nil {
		return err
	}
	return b.Bus.Subscribe(ctx, room)
}

func (b gateBus) Unsubscribe(ctx context.Context, room int32) error {
	if err := b.pass(ctx, "Unsubscribe", room); err != nil {
		return err
	}
	return b.Bus.Unsubscribe(ctx, room)
}

func (b gateBus) Publish(ctx context.Context, n *fanout.Note) error {
	if err := b.pass(ctx, "Publish", n.Room); err != nil {
		return err
	}
	return b.Bus.Publish(ctx, n)
}

// tiny has one worker in each class.
func tiny(o *gateway.Options) {
	o.Work.Enter.Workers, o.Work.Opening.Workers, o.Work.Live.Workers, o.Work.History.Workers, o.Work.Site.Workers = 1, 1, 1, 1, 1
}

// startGated runs a gateway whose store and bus are behind a gate.
func startGated(t *testing.T, change func(*gateway.Options)) (*node, *gate) {
	t.Helper()
	server, store, g, opts := newGated(t, change)
	n := serve(t, server, store, gateBus{fanout.NewHub().Node(server), g}, opts)
	t.Cleanup(g.open) // it must hand over its sessions
	return n, g
}

// newGated makes it, for a test that starts and stops it itself.
func newGated(t *testing.T, change func(*gateway.Options)) (*gateway.Server, history.Store, *gate, *gateway.Options) {
	t.Helper()
	store := openStore(t, filepath.Join(t.TempDir(), "talk.db"))
	t.Cleanup(func() { _ = store.Close() })
	opts := testOptions(t)
	if change != nil {
		change(&opts)
	}
	g := &gate{}
	server, err := gateway.New(opts, gateStore{store, g})
	if err != nil {
		t.Fatal(err)
	}
	return server, store, g, &opts
}

func isTimeout(err error) bool { return errors.Is(err, context.DeadlineExceeded) }
