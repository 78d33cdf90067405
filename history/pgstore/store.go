package pgstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"tuitalk/history"
	"tuitalk/talk"
)

// Options of a Store. The zero value is the default.
type Options struct {
	// Clock gives the latest time of new entries, which are of the database's clock
	// up to that; a test sets it to a time that has passed. Default: history.MaxAhead
	// later than it is here.
	Clock func() time.Time
	// Writers is how many connections Append, Move, Renew, Retire and Check
	// have. Default 6: four lanes, presence and the lease.
	Writers int
	// Readers is how many connections the others have. Default 4.
	Readers int
	// Refused, if set, lets Open succeed while the database cannot be reached. Until
	// it is, and has the right schema, methods return history.ErrUnavailable.
	// Refused is called, once, if its schema turns out to be one with which Open
	// would have failed (history.ErrSchema): nothing will ever work then.
	Refused func(error)
}

func (o Options) withDefaults() Options {
	if o.Writers <= 0 {
		o.Writers = 6
	}
	if o.Readers <= 0 {
		o.Readers = 4
	}
	return o
}

// closePatience is how long Close waits for calls under way before it drops
// their connections.
const closePatience = 3 * time.Second

var _ history.Store = (*Store)(nil)

// Store is a history.Store in a PostgreSQL database.
type Store struct {
	clock  func() time.Time // nil: the database's
	writes pool
	reads  pool
	slot   int32 // the row that Check writes

	protection protection
	preparing  preparing

	close  sync.Once
	ending context.Context // ends when Close has waited long enough
	end    context.CancelFunc
}

// Open connects to the database at a postgres:// address and brings its schema
// up to date. Several gateways may do so at once. See also Options.Refused. Errors:
// history.ErrUnavailable, which may pass; history.ErrSchema for a schema of a
// newer program; else a plain one: a wrong address, or the server refuses.
func Open(ctx context.Context, dsn string, options Options) (*Store, error) {
	options = options.withDefaults()
	config, err := parse(dsn)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	s := &Store{clock: options.Clock, slot: rand.Int32(), protection: protection{servers: servers(config)}}
	s.ending, s.end = context.WithCancel(context.Background())
	var f fence
	if s.writes, err = openPool(ctx, config, options.Writers, &f, false); err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	if s.reads, err = openPool(ctx, config, options.Readers, &f, true); err != nil {
		s.writes.Close()
		return nil, fmt.Errorf("open the store: %w", err)
	}
	if err = s.prepare(ctx); err == nil {
		return s, nil
	}
	if options.Refused == nil || !errors.Is(err, history.ErrUnavailable) {
		s.Close()
		return nil, err
	}
	s.preparing.begin(s, err, options.Refused)
	return s, nil
}

// Close waits for the calls under way, but not for long, and closes all
// connections. Methods called later return history.ErrUnavailable.
func (s *Store) Close() error {
	s.close.Do(func() {
		s.preparing.stop()
		timer := time.AfterFunc(closePatience, s.end)
		defer timer.Stop()
		s.writes.Close()
		s.reads.Close()
		s.end()
	})
	return nil
}

// bounded ends a call's context also when Close has waited long enough.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ending, cancel)
	return ctx, func() { stop(); cancel() }
}

// query runs a statement and scans each row of the answer.
func (s *Store) query(ctx context.Context, p pool, op string, scan func(row) error, sql string, args ...any) error {
	if err := s.preparing.away(op); err != nil {
		return err
	}
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return failed(op, p.query(ctx, scan, sql, args...))
}

// exec runs a statement that writes and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, op string, sql string, args ...any) (int64, error) {
	if err := s.preparing.away(op); err != nil {
		return 0, err
	}
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	changed, err := s.writes.exec(ctx, sql, args...)
	return changed, failed(op, err)
}

// now is the parameter p_now of the functions: the latest time that it may be.
// The database's clock decides up to that.
func (s *Store) now() *int64 {
	now := time.Now().Add(history.MaxAhead).Unix()
	if s.clock != nil {
		now = max(0, s.clock().Unix())
	}
	return &now
}

var _ history.Mender = (*Store)(nil)

// Mend implements history.Mender.
func (s *Store) Mend(ctx context.Context, room int32) (entries int64, err error) {
	err = s.query(ctx, s.writes, "mend the room", func(r row) error { return r.Scan(&entries) }, `SELECT mend_room($1, $2)`, room, s.now())
	return entries, err
}

// Append stores posts; see history.Store.
func (s *Store) Append(ctx context.Context, entries []talk.Entry) ([]history.Result, error) {
	results := make([]history.Result, len(entries))
	err := history.Batch{
		Len:    len(entries),
		Check:  func(i int) error { return history.CheckEntry(&entries[i]) },
		Apply:  func(indices []int) error { return s.appendEntries(ctx, entries, indices, results) },
		Probe:  func(i int) error { return s.probeAppend(ctx, entries[i].RoomID) },
		Refuse: func(i int, err error) { results[i] = history.Result{Err: err} },
	}.Bisect()
	if err != nil {
		return nil, err
	}
	return results, nil
}

func (s *Store) appendEntries(ctx context.Context, entries []talk.Entry, indices []int, results []history.Result) error {
	n, at := len(indices), func(i int) *talk.Entry { return &entries[indices[i]] }
	scan := func(r row) error {
		var ordinal int
		var result history.Result
		if err := r.Scan(&ordinal, &result.Seq, &result.UnixTime, &result.Repeat); err != nil {
			return err
		}
		results[indices[ordinal-1]] = result
		return nil
	}
	return s.query(ctx, s.writes, "append", scan, appendQuery, s.appendArgs(n, at)...)
}

const appendQuery = `SELECT * FROM append_entries($1, $2, $3, $4, $5, $6, $7)`

func (s *Store) appendArgs(n int, at func(i int) *talk.Entry) []any {
	return []any{
		array(n, func(i int) int32 { return at(i).RoomID }),
		uuids(n, func(i int) talk.UUID { return at(i).Author }),
		uuids(n, func(i int) talk.UUID { return at(i).ID }),
		array(n, func(i int) string { return at(i).Name }),
		array(n, func(i int) string { return at(i).Text }),
		array(n, func(i int) int64 { return int64(at(i).SentAt) }),
		s.now(),
	}
}

// probeAppend tells whether the room would take a post now.
func (s *Store) probeAppend(ctx context.Context, room int32) error {
	e := history.ProbeEntry(room)
	return s.probe(ctx, appendQuery, s.appendArgs(1, func(int) *talk.Entry { return &e })...)
}

// probe runs a statement that writes, with all that happens at the end of a
// transaction, and takes it back.
func (s *Store) probe(ctx context.Context, sql string, args ...any) error {
	if err := s.preparing.away("probe"); err != nil {
		return err
	}
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return failed("probe", s.writes.with(ctx, func(conn *pgx.Conn) error {
		tx, err := conn.Begin(ctx)
		if err != nil {
			return err
		}
		defer tx.Rollback(ctx) // if it fails, the connection is lost, and the transaction with it
		if _, err := tx.Exec(ctx, sql, args...); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `SET CONSTRAINTS ALL IMMEDIATE`)
		return err
	}))
}

// Check writes a row of its own and commits.
func (s *Store) Check(ctx context.Context) error {
	_, err := s.exec(ctx, "check the store", `INSERT INTO probes (slot, value) VALUES ($1, 1)
		ON CONFLICT (slot) DO UPDATE SET value = probes.value + 1`, s.slot)
	return err
}
