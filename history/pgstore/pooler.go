package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// errUnusable: this program can never work with the database as it is, whatever is tried.
var errUnusable = errors.New("the database cannot be used as it is")

const (
	transactionPooling = "a pooler in transaction mode is between this gateway and PostgreSQL, and gives each transaction another server process, in which prepared statements and settings are missing: set pool_mode = session for this database (PgBouncer), or name PostgreSQL itself in -store"
	poolTooSmall       = "the pooler between this gateway and PostgreSQL has no second server connection: set default_pool_size (PgBouncer) to 19 for each gateway at least, or name PostgreSQL itself in -store"
)

// poolerWait is how long a pooler may take to find a server connection.
const poolerWait = 3 * time.Second

// checkPooler refuses one that does not keep a connection at its server process. It
// needs two connections of the pool where there is a pooler.
func (p pool) checkPooler(ctx context.Context) error {
	conn, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	first, err := serverProcess(ctx, conn.Conn().PgConn())
	if err != nil || first == conn.Conn().PgConn().PID() {
		return err // as PostgreSQL itself has told when the connection was made
	}
	for range 3 { // one that takes its server connections in turn changes them at once
		if now, err := serverProcess(ctx, conn.Conn().PgConn()); err != nil || now != first {
			return fmt.Errorf("%w: %s", errUnusable, transactionPooling)
		}
	}
	another, cancel := context.WithTimeout(ctx, poolerWait)
	defer cancel()
	other, err := p.Acquire(another)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", errUnusable, poolTooSmall, err)
	}
	defer other.Release()
	// A transaction keeps the process that is free: that of the first connection, if
	// that was given back.
	tx, err := other.Begin(another)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", errUnusable, poolTooSmall, err)
	}
	defer tx.Rollback(ctx) // if it fails, the connection is lost, and the transaction with it
	if _, err := serverProcess(another, tx.Conn().PgConn()); err != nil {
		return fmt.Errorf("%w: %s: %w", errUnusable, poolTooSmall, err)
	}
	if now, err := serverProcess(another, conn.Conn().PgConn()); err != nil || now != first {
		return fmt.Errorf("%w: %s", errUnusable, transactionPooling)
	}
	return nil
}

// serverProcess is the id of the process that serves a connection now.
func serverProcess(ctx context.Context, pc *pgconn.PgConn) (pid uint32, err error) {
	results, err := pc.Exec(ctx, `SELECT pg_backend_pid()`).ReadAll() // prepares nothing
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(string(results[0].Rows[0][0]), &pid)
	return pid, err
}
