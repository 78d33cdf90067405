package pgstore

import (
	"context"
	"math"
	"slices"

	"tuitalk/history"
	"tuitalk/talk"
)

const (
	entryColumns = `room_id, seq, author, id, kind, name, body, unixtime, sent_at`
	afterQuery   = `SELECT ` + entryColumns + ` FROM entries WHERE room_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`
	beforeQuery  = `SELECT ` + entryColumns + ` FROM entries WHERE room_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3`
	// From the start of the limit-th newest entry's second on. Seqs have no gap, so
	// that entry is found by its seq. Each of the three steps goes down one index: kind,
	// which is not in entries_times, keeps PostgreSQL from reading all of a room there.
	spanQuery = `SELECT l.seq, (SELECT f.seq FROM entries f WHERE f.room_id = $1 AND f.unixtime >=
			(SELECT e.unixtime FROM entries e WHERE e.room_id = $1 AND e.seq = greatest(1, l.seq - $3::bigint + 1)
				AND e.kind >= 0)
			ORDER BY f.unixtime, f.seq LIMIT 1)
		FROM (SELECT seq FROM entries WHERE room_id = $1 AND unixtime < $2 ORDER BY unixtime DESC, seq DESC LIMIT 1) l`
	headsQuery = `SELECT q.n, e.seq, e.id, e.unixtime FROM unnest($1::int[]) WITH ORDINALITY AS q (room_id, n)
		JOIN rooms r ON r.room_id = q.room_id JOIN entries e ON e.room_id = r.room_id AND e.seq = r.head_seq`
	entryAtQuery = `SELECT seq, id, unixtime FROM entries WHERE room_id = $1 AND seq = $2`
	roomQuery    = `SELECT r.head_seq, r.last_time, r.members,
		(SELECT e.id FROM entries e WHERE e.room_id = r.room_id AND e.seq = r.head_seq), m.uuids, m.names
		FROM rooms r, LATERAL (SELECT array_agg(l.uuid ORDER BY l.joined) AS uuids, array_agg(l.name ORDER BY l.joined) AS names
			FROM (SELECT uuid, name, joined FROM members WHERE members.room_id = r.room_id ORDER BY joined LIMIT $2) l) m
		WHERE r.room_id = $1`
)

// entries runs a query for entries.
func (s *Store) entries(ctx context.Context, sql string, args ...any) (entries []talk.Entry, err error) {
	err = s.query(ctx, s.reads, "read entries", func(r row) error {
		var e talk.Entry
		if err := r.Scan(&e.RoomID, &e.Seq, uuid(&e.Author), uuid(&e.ID), &e.Kind, &e.Name, &e.Text, &e.UnixTime, &e.SentAt); err != nil {
			return err
		}
		entries = append(entries, e)
		return nil
	}, sql, args...)
	return entries, err
}

// After reads entries behind a seq; see history.Store.
func (s *Store) After(ctx context.Context, room int32, after int64, limit int) ([]talk.Entry, error) {
	if limit <= 0 {
		return nil, nil
	}
	return s.entries(ctx, afterQuery, room, after, limit)
}

// Before reads entries before a seq; see history.Store.
func (s *Store) Before(ctx context.Context, room int32, before int64, limit int) ([]talk.Entry, bool, error) {
	if limit <= 0 {
		return nil, false, nil
	}
	if before <= 0 {
		before = math.MaxInt64
	}
	entries, err := s.entries(ctx, beforeQuery, room, before, limit)
	slices.Reverse(entries)
	return history.Page(entries, err)
}

// SpanBefore finds a page by whole seconds; see history.Store.
func (s *Store) SpanBefore(ctx context.Context, room int32, before uint64, limit int) (first, last int64, err error) {
	first = 1
	err = s.query(ctx, s.reads, "read a span", func(r row) error {
		return r.Scan(&last, &first)
	}, spanQuery, room, int64(min(before, math.MaxInt64)), int64(max(1, limit)))
	return first, last, err
}

// Heads reads the heads of rooms; see history.Store.
func (s *Store) Heads(ctx context.Context, rooms []int32) ([]history.Head, error) {
	heads := make([]history.Head, len(rooms))
	err := s.query(ctx, s.reads, "read heads", func(r row) error {
		var n int
		var head history.Head
		if err := r.Scan(&n, &head.Seq, uuid(&head.ID), &head.UnixTime); err != nil {
			return err
		}
		heads[n-1] = head
		return nil
	}, headsQuery, array(len(rooms), func(i int) int32 { return rooms[i] }))
	if err != nil {
		return nil, err
	}
	return heads, nil
}

// Room reads a room, in one statement and so as of one moment; see history.Store.
func (s *Store) Room(ctx context.Context, room int32, listed int) (history.Room, error) {
	var found history.Room
	err := s.query(ctx, s.reads, "read the room", func(r row) error {
		var id *[16]byte
		var members [][16]byte
		var names []string
		if err := r.Scan(&found.HeadSeq, &found.HeadTime, &found.Count, &id, &members, &names); err != nil {
			return err
		}
		if id != nil {
			found.HeadID = *id
		}
		for i, name := range names {
			found.Members = append(found.Members, talk.Member{UUID: members[i], Username: name})
		}
		return nil
	}, roomQuery, room, max(0, listed))
	if err != nil {
		return history.Room{}, err
	}
	return found, nil
}

// EntryAt reads what names an entry; see history.Store.
func (s *Store) EntryAt(ctx context.Context, room int32, seq int64) (entry history.Head, ok bool, err error) {
	err = s.query(ctx, s.reads, "read an entry's name", func(r row) error {
		ok = true
		return r.Scan(&entry.Seq, uuid(&entry.ID), &entry.UnixTime)
	}, entryAtQuery, room, seq)
	return entry, ok && err == nil, err
}
