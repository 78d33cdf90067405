package sqlitestore

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"tuitalk/history"
	"tuitalk/talk"
)

// Renew moves on the lease of a gateway; see history.Store.
func (s *Store) Renew(ctx context.Context, gateway talk.UUID) error {
	return s.write(ctx, "renew the lease", func(ctx context.Context) error {
		if err := s.st.nextBeat.QueryRowContext(ctx).Scan(&s.next.beat); err != nil {
			return err
		}
		_, err := s.st.saveLease.ExecContext(ctx, gateway[:])
		return err
	})
}

// Leases lists the gateways; see history.Store.
func (s *Store) Leases(ctx context.Context) ([]history.Lease, error) {
	leases, err := collect(ctx, s.queries.leases, func(r row) (l history.Lease, err error) {
		err = r.Scan((*scanUUID)(&l.Gateway), &l.Beat)
		return l, err
	})
	return leases, s.readFailed("read leases", err)
}

// Retire ends a gateway; see history.Store.
func (s *Store) Retire(ctx context.Context, gateway talk.UUID) error {
	return s.write(ctx, "retire a gateway", func(ctx context.Context) error {
		now := s.options.Clock()
		if _, err := s.st.breakGateway.ExecContext(ctx, now.Unix(), gateway[:]); err != nil {
			return err
		}
		if _, err := s.st.forgetTurns.ExecContext(ctx, now.Add(-history.TurnsKept).Unix()); err != nil {
			return err
		}
		_, err := s.st.deleteLease.ExecContext(ctx, gateway[:])
		return err
	})
}

// Broken lists sessions without a connection; see history.Store.
func (s *Store) Broken(ctx context.Context, behind history.SessionKey, limit int) ([]history.Session, error) {
	if limit <= 0 {
		return nil, nil
	}
	// A zero key means from the start, also of the rooms with negative numbers.
	room := int64(behind.RoomID)
	if behind == (history.SessionKey{}) {
		room = -1 << 31
	}
	sessions, err := collect(ctx, s.queries.broken, func(r row) (b history.Session, err error) {
		err = r.Scan(&b.RoomID, (*scanUUID)(&b.UUID), (*scanUUID)(&b.Session), (*scanUUID)(&b.Gateway), &b.Epoch, (*scanUUID)(&b.LeaveID))
		return b, err
	}, room, behind.UUID[:], behind.Session[:], limit)
	return sessions, s.readFailed("read broken sessions", err)
}

// Sessions looks sessions up; see history.Store.
func (s *Store) Sessions(ctx context.Context, keys []history.SessionKey) ([]history.Session, error) {
	found := make([]history.Session, len(keys))
	if len(keys) == 0 {
		return found, nil
	}
	var list []byte // of records, which the query takes apart
	for i, k := range keys {
		found[i].SessionKey = k
		list = append(list, k.UUID[:]...)
		list = append(list, k.Session[:]...)
		list = fmt.Appendf(list, "%11d", k.RoomID)
	}
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		_, err := collect(ctx, tx.StmtContext(ctx, s.queries.sessions), func(r row) (_ struct{}, err error) {
			var i int
			var gateway talk.UUID
			var epoch int64
			if err = r.Scan(&i, (*scanUUID)(&gateway), &epoch); err == nil {
				found[i].Gateway, found[i].Epoch = gateway, epoch
			}
			return struct{}{}, err
		}, list, len(keys))
		return err
	})
	if err != nil {
		return nil, s.readFailed("read sessions", err)
	}
	return found, nil
}

// Windows lists all sessions of users; see history.Store.
func (s *Store) Windows(ctx context.Context, users []talk.UUID) (windows []history.Window, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) error {
		of := tx.StmtContext(ctx, s.queries.windows)
		users = slices.SortedFunc(slices.Values(users), func(a, b talk.UUID) int { return bytes.Compare(a[:], b[:]) })
		for _, uuid := range slices.Compact(users) {
			more, err := collect(ctx, of, func(r row) (w history.Window, err error) {
				err = r.Scan(&w.RoomID, (*scanUUID)(&w.UUID), (*scanUUID)(&w.Session.Session), (*scanUUID)(&w.Gateway), &w.Epoch,
					(*scanUUID)(&w.LeaveID), (*scanUUID)(&w.Entered), &w.Name)
				return w, err
			}, uuid[:], history.MaxWindows-len(windows))
			if err != nil {
				return err
			}
			windows = append(windows, more...)
		}
		return nil
	})
	return windows, s.readFailed("read the windows of users", err)
}
