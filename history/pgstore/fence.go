package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Why a server is not used.
var (
	errReadOnly  = errors.New("the server is a standby, or may only be read")
	errOld       = errors.New("the server was the primary before another one was promoted")
	errNoStandby = errors.New("commits wait on this server: no synchronous standby is in step with it")
)

// primary is one life of a primary: from a start of the server, or a recovery
// from the crash of one of its processes, to the next one or its end.
type primary struct {
	timeline int64  // a promotion begins a new one, with a greater number
	started  string // when, and when it recovered, as the server tells it
}

// fence knows the primary of a Store's connections; see "Which server" in the
// package comment.
type fence struct {
	mu      sync.Mutex
	current primary // the last one that was seen able to commit
}

// primaryKey is where a connection keeps its primary.
const primaryKey = "tuitalk primary"

// lookPatience is how long a commit waits for a standby before its server is
// taken for one that cannot commit.
const lookPatience = time.Second

// lookQuery asks a server what it is: whether it may only be read, its server,
// and whether commits wait. They do where no synchronous standby is in step, or
// none has the last checkpoint yet, with which a recovery ends; and where one of
// our own role has been waiting for long, for whatever reason: a standby that is
// cut off is taken for lost only after wal_sender_timeout. A role without
// pg_read_all_stats sees that there are standbys and not how they are: for it any
// one will do.
//
// When one of its processes crashes, a server recovers without a new start, and
// throws its statistics away: those of the archiver tell when they were begun.
var lookQuery = fmt.Sprintf(`SELECT current_setting('transaction_read_only'),
	CASE WHEN pg_is_in_recovery() THEN '0' ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint::text END,
	concat(pg_postmaster_start_time(), ' ', (SELECT stats_reset FROM pg_stat_archiver)),
	current_setting('synchronous_standby_names') <> '' AND (
		NOT EXISTS (SELECT FROM pg_stat_replication WHERE coalesce(sync_state, 'sync') IN ('sync', 'quorum')
			AND coalesce(flush_lsn >= (SELECT checkpoint_lsn FROM pg_control_checkpoint()), true))
		OR EXISTS (SELECT FROM pg_stat_activity WHERE usename = current_user AND wait_event = 'SyncRep'
			AND query_start < clock_timestamp() - interval '%d ms'))`, lookPatience.Milliseconds())

// look asks the server at the other end of a new connection.
func look(ctx context.Context, pc *pgconn.PgConn) (found primary, waits bool, err error) {
	results, err := pc.Exec(ctx, lookQuery).ReadAll()
	if err != nil {
		return found, false, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 4 {
		return found, false, errors.New("the server does not tell what it is")
	}
	row := results[0].Rows[0]
	if string(row[0]) != "off" {
		return found, false, errReadOnly
	}
	found.started = string(row[2])
	found.timeline, err = strconv.ParseInt(string(row[1]), 10, 64)
	return found, string(row[3]) == "t", err
}

// admit tells whether a connection to a server may be used.
func (f *fence) admit(found primary, waits, reads bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case found.timeline < f.current.timeline:
		// nobody but an operator knows which of both it is
		return fmt.Errorf("%w: it is on timeline %d, and this gateway has used timeline %d; "+
			"if it is right all the same, restored from a backup or made anew, restart the gateways: each takes what it finds first",
			errOld, found.timeline, f.current.timeline)
	case waits && !(reads && found == f.current):
		return errNoStandby
	}
	f.current = found
	return nil
}

// validate is for the connections of a pool: those for reading, or the others.
// After an error pgconn tries the next server of the address.
func (f *fence) validate(reads bool) pgconn.ValidateConnectFunc {
	return func(ctx context.Context, pc *pgconn.PgConn) error {
		found, waits, err := look(ctx, pc)
		if err != nil {
			return err
		}
		pc.CustomData()[primaryKey] = found
		return f.admit(found, waits, reads)
	}
}

// holds tells whether a connection's server is the current one; it is closed if not.
func (f *fence) holds(_ context.Context, conn *pgx.Conn) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return conn.PgConn().CustomData()[primaryKey] == f.current, nil
}
