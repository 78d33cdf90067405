package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"tuitalk/history"
)

// busyMillis is how long SQLite waits for a lock of another program, say a
// backup. Within this package nobody waits for SQLite's locks.
const busyMillis = "5000"

// What a connection keeps of the file in memory. Those that read are many, and after
// each commit they must read anew what they kept.
const (
	writerCache = 16 << 20
	readerCache = 1 << 20
)

// MemoryBytes is about the most that a store with so many readers keeps in memory of
// its file.
func MemoryBytes(readers int) int64 { return writerCache + int64(readers)*readerCache }

// openPool opens a pool of connections to the database file, which exists.
// What holds for a file, not for a connection, is set by prepareFile.
func openPool(path string, conns int, readOnly bool) (*sql.DB, error) {
	cache := writerCache
	if readOnly {
		cache = readerCache
	}
	q := url.Values{
		"mode":          {"rw"},
		"_busy_timeout": {busyMillis},
		"_synchronous":  {"FULL"},
		"_dqs":          {"0"},
		"_defensive":    {"1"},
		"_error_rc":     {"1"},
		"_pragma":       {fmt.Sprintf("cache_size(-%d)", cache>>10), "temp_store(MEMORY)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)"},
	}
	if readOnly {
		q.Set("_query_only", "1")
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// failed says what an error of SQLite means to the callers of a Store.
func failed(op string, err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{history.ErrBadEntry, history.ErrUnavailable, history.ErrCorrupt, history.ErrSchema} {
		if errors.Is(err, known) {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
	return fmt.Errorf("%s: %w: %w", op, meaning(err), err)
}

func meaning(err error) error {
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return history.ErrUnavailable // the context ended, or the store is closed
	}
	return meaningOf(se.Code())
}

func meaningOf(code int) error {
	if m, ok := meanings[code]; ok {
		return m
	}
	if m, ok := meanings[code&0xff]; ok {
		return m
	}
	return history.ErrUnavailable
}

// meanings tell what a result code, or the lower byte of an extended one, says
// to the callers of a Store; what is not listed (FULL, IOERR, READONLY, BUSY,
// NOMEM, …) is ErrUnavailable.
//
// ErrBadEntry here is a suspicion only: history.Batch sees whether the database
// takes another entry before it refuses one.
var meanings = map[int]error{
	sqlite3.SQLITE_CONSTRAINT: history.ErrBadEntry,
	sqlite3.SQLITE_TOOBIG:     history.ErrBadEntry,
	sqlite3.SQLITE_MISMATCH:   history.ErrBadEntry,

	// Each key is looked up, or made from a counter, before it is inserted.
	sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: history.ErrCorrupt,
	sqlite3.SQLITE_CONSTRAINT_UNIQUE:     history.ErrCorrupt,
	sqlite3.SQLITE_CONSTRAINT_ROWID:      history.ErrCorrupt,

	sqlite3.SQLITE_CORRUPT:         history.ErrCorrupt,
	sqlite3.SQLITE_NOTADB:          history.ErrCorrupt,
	sqlite3.SQLITE_IOERR_CORRUPTFS: history.ErrCorrupt,
	sqlite3.SQLITE_IOERR_DATA:      history.ErrCorrupt,
}

// noTransaction tells whether err is SQLite's answer to a ROLLBACK after it has
// rolled back by itself, as it does when the disk is full.
func noTransaction(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) && se.Code() == sqlite3.SQLITE_ERROR
}

// statements are prepared once, on the one connection that writes. They must
// be closed before it: SQLite keeps a connection alive that has any.
type statements struct {
	all []*sql.Stmt

	begin, commit, rollback *sql.Stmt

	loadRoom, saveRoom               *sql.Stmt
	insertEntry, findEntry           *sql.Stmt
	firstOfSecond                    *sql.Stmt
	findSession, saveSession         *sql.Stmt
	deleteSession, breakSession      *sql.Stmt
	otherSession                     *sql.Stmt
	findMember, insertMember         *sql.Stmt
	renameMember, deleteMember       *sql.Stmt
	tellMembers                      *sql.Stmt
	nextBeat, saveLease, deleteLease *sql.Stmt
	breakGateway, probe              *sql.Stmt
	takeTurn, forgetTurns            *sql.Stmt
}

func (st *statements) prepare(ctx context.Context, conn *sql.Conn) error {
	for _, p := range []struct {
		to  **sql.Stmt
		sql string
	}{
		{&st.begin, `BEGIN IMMEDIATE`},
		{&st.commit, `COMMIT`},
		{&st.rollback, `ROLLBACK`},

		{&st.loadRoom, `SELECT head_seq, last_time, epochs, members, silent FROM rooms WHERE room_id = ?`},
		{&st.saveRoom, `INSERT INTO rooms (room_id, head_seq, last_time, epochs, members, silent) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (room_id) DO UPDATE SET head_seq = excluded.head_seq, last_time = excluded.last_time,
			epochs = excluded.epochs, members = excluded.members, silent = excluded.silent`},

		{&st.insertEntry, `INSERT INTO entries (room_id, seq, author, id, kind, name, body, unixtime, sent_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (room_id, author, id) DO NOTHING`},
		{&st.findEntry, `SELECT ` + entryColumns + ` FROM entries WHERE room_id = ? AND author = ? AND id = ?`},

		{&st.firstOfSecond, `SELECT seq FROM entries WHERE room_id = ? AND unixtime >= ? ORDER BY unixtime, seq LIMIT 1`},

		{&st.findSession, `SELECT gateway, epoch, entered, broken_at IS NOT NULL FROM sessions
			WHERE room_id = ? AND uuid = ? AND session = ?`},
		{&st.saveSession, `INSERT INTO sessions (room_id, uuid, session, gateway, epoch, entered, leave_id) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (room_id, uuid, session) DO UPDATE SET gateway = excluded.gateway, epoch = excluded.epoch,
			entered = excluded.entered, broken_at = NULL`},
		{&st.deleteSession, `DELETE FROM sessions WHERE room_id = ? AND uuid = ? AND session = ?`},
		{&st.breakSession, `UPDATE sessions SET broken_at = ? WHERE room_id = ? AND uuid = ? AND session = ? AND broken_at IS NULL`},
		{&st.otherSession, `SELECT EXISTS (SELECT 1 FROM sessions WHERE room_id = ? AND uuid = ?)`},

		{&st.findMember, `SELECT name, joined, silent FROM members WHERE room_id = ? AND uuid = ?`},
		{&st.insertMember, `INSERT INTO members (room_id, uuid, name, joined, silent) VALUES (?, ?, ?, ?, ?)`},
		{&st.renameMember, `UPDATE members SET name = ? WHERE room_id = ? AND uuid = ?`},
		{&st.deleteMember, `DELETE FROM members WHERE room_id = ? AND uuid = ?`},
		{&st.tellMembers, `UPDATE members SET silent = 0 WHERE room_id = ? AND silent = 1`},

		{&st.nextBeat, `UPDATE counters SET value = value + 1 WHERE name = 'beats' RETURNING value`},
		{&st.saveLease, `INSERT INTO leases (gateway, beat) SELECT ?, value FROM counters WHERE name = 'beats'
			ON CONFLICT (gateway) DO UPDATE SET beat = excluded.beat`},
		{&st.deleteLease, `DELETE FROM leases WHERE gateway = ?`},
		{&st.breakGateway, `UPDATE sessions SET broken_at = ? WHERE gateway = ? AND broken_at IS NULL`},
		{&st.takeTurn, `INSERT INTO turns (gateway, lane, turn, taken_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (gateway, lane) DO UPDATE SET turn = excluded.turn, taken_at = excluded.taken_at WHERE turn <= excluded.turn`},
		{&st.forgetTurns, `DELETE FROM turns WHERE taken_at < ?`},
		{&st.probe, `UPDATE counters SET value = value + 1 WHERE name = 'probes'`},
	} {
		s, err := conn.PrepareContext(ctx, p.sql)
		if err != nil {
			return err
		}
		*p.to = s
		st.all = append(st.all, s)
	}
	return nil
}

func (st *statements) close() error {
	var errs []error
	for _, s := range st.all {
		errs = append(errs, s.Close())
	}
	st.all = nil
	return errors.Join(errs...)
}
