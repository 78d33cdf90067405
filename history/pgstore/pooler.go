package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// errUnusable: this program can never work with the database as it is, whatever is tried.
var errUnusable = errors.New("the database cannot be used as it is")

// errTransactionPooling: the pooler keeps no connection at its server process.
var errTransactionPooling = fmt.Errorf("%w: %s", errUnusable, transactionPooling)

// errNoSecond: the pooler gives no second server connection now.
var errNoSecond = errors.New("no second connection")

const (
	transactionPooling = "a pooler in transaction or statement mode is between this gateway and PostgreSQL, and gives each transaction another server process, in which prepared statements and settings are missing: set pool_mode = session for this database (PgBouncer), or name PostgreSQL itself in -store"
	poolTooSmall       = "the pooler between this gateway and PostgreSQL has no second server connection now: if that stays so, set default_pool_size (PgBouncer) to 19 for each gateway at least, or name PostgreSQL itself in -store"
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
		if err := keeps(ctx, conn, first); err != nil {
			return err
		}
	}
	another, cancel := context.WithTimeout(ctx, poolerWait)
	defer cancel()
	other, err := p.Acquire(another)
	if err != nil {
		return noSecond(err)
	}
	defer other.Release()
	// A transaction keeps the process that is free: that of the first connection, if
	// that was given back.
	tx, err := other.Begin(another)
	if err != nil {
		return noSecond(err)
	}
	defer tx.Rollback(ctx) // if it fails, the connection is lost, and the transaction with it
	second, err := serverProcess(another, tx.Conn().PgConn())
	if err != nil {
		return noSecond(err)
	}
	if second == first {
		return errTransactionPooling
	}
	return keeps(another, conn, first)
}

// keeps tells whether a connection has the server process that it had. An error on the way,
// as of a server that restarts, says nothing of the pooler.
func keeps(ctx context.Context, conn *pgxpool.Conn, first uint32) error {
	now, err := serverProcess(ctx, conn.Conn().PgConn())
	if err == nil && now != first {
		return errTransactionPooling
	}
	return err
}

// noSecond is why there is no second connection. One that waits in vain is told so in many
// ways, all of which may pass: other gateways that start have the rest of the pool.
func noSecond(err error) error {
	var pe *pgconn.PgError
	switch {
	case errors.As(err, &pe) && strings.Contains(pe.Message, "statement pooling"): // PgBouncer, of a transaction
		return errTransactionPooling
	case pe != nil:
		return err
	}
	return fmt.Errorf("%w: %w", errNoSecond, err)
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
