package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"tuitalk/history"
	"tuitalk/talk"
)

const entryColumns = `room_id, seq, author, id, kind, name, body, unixtime, sent_at`

// queries are prepared for the pool that reads.
type queries struct {
	after, before, span         *sql.Stmt
	head, entryAt, room, listed *sql.Stmt
	leases, broken, sessions    *sql.Stmt
	windows                     *sql.Stmt
}

func (q *queries) prepare(ctx context.Context, db *sql.DB) error {
	for _, p := range []struct {
		to  **sql.Stmt
		sql string
	}{
		{&q.after, afterQuery},
		{&q.before, beforeQuery},
		{&q.span, spanQuery},
		{&q.head, `SELECT e.seq, e.id, e.unixtime FROM rooms r
			JOIN entries e ON e.room_id = r.room_id AND e.seq = r.head_seq WHERE r.room_id = ?`},
		{&q.entryAt, `SELECT seq, id, unixtime FROM entries WHERE room_id = ? AND seq = ?`},
		{&q.room, `SELECT r.head_seq, r.last_time, r.members, e.id FROM rooms r
			LEFT JOIN entries e ON e.room_id = r.room_id AND e.seq = r.head_seq WHERE r.room_id = ?`},
		{&q.listed, listedQuery},
		{&q.leases, `WITH RECURSIVE holders (gateway) AS (
				SELECT min(gateway) FROM sessions WHERE broken_at IS NULL
				UNION ALL
				SELECT (SELECT min(s.gateway) FROM sessions s WHERE s.broken_at IS NULL AND s.gateway > h.gateway)
				FROM holders h WHERE h.gateway IS NOT NULL)
			SELECT gateway, beat FROM leases
			UNION ALL
			SELECT h.gateway, 0 FROM holders h WHERE h.gateway IS NOT NULL AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.gateway = h.gateway)
			ORDER BY 1`},
		{&q.broken, brokenQuery},
		{&q.windows, windowsQuery},
		{&q.sessions, `WITH RECURSIVE k(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM k WHERE i+1 < ?2)
			SELECT k.i, s.gateway, s.epoch FROM k CROSS JOIN sessions s ON s.room_id = CAST(substr(?1, 43*k.i+33, 11) AS INTEGER)
			AND s.uuid = substr(?1, 43*k.i+1, 16) AND s.session = substr(?1, 43*k.i+17, 16)`},
	} {
		s, err := db.PrepareContext(ctx, p.sql)
		if err != nil {
			return err
		}
		*p.to = s
	}
	return nil
}

const (
	afterQuery  = `SELECT ` + entryColumns + ` FROM entries WHERE room_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3`
	beforeQuery = `SELECT ` + entryColumns + ` FROM entries WHERE room_id = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3`
	// From the start of the limit-th newest entry's second on. Seqs have no gap, so
	// that entry is found by its seq. Each of the three steps goes down one
	// index.
	spanQuery = `SELECT l.seq, (SELECT f.seq FROM entries f WHERE f.room_id = ?1 AND f.unixtime >=
			(SELECT e.unixtime FROM entries e WHERE e.room_id = ?1 AND e.seq = max(1, l.seq - ?3 + 1))
			ORDER BY f.unixtime, f.seq LIMIT 1)
		FROM (SELECT seq FROM entries WHERE room_id = ?1 AND unixtime < ?2 ORDER BY unixtime DESC, seq DESC LIMIT 1) l`
	listedQuery  = `SELECT uuid, name FROM members WHERE room_id = ?1 ORDER BY joined LIMIT ?2`
	windowsQuery = `SELECT s.room_id, s.uuid, s.session, s.gateway, s.epoch, s.leave_id, s.entered, m.name
		FROM sessions s JOIN members m ON m.room_id = s.room_id AND m.uuid = s.uuid
		WHERE s.uuid = ? ORDER BY s.room_id, s.session LIMIT ?`
	brokenQuery = `SELECT room_id, uuid, session, gateway, epoch, leave_id FROM sessions WHERE broken_at IS NOT NULL
		AND (room_id, uuid, session) > (?1, ?2, ?3) ORDER BY room_id, uuid, session LIMIT ?4`
)

// scanUUID reads a blob of 16 bytes.
type scanUUID talk.UUID

func (u *scanUUID) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok || len(b) != len(u) {
		return fmt.Errorf("%w: a uuid is not one", history.ErrCorrupt)
	}
	copy(u[:], b)
	return nil
}

type row interface{ Scan(...any) error }

func scanEntry(r row) (e talk.Entry, err error) {
	err = r.Scan(&e.RoomID, &e.Seq, (*scanUUID)(&e.Author), (*scanUUID)(&e.ID), &e.Kind, &e.Name, &e.Text, &e.UnixTime, &e.SentAt)
	return e, err
}

// collect runs a query and reads all its rows.
func collect[T any](ctx context.Context, q *sql.Stmt, scan func(row) (T, error), args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// readFailed is failed for reading: it also notes damage.
func (s *Store) readFailed(op string, err error) error {
	err = failed(op, err)
	s.noteDamage(err)
	return err
}

// After reads entries behind a seq; see history.Store.
func (s *Store) After(ctx context.Context, room int32, after int64, limit int) ([]talk.Entry, error) {
	if limit <= 0 {
		return nil, nil
	}
	entries, err := collect(ctx, s.queries.after, scanEntry, room, after, limit)
	return entries, s.readFailed("read entries", err)
}

// Before reads entries before a seq; see history.Store.
func (s *Store) Before(ctx context.Context, room int32, before int64, limit int) ([]talk.Entry, bool, error) {
	if limit <= 0 {
		return nil, false, nil
	}
	if before <= 0 {
		before = 1<<63 - 1
	}
	entries, err := collect(ctx, s.queries.before, scanEntry, room, before, limit)
	slices.Reverse(entries)
	return history.Page(entries, s.readFailed("read entries", err))
}

// SpanBefore finds a page by whole seconds; see history.Store.
func (s *Store) SpanBefore(ctx context.Context, room int32, before uint64, limit int) (first, last int64, err error) {
	before = min(before, 1<<63-1)
	err = s.queries.span.QueryRowContext(ctx, room, int64(before), max(1, limit)).Scan(&last, &first)
	if errors.Is(err, sql.ErrNoRows) {
		return 1, 0, nil
	}
	if err != nil {
		return 0, 0, s.readFailed("read a span", err)
	}
	return first, last, nil
}

// Heads reads the heads of rooms; see history.Store.
func (s *Store) Heads(ctx context.Context, rooms []int32) ([]history.Head, error) {
	heads := make([]history.Head, len(rooms))
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		head := tx.StmtContext(ctx, s.queries.head)
		for i, id := range rooms {
			var err error
			if heads[i], err = scanHead(head.QueryRowContext(ctx, id)); err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, s.readFailed("read heads", err)
	}
	return heads, nil
}

// Room reads a room; see history.Store.
func (s *Store) Room(ctx context.Context, room int32, listed int) (history.Room, error) {
	var r history.Room
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		var id []byte
		err := tx.StmtContext(ctx, s.queries.room).QueryRowContext(ctx, room).Scan(&r.HeadSeq, &r.HeadTime, &r.Count, &id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.HeadSeq > 0 {
			if err := (*scanUUID)(&r.HeadID).Scan(id); err != nil {
				return err
			}
		}
		r.Members, err = collect(ctx, tx.StmtContext(ctx, s.queries.listed), scanMember, room, max(0, listed))
		return err
	})
	if err != nil {
		return history.Room{}, s.readFailed("read the room", err)
	}
	return r, nil
}

func scanMember(r row) (m talk.Member, err error) {
	err = r.Scan((*scanUUID)(&m.UUID), &m.Username)
	return m, err
}

// EntryAt reads what names an entry; see history.Store.
func (s *Store) EntryAt(ctx context.Context, room int32, seq int64) (entry history.Head, ok bool, err error) {
	entry, err = scanHead(s.queries.entryAt.QueryRowContext(ctx, room, seq))
	if errors.Is(err, sql.ErrNoRows) {
		return history.Head{}, false, nil
	}
	return entry, err == nil, s.readFailed("read an entry's name", err)
}

func scanHead(r row) (h history.Head, err error) {
	err = r.Scan(&h.Seq, (*scanUUID)(&h.ID), &h.UnixTime)
	return h, err
}

// snapshot reads several statements as of one moment.
func (s *Store) snapshot(ctx context.Context, read func(*sql.Tx) error) error {
	tx, err := s.reads.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return read(tx)
}
