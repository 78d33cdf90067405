package sqlitestore

import (
	"context"
	"database/sql"
	"errors"

	"tuitalk/history"
)

var _ history.Mender = (*Store)(nil)

const (
	// The times are those of pgstore's mend_room.
	firstAheadQuery = `SELECT e.seq, r.head_seq - e.seq + 1, (SELECT g.unixtime FROM entries g WHERE g.room_id = ?1 AND g.seq = e.seq - 1)
		FROM entries e JOIN rooms r ON r.room_id = e.room_id WHERE e.room_id = ?1 AND e.unixtime > ?2 ORDER BY e.unixtime, e.seq LIMIT 1`
	spreadQuery   = `UPDATE entries SET unixtime = ?3 + (?2 - ?3) * (seq - ?4 + 1) / ?5 WHERE room_id = ?1 AND seq >= ?4`
	lastTimeQuery = `UPDATE rooms SET last_time = ?2 WHERE room_id = ?1`
)

// Mend implements history.Mender.
func (s *Store) Mend(ctx context.Context, room int32) (entries int64, err error) {
	err = s.write(ctx, "mend the room", func(ctx context.Context) error {
		now := s.options.Clock().Unix()
		var first int64
		var good sql.NullInt64
		err := s.conn.QueryRowContext(ctx, firstAheadQuery, room, now).Scan(&first, &entries, &good)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if !good.Valid {
			good.Int64 = max(0, now-entries)
		}
		if _, err := s.conn.ExecContext(ctx, spreadQuery, room, now, good.Int64, first, entries); err != nil {
			return err
		}
		_, err = s.conn.ExecContext(ctx, lastTimeQuery, room, now)
		return err
	})
	if err != nil {
		return 0, err
	}
	return entries, nil
}
