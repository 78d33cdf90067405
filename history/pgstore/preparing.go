package pgstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tuitalk/history"
)

const (
	// prepareEvery is how often a database is tried that could not be reached when
	// the store was opened, and preparePatience how long one attempt may take, with
	// the making of the schema.
	prepareEvery    = 500 * time.Millisecond
	preparePatience = 30 * time.Second
)

// prepare looks whether the database can be used, brings its schema up to date, and reads
// what protects it. Its errors are sentences with a remedy.
func (s *Store) prepare(ctx context.Context) error {
	found, err := examine(ctx, s.writes)
	if err != nil {
		return unusable(err)
	}
	if _, err := found.judge(); err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	if err = migrate(ctx, s.writes); err == nil {
		err = s.writes.query(ctx, s.protection.scan, `SELECT `+protectionColumns)
	}
	if err != nil {
		return unusable(err)
	}
	return nil
}

// unusable is why a store is not opened.
func unusable(err error) error {
	if errors.Is(err, errUnusable) || errors.Is(err, history.ErrSchema) {
		return fmt.Errorf("open the store: %w", err)
	}
	told := sentence{"open the store: " + remedied(err).Error(), err}
	if !refusedForGood(err) {
		told.err = failed("open the store", err)
	}
	return told
}

// preparing is the wait for a database that could not be reached when the store was
// opened.
type preparing struct {
	why  atomic.Pointer[error] // nil: it is prepared
	end  context.CancelFunc    // nil: there was nothing to wait for
	done sync.WaitGroup
}

func (p *preparing) begin(s *Store, why error, refused func(error)) {
	p.why.Store(&why)
	ctx, cancel := context.WithCancel(context.Background())
	p.end = cancel
	p.done.Go(func() { p.run(ctx, s, refused) })
}

func (p *preparing) run(ctx context.Context, s *Store, refused func(error)) {
	tick := time.NewTicker(prepareEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		attempt, cancel := context.WithTimeout(ctx, preparePatience)
		err := s.prepare(attempt)
		cancel()
		switch {
		case err == nil:
			p.why.Store(nil)
			return
		case errors.Is(err, history.ErrSchema) || errors.Is(err, errUnusable):
			p.why.Store(&err)
			refused(err)
			return
		case ctx.Err() == nil:
			p.why.Store(&err)
		}
	}
}

// stop ends the wait.
func (p *preparing) stop() {
	if p.end != nil {
		p.end()
		p.done.Wait()
	}
}

// away is the error of an operation while the database is not prepared.
func (p *preparing) away(op string) error {
	why := p.why.Load()
	if why == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: it has not been reached since the start: %v", op, history.ErrUnavailable, *why)
}
