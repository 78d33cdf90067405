package pgstore

import (
	"context"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// Move applies changes of presence; see history.Store.
func (s *Store) Move(ctx context.Context, moves []history.Move) ([]history.Moved, error) {
	results := make([]history.Moved, len(moves))
	err := history.Batch{
		Len:    len(moves),
		Check:  func(i int) error { return history.CheckMove(&moves[i]) },
		Apply:  func(indices []int) error { return s.applyMoves(ctx, moves, indices, results) },
		Probe:  func(i int) error { return s.probeMove(ctx, moves[i].Key.RoomID) },
		Refuse: func(i int, err error) { results[i] = history.Moved{Err: err} },
	}.Bisect()
	if err != nil {
		return nil, err
	}
	return results, nil
}

func (s *Store) applyMoves(ctx context.Context, moves []history.Move, indices []int, results []history.Moved) error {
	n, at := len(indices), func(i int) *history.Move { return &moves[indices[i]] }
	scan := func(r row) error {
		var ordinal int
		var moved history.Moved
		var told struct {
			kind             *int16
			name, text       *string
			seq, unixSeconds *int64
		}
		if err := r.Scan(&ordinal, &moved.Applied, &moved.Epoch, &moved.First, &moved.Members,
			&told.kind, &told.name, &told.text, &told.seq, &told.unixSeconds); err != nil {
			return err
		}
		m := at(ordinal - 1)
		if m.Action == history.Enter && moved.Applied {
			moved.Name = *told.name
		}
		if told.seq != nil {
			moved.Entry = &talk.Entry{Kind: talk.Kind(*told.kind), RoomID: m.Key.RoomID, Author: m.Key.UUID, Name: *told.name,
				Text: *told.text, UnixTime: uint64(*told.unixSeconds), ID: m.EntryID, Seq: *told.seq}
		}
		results[indices[ordinal-1]] = moved
		return nil
	}
	return s.query(ctx, s.writes, "move", scan, moveQuery, s.moveArgs(n, at)...)
}

const moveQuery = `SELECT * FROM move_in_turn($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`

func (s *Store) moveArgs(n int, at func(i int) *history.Move) []any {
	turn := &at(0).Turn
	return []any{
		uuid(&turn.Gateway), turn.Lane, turn.Number,
		array(n, func(i int) int16 { return actionOf(at(i)) }),
		array(n, func(i int) int32 { return at(i).Key.RoomID }),
		uuids(n, func(i int) talk.UUID { return at(i).Key.UUID }),
		uuids(n, func(i int) talk.UUID { return at(i).Key.Session }),
		uuids(n, func(i int) talk.UUID { return at(i).Gateway }),
		array(n, func(i int) string { return at(i).Name }),
		array(n, func(i int) int64 { return at(i).Epoch }),
		array(n, func(i int) int64 { return int64(at(i).Quiet) }),
		uuids(n, func(i int) talk.UUID { return at(i).EntryID }),
		s.now(),
	}
}

// actionEnterKeeping is move_sessions' name for an Enter with KeepName.
const actionEnterKeeping = 4

func actionOf(m *history.Move) int16 {
	if m.Action == history.Enter && m.KeepName {
		return actionEnterKeeping
	}
	return int16(m.Action)
}

// probeMove tells whether the room would take a change of presence now.
func (s *Store) probeMove(ctx context.Context, room int32) error {
	m := history.ProbeMove(room)
	return s.probe(ctx, moveQuery, s.moveArgs(1, func(int) *history.Move { return &m })...)
}

// Renew moves on the lease of a gateway; see history.Store.
func (s *Store) Renew(ctx context.Context, gateway talk.UUID) error {
	return s.query(ctx, s.writes, "renew the lease", s.protection.scan, `INSERT INTO leases (gateway, beat) VALUES ($1, nextval('beats'))
		ON CONFLICT (gateway) DO UPDATE SET beat = greatest(excluded.beat, leases.beat) RETURNING `+protectionColumns, uuid(&gateway))
}

// leasesQuery goes from one gateway that has sessions to the next by their index,
// whatever their number.
const leasesQuery = `WITH RECURSIVE holders (gateway) AS (
		(SELECT gateway FROM sessions WHERE broken_at IS NULL ORDER BY gateway LIMIT 1)
		UNION ALL
		SELECT (SELECT s.gateway FROM sessions s WHERE s.broken_at IS NULL AND s.gateway > h.gateway ORDER BY s.gateway LIMIT 1)
		FROM holders h WHERE h.gateway IS NOT NULL)
	SELECT gateway, beat FROM leases
	UNION ALL
	SELECT h.gateway, 0 FROM holders h WHERE h.gateway IS NOT NULL AND NOT EXISTS (SELECT FROM leases l WHERE l.gateway = h.gateway)
	ORDER BY 1`

// Leases lists the gateways; see history.Store.
func (s *Store) Leases(ctx context.Context) (leases []history.Lease, err error) {
	err = s.query(ctx, s.reads, "read leases", func(r row) error {
		var l history.Lease
		if err := r.Scan(uuid(&l.Gateway), &l.Beat); err != nil {
			return err
		}
		leases = append(leases, l)
		return nil
	}, leasesQuery)
	return leases, err
}

// retireAtATime is how many sessions of a gateway are marked in one transaction.
const retireAtATime = 1000

// Retire ends a gateway; see history.Store. What an error leaves undone, a
// repeat does.
func (s *Store) Retire(ctx context.Context, gateway talk.UUID) error {
	for done := int64(1); done > 0; {
		scan := func(r row) error { return r.Scan(&done) }
		if err := s.query(ctx, s.writes, "retire a gateway", scan, `SELECT retire_sessions($1, $2, $3)`,
			uuid(&gateway), retireAtATime, s.now()); err != nil {
			return err
		}
	}
	if _, err := s.exec(ctx, "forget old turns", `DELETE FROM turns WHERE taken_at < clock_seconds($1) - $2`,
		s.now(), int64(history.TurnsKept/time.Second)); err != nil {
		return err
	}
	_, err := s.exec(ctx, "retire a gateway", `DELETE FROM leases WHERE gateway = $1`, uuid(&gateway))
	return err
}

const brokenQuery = `SELECT room_id, uuid, session, gateway, epoch, leave_id FROM sessions WHERE broken_at IS NOT NULL
	AND (room_id, uuid, session) > ($1, $2, $3) ORDER BY room_id, uuid, session LIMIT $4`

// Broken lists sessions without a connection; see history.Store.
func (s *Store) Broken(ctx context.Context, behind history.SessionKey, limit int) (sessions []history.Session, err error) {
	if limit <= 0 {
		return nil, nil
	}
	room := behind.RoomID
	if behind == (history.SessionKey{}) {
		room = -1 << 31 // from the start, also of the rooms with negative numbers
	}
	err = s.query(ctx, s.reads, "read broken sessions", func(r row) error {
		var b history.Session
		if err := r.Scan(&b.RoomID, uuid(&b.UUID), uuid(&b.Session), uuid(&b.Gateway), &b.Epoch, uuid(&b.LeaveID)); err != nil {
			return err
		}
		sessions = append(sessions, b)
		return nil
	}, brokenQuery, room, uuid(&behind.UUID), uuid(&behind.Session), limit)
	return sessions, err
}

const sessionsQuery = `SELECT q.n, s.gateway, s.epoch FROM unnest($1::int[], $2::uuid[], $3::uuid[])
	WITH ORDINALITY AS q (room_id, uuid, session, n), LATERAL (
		SELECT gateway, epoch FROM sessions r
		WHERE r.room_id = q.room_id AND r.uuid = q.uuid AND r.session = q.session LIMIT 1) s`

// Sessions looks sessions up; see history.Store.
func (s *Store) Sessions(ctx context.Context, keys []history.SessionKey) ([]history.Session, error) {
	found := make([]history.Session, len(keys))
	for i, k := range keys {
		found[i].SessionKey = k
	}
	err := s.query(ctx, s.reads, "read sessions", func(r row) error {
		var n int
		var f history.Session
		if err := r.Scan(&n, uuid(&f.Gateway), &f.Epoch); err != nil {
			return err
		}
		found[n-1].Gateway, found[n-1].Epoch = f.Gateway, f.Epoch
		return nil
	}, sessionsQuery, array(len(keys), func(i int) int32 { return keys[i].RoomID }),
		uuids(len(keys), func(i int) talk.UUID { return keys[i].UUID }),
		uuids(len(keys), func(i int) talk.UUID { return keys[i].Session }))
	if err != nil {
		return nil, err
	}
	return found, nil
}

const windowsQuery = `SELECT s.room_id, s.uuid, s.session, s.gateway, s.epoch, s.leave_id, s.entered, m.name
	FROM sessions s JOIN members m ON m.room_id = s.room_id AND m.uuid = s.uuid
	WHERE s.uuid = ANY ($1) ORDER BY s.uuid, s.room_id, s.session LIMIT $2`

// Windows lists all sessions of users; see history.Store.
func (s *Store) Windows(ctx context.Context, users []talk.UUID) (windows []history.Window, err error) {
	err = s.query(ctx, s.reads, "read the windows of users", func(r row) error {
		var w history.Window
		if err := r.Scan(&w.RoomID, uuid(&w.UUID), uuid(&w.Session.Session), uuid(&w.Gateway), &w.Epoch, uuid(&w.LeaveID),
			uuid(&w.Entered), &w.Name); err != nil {
			return err
		}
		windows = append(windows, w)
		return nil
	}, windowsQuery, uuids(len(users), func(i int) talk.UUID { return users[i] }), history.MaxWindows)
	return windows, err
}
