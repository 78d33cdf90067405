package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"tuitalk/history"
)

// Options of a Store. The zero value is the default.
type Options struct {
	// Clock gives the time of new entries. Default time.Now.
	Clock func() time.Time
	// Readers is how many connections read at the same time. Default 4.
	Readers int
	// CheckBytes is the size of file up to which Open reads all of it to find
	// damage (about 0.1 s for 10 MiB); of a greater one it checks the heads of
	// the rooms only. Default 64 MiB; negative: never.
	CheckBytes int64
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Readers <= 0 {
		o.Readers = 4
	}
	if o.CheckBytes == 0 {
		o.CheckBytes = 64 << 20
	}
	return o
}

var _ history.Store = (*Store)(nil)

// Store is a history.Store in one file.
type Store struct {
	options Options
	path    string
	lock    *lock
	clock   *clockWatch
	reads   *sql.DB
	queries queries

	// turn holds one token; whoever has taken it owns the fields below.
	turn   chan struct{}
	pool   *sql.DB // of one connection
	conn   *sql.Conn
	st     statements
	watch  watch
	newest newest // that is committed
	next   newest // of the transaction under way
	closed bool

	// damage is what was found to be corrupt, nil for nothing.
	damage atomic.Pointer[error]
}

// Open opens the store in the file at path, which it creates with mode 0600 if
// it is missing; its folder must exist. Errors: ErrInUse; history.ErrCorrupt;
// history.ErrSchema for a file of a newer or of another program; else a plain
// one that names the path.
func Open(path string, options Options) (*Store, error) {
	folder := filepath.Dir(path)
	path, err := prepareFile(path)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", folderRemedy(err, folder))
	}
	lock, err := lockDatabase(path)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	options = options.withDefaults()
	s := &Store{options: options, path: path, lock: lock, clock: newClockWatch(options.Clock, elapsed), watch: newWatch(path, lock.id), turn: make(chan struct{}, 1)}
	if err := s.open(context.Background()); err != nil {
		s.release()
		if errors.Is(err, history.ErrCorrupt) {
			return nil, fmt.Errorf("open the store: %s is damaged or is no database of this program; "+
				"restore it from a backup, or move it and what stands beside it away to start with an empty one: %w", path, err)
		}
		return nil, fmt.Errorf("open the store: %s: %w", path, err)
	}
	s.turn <- struct{}{}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := migrate(ctx, s.conn); err != nil {
		return failed("migrate", err)
	}
	if err := s.inspect(ctx); err != nil {
		return failed("check", err)
	}
	if err := s.st.prepare(ctx, s.conn); err != nil {
		return failed("prepare", err)
	}
	reads, err := openPool(s.path, s.options.Readers, true)
	if err != nil {
		return failed("open for reading", err)
	}
	s.reads = reads
	if err := s.queries.prepare(ctx, reads); err != nil {
		return failed("prepare", err)
	}
	if err := warm(ctx, reads, s.options.Readers); err != nil {
		return failed("open for reading", err)
	}
	s.watch.note()
	return failed("open", errors.Join(s.watch.check(), s.lock.writeHolder()))
}

// warm opens all connections of a pool now: one that is opened later would be to
// whatever has the name of the file then.
func warm(ctx context.Context, pool *sql.DB, conns int) error {
	for range conns {
		conn, err := pool.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
	}
	return nil
}

// connect opens the connection that writes and sets what holds for the file.
func (s *Store) connect(ctx context.Context) (err error) {
	if s.pool, err = openPool(s.path, 1, false); err != nil {
		return failed("connect", err)
	}
	if s.conn, err = s.pool.Conn(ctx); err != nil {
		return failed("connect", err)
	}
	var mode string
	if err := s.conn.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode); err != nil {
		return failed("switch to WAL", err)
	}
	if mode != "wal" {
		return fmt.Errorf("%w: this file system cannot hold it: a write-ahead log needs a local one", history.ErrUnavailable)
	}
	return nil
}

// Close waits for the write under way and closes the file. Methods called later
// return history.ErrUnavailable.
func (s *Store) Close() error {
	<-s.turn
	defer func() { s.turn <- struct{}{} }()
	if s.closed {
		return nil
	}
	s.closed = true
	return failed("close the store", s.release())
}

func (s *Store) release() error {
	var errs []error
	if s.reads != nil {
		errs = append(errs, s.reads.Close())
	}
	errs = append(errs, s.disconnect(), s.lock.release())
	return errors.Join(errs...)
}

// disconnect closes the connection that writes. The last one of a file empties
// the write-ahead log into it.
func (s *Store) disconnect() error {
	errs := []error{s.st.close()}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.pool != nil {
		errs = append(errs, s.pool.Close())
	}
	return errors.Join(errs...)
}

// write runs body in a transaction. After an error nothing of it is stored,
// except that after a failed commit nobody knows.
func (s *Store) write(ctx context.Context, op string, body func(context.Context) error) error {
	if err := ctx.Err(); err != nil { // also when the turn is there to be taken
		return failed(op, err)
	}
	select {
	case <-s.turn:
	case <-ctx.Done():
		return failed(op, ctx.Err())
	}
	defer func() { s.turn <- struct{}{} }()
	if s.closed {
		return fmt.Errorf("%s: %w: it is closed", op, history.ErrUnavailable)
	}
	if damage := s.damage.Load(); damage != nil {
		return fmt.Errorf("%s: %w", op, *damage)
	}
	err := failed(op, s.watched(context.WithoutCancel(ctx), body))
	s.noteDamage(err)
	return err
}

// watched runs a transaction. It is not said to be stored unless the files that it
// was written to still are where they were.
func (s *Store) watched(ctx context.Context, body func(context.Context) error) error {
	if err := s.sound(); err != nil {
		return err
	}
	s.next = s.newest
	err := s.transact(ctx, body)
	s.watch.note()
	if err != nil {
		return err
	}
	s.newest = s.next
	return s.watch.check()
}

func (s *Store) transact(ctx context.Context, body func(context.Context) error) error {
	if _, err := s.st.begin.ExecContext(ctx); err != nil {
		return s.rolledBack(ctx, err)
	}
	if err := body(ctx); err != nil {
		return s.rolledBack(ctx, err)
	}
	if _, err := s.st.commit.ExecContext(ctx); err != nil {
		return s.rolledBack(ctx, err)
	}
	return nil
}

// rolledBack ends a transaction that failed with err. If not even that is
// possible, it replaces the connection, which ends everything on it.
func (s *Store) rolledBack(ctx context.Context, err error) error {
	_, rerr := s.st.rollback.ExecContext(ctx)
	if rerr == nil || noTransaction(rerr) {
		return err
	}
	s.disconnect()
	s.watch.again()
	if werr := s.watch.check(); werr != nil {
		return errors.Join(err, werr) // it would be to another file
	}
	if cerr := s.connect(ctx); cerr != nil {
		return errors.Join(err, cerr)
	}
	return errors.Join(err, s.st.prepare(ctx, s.conn))
}

func (s *Store) noteDamage(err error) {
	if errors.Is(err, history.ErrCorrupt) {
		s.damage.CompareAndSwap(nil, &err)
	}
}

// Check writes and commits a counter.
func (s *Store) Check(ctx context.Context) error {
	return s.write(ctx, "check the store", func(ctx context.Context) error {
		_, err := s.st.probe.ExecContext(ctx)
		return err
	})
}
