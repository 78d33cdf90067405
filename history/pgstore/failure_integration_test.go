//go:build integration

package pgstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/history"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

// ownServer starts a server for a test that harms it.
func ownServer(t *testing.T) *devcluster.Postgres {
	t.Helper()
	p, err := devcluster.StartPostgres(t.Context(), devcluster.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// await asks until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, tick := within(t, 30*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("it never was so that %s", what)
		}
	}
}

// TestDeadlocks: many rooms in random order from four connections.
func TestDeadlocks(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	const rooms, size, batches = 50, 100, 60
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		s := open(t, dsn, Options{Writers: 1})
		wg.Go(func() {
			for n := range batches {
				batch := make([]talk.Entry, size)
				for k := range batch {
					batch[k] = historytest.Post(rand.Int32N(rooms), fmt.Sprint("author", i), fmt.Sprint(n, "/", k), "x")
				}
				if _, err := s.Append(t.Context(), batch); err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	s := open(t, dsn, Options{})
	total := 0
	for room := range int32(rooms) {
		log, err := historytest.ReadLog(t.Context(), s, room)
		if err != nil {
			t.Fatal(err)
		}
		total += len(log)
	}
	if total != len(errs)*batches*size {
		t.Errorf("%d entries stored, want %d", total, len(errs)*batches*size)
	}
}

// writing is some writers that send batches again until they are stored.
type writing struct {
	rooms                 int
	acknowledged, unclear atomic.Int64
	stopped               atomic.Bool
	wg                    sync.WaitGroup
	sent                  [][]talk.Entry // of each writer
	told                  [][]history.Result
}

func startWriting(t *testing.T, s *Store, writers, rooms int) *writing {
	w := &writing{rooms: rooms, sent: make([][]talk.Entry, writers), told: make([][]history.Result, writers)}
	for i := range writers {
		w.wg.Go(func() {
			for n := 0; !w.stopped.Load(); n++ {
				batch := make([]talk.Entry, 1+rand.IntN(30))
				for k := range batch {
					batch[k] = historytest.Post(rand.Int32N(int32(rooms)), fmt.Sprint("author", i), fmt.Sprint(n, "/", k), "x")
				}
				results := appendUntilStored(t, s, batch, &w.unclear)
				if results == nil {
					return
				}
				w.sent[i], w.told[i] = append(w.sent[i], batch...), append(w.told[i], results...)
				w.acknowledged.Add(int64(len(batch)))
			}
		})
	}
	t.Cleanup(w.stop)
	return w
}

func (w *writing) stop() {
	w.stopped.Store(true)
	w.wg.Wait()
}

// awaitMore waits until much more has been stored.
func (w *writing) awaitMore(t *testing.T) {
	t.Helper()
	enough := w.acknowledged.Load() + 300
	await(t, "much has been written", func() bool { return w.acknowledged.Load() > enough })
}

// check stops the writers and looks in a store for all that they were told.
func (w *writing) check(t *testing.T, s *Store) {
	t.Helper()
	w.stop()
	if w.unclear.Load() == 0 {
		t.Error("no write was interrupted: the test tests nothing")
	}
	checkAcknowledged(t, s, w.rooms, w.sent, w.told)
}

// TestKillServer kills the server while many write: what was acknowledged is
// there once, and what was unclear is after it was sent again.
func TestKillServer(t *testing.T) {
	t.Parallel()
	p := ownServer(t)
	s := open(t, p.DSN(), Options{})
	w := startWriting(t, s, 6, 4)
	for range 3 {
		w.awaitMore(t)
		if err := errors.Join(p.Kill(), p.Start(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	w.awaitMore(t)
	w.check(t, s)
}

// appendUntilStored returns nil if the test is over.
func appendUntilStored(t *testing.T, s *Store, batch []talk.Entry, unclear *atomic.Int64) []history.Result {
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		results, err := s.Append(ctx, batch)
		cancel()
		if err == nil {
			return results
		}
		if !errors.Is(err, history.ErrUnavailable) {
			t.Errorf("append: %v", err)
			return nil
		}
		if t.Context().Err() != nil {
			return nil
		}
		unclear.Add(1)
	}
}

func checkAcknowledged(t *testing.T, s *Store, rooms int, sent [][]talk.Entry, told [][]history.Result) {
	t.Helper()
	logs, total := make([][]talk.Entry, rooms), 0
	for room := range logs {
		var err error
		if logs[room], err = historytest.ReadLog(t.Context(), s, int32(room)); err != nil {
			t.Fatal(err)
		}
		total += len(logs[room])
	}
	for w := range sent {
		last := make([]int64, rooms)
		total -= len(sent[w])
		for i, e := range sent[w] {
			seq := told[w][i].Seq
			if seq <= last[e.RoomID] {
				t.Fatalf("writer %d: seq %d after %d", w, seq, last[e.RoomID])
			}
			last[e.RoomID] = seq
			if got := logs[e.RoomID][seq-1]; got.ID != e.ID || got.Author != e.Author {
				t.Fatalf("writer %d was told seq %d, where another entry stands", w, seq)
			}
		}
	}
	if total != 0 {
		t.Errorf("the logs have %d entries more than were acknowledged", total)
	}
}

// TestFrozenServer: the context ends the waiting, and afterwards all goes on.
func TestFrozenServer(t *testing.T) {
	t.Parallel()
	p := ownServer(t)
	s := open(t, p.DSN(), Options{})
	fill(t, s, "before", 10, 1)
	if err := p.Freeze(); err != nil {
		t.Fatal(err)
	}
	batch := posts("frozen", 10, 1)
	for range 3 { // also on connections that cannot be made now
		if _, err := s.Append(within(t, 200*time.Millisecond), batch); !errors.Is(err, history.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("append: %v", err)
		}
		if _, err := s.After(within(t, 200*time.Millisecond), 0, 0, 5); !errors.Is(err, history.ErrUnavailable) {
			t.Errorf("after: %v", err)
		}
	}
	if err := p.Thaw(); err != nil {
		t.Fatal(err)
	}
	results, err := s.Append(t.Context(), batch)
	if err != nil || results[0].Seq != 11 || results[9].Seq != 20 {
		t.Errorf("append: %+v, %v", results, err)
	}
	if log, err := historytest.ReadLog(t.Context(), s, 0); err != nil || len(log) != 20 {
		t.Errorf("%d entries are there; %v", len(log), err)
	}
}

// TestCloseWhileFrozen: Close drops what does not answer.
func TestCloseWhileFrozen(t *testing.T) {
	t.Parallel()
	p := ownServer(t)
	s := open(t, p.DSN(), Options{})
	fill(t, s, "before", 10, 1)
	if err := p.Freeze(); err != nil {
		t.Fatal(err)
	}
	appended := make(chan error)
	go func() {
		_, err := s.Append(t.Context(), posts("frozen", 10, 1))
		appended <- err
	}()
	await(t, "the call is under way", func() bool { return s.writes.Stat().AcquiredConns() > 0 })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-appended; !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("append: %v", err)
	}
}

// TestDemotedServer: a connection to a server that has become read-only is not
// used again.
func TestDemotedServer(t *testing.T) {
	t.Parallel()
	p := ownServer(t)
	s := open(t, p.DSN(), Options{})
	fill(t, s, "before", 3, 1)
	readOnly := func(value string) {
		execute(t, p.DSN(), `ALTER SYSTEM SET default_transaction_read_only = `+value)
		execute(t, p.DSN(), `SELECT pg_reload_conf()`)
	}
	readOnly("on")
	await(t, "it is read-only", func() bool { return errors.Is(s.Check(t.Context()), history.ErrUnavailable) })
	if _, err := s.Append(t.Context(), posts("x", 3, 1)); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("append: %v", err)
	}
	if n := s.writes.Stat().TotalConns(); n != 0 {
		t.Errorf("%d connections to it are left", n)
	}
	readOnly("off")
	await(t, "it can be written", func() bool { return s.Check(t.Context()) == nil })
	fill(t, s, "after", 3, 1)
}

func TestServerAway(t *testing.T) {
	t.Parallel()
	p := ownServer(t)
	s := open(t, p.DSN(), Options{})
	if err := p.Stop(t.Context(), devcluster.Fast); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), posts("x", 3, 1)); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("append: %v", err)
	}
	if _, err := s.Heads(t.Context(), []int32{1}); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("heads: %v", err)
	}
	if _, err := Open(t.Context(), p.DSN(), Options{}); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("open: %v", err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	fill(t, s, "x", 3, 1)
}
