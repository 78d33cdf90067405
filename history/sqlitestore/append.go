package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// Append stores posts; see history.Store.
func (s *Store) Append(ctx context.Context, entries []talk.Entry) ([]history.Result, error) {
	results := make([]history.Result, len(entries))
	err := history.Batch{
		Len:    len(entries),
		Check:  func(i int) error { return history.CheckEntry(&entries[i]) },
		Apply:  func(indices []int) error { return s.appendEntries(ctx, entries, indices, results) },
		Probe:  func(i int) error { return s.probeAppend(ctx, entries[i].RoomID) },
		Refuse: func(i int, err error) { results[i] = history.Result{Err: err} },
	}.Bisect()
	if err != nil {
		return nil, err
	}
	return results, nil
}

func (s *Store) appendEntries(ctx context.Context, entries []talk.Entry, indices []int, results []history.Result) error {
	return s.write(ctx, "append", func(ctx context.Context) error {
		tx := s.newTransaction()
		for _, i := range indices {
			var err error
			if results[i], err = tx.post(ctx, entries[i]); err != nil {
				return err
			}
		}
		return tx.save(ctx)
	})
}

// errProbed ends a transaction that has shown what it was for.
var errProbed = errors.New("only a probe")

// probeAppend tells whether the room would take a post now.
func (s *Store) probeAppend(ctx context.Context, roomID int32) error {
	return s.probe(ctx, func(ctx context.Context, tx *transaction) error {
		_, err := tx.post(ctx, history.ProbeEntry(roomID))
		return err
	})
}

// probe does something in a transaction and takes it back.
func (s *Store) probe(ctx context.Context, do func(context.Context, *transaction) error) error {
	err := s.write(ctx, "probe", func(ctx context.Context) error {
		tx := s.newTransaction()
		if err := do(ctx, tx); err != nil {
			return err
		}
		if err := tx.save(ctx); err != nil {
			return err
		}
		return errProbed
	})
	if errors.Is(err, errProbed) {
		return nil
	}
	return err
}

// room is a row of rooms.
type room struct {
	headSeq, lastTime, epochs, members, silent int64
	stored                                     bool // as it is here
}

// transaction is what one transaction knows about the rooms it touches. Only
// the owner of the turn has one.
type transaction struct {
	st    *statements
	now   int64 // unix seconds
	rooms map[int32]*room
	next  *newest
}

func (s *Store) newTransaction() *transaction {
	return &transaction{st: &s.st, now: max(0, s.options.Clock().Unix()), rooms: make(map[int32]*room), next: &s.next}
}

func (tx *transaction) room(ctx context.Context, id int32) (*room, error) {
	if r := tx.rooms[id]; r != nil {
		return r, nil
	}
	r := &room{stored: true}
	err := tx.st.loadRoom.QueryRowContext(ctx, id).Scan(&r.headSeq, &r.lastTime, &r.epochs, &r.members, &r.silent)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	tx.rooms[id] = r
	return r, nil
}

// save writes back the rooms that changed, at the end of the transaction.
func (tx *transaction) save(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(tx.rooms)) {
		r := tx.rooms[id]
		if r.stored {
			continue
		}
		if _, err := tx.st.saveRoom.ExecContext(ctx, id, r.headSeq, r.lastTime, r.epochs, r.members, r.silent); err != nil {
			return err
		}
		r.stored = true
		tx.next.roomID, tx.next.head, tx.next.epochs = id, r.headSeq, r.epochs
	}
	return nil
}

func (tx *transaction) post(ctx context.Context, e talk.Entry) (history.Result, error) {
	stored, err := tx.insert(ctx, &e)
	if err != nil || stored {
		return history.Result{Seq: e.Seq, UnixTime: e.UnixTime}, err
	}
	first, err := tx.find(ctx, e.RoomID, e.Author, e.ID)
	if err != nil {
		return history.Result{}, err
	}
	if first == nil {
		return history.Result{}, fmt.Errorf("%w: an id is known and its entry is not", history.ErrCorrupt)
	}
	return history.Result{Seq: first.Seq, UnixTime: first.UnixTime, Repeat: true}, nil
}

// insert gives e the room's next seq and the time, and stores it unless the
// room knows its id.
func (tx *transaction) insert(ctx context.Context, e *talk.Entry) (stored bool, err error) {
	r, err := tx.room(ctx, e.RoomID)
	if err != nil {
		return false, err
	}
	seq := r.headSeq + 1
	now, err := tx.nextTime(ctx, e.RoomID, r)
	if err != nil {
		return false, err
	}
	res, err := tx.st.insertEntry.ExecContext(ctx, e.RoomID, seq, e.Author[:], e.ID[:],
		int64(e.Kind), e.Name, e.Text, now, int64(e.SentAt))
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	r.headSeq, r.lastTime, r.stored = seq, now, false
	e.Seq, e.UnixTime = seq, uint64(now)
	return true, nil
}

// nextTime is the time of a room's next entry: the clock's, but never earlier than
// that of the entry before. Where that one is far ahead of the clock, a second is
// full at some time, so that none grows for ever.
func (tx *transaction) nextTime(ctx context.Context, roomID int32, r *room) (int64, error) {
	if r.lastTime <= tx.now+int64(history.MaxAhead/time.Second) {
		return max(tx.now, r.lastTime), nil
	}
	var first int64
	err := tx.st.firstOfSecond.QueryRowContext(ctx, roomID, r.lastTime).Scan(&first)
	if errors.Is(err, sql.ErrNoRows) {
		return r.lastTime, nil
	}
	return r.lastTime + (r.headSeq+1-first)/history.FullSecond, err
}

// find returns the entry with this id, nil for none.
func (tx *transaction) find(ctx context.Context, roomID int32, author, id talk.UUID) (*talk.Entry, error) {
	e, err := scanEntry(tx.st.findEntry.QueryRowContext(ctx, roomID, author[:], id[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &e, nil
}
