package sqlitestore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"

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
	return s.write(ctx, "move", func(ctx context.Context) error {
		if late, err := s.isLate(ctx, moves[indices[0]].Turn); late || err != nil {
			return err
		}
		tx := s.newTransaction()
		for _, i := range indices {
			m := mover{transaction: tx, Move: moves[i]}
			if err := m.apply(ctx); err != nil {
				return err
			}
			m.result.Members = int(m.room.members)
			results[i] = m.result
		}
		return tx.save(ctx)
	})
}

// isLate tells whether a later turn was there already; else this one is the last.
func (s *Store) isLate(ctx context.Context, t history.Turn) (bool, error) {
	if t.Number == 0 {
		return false, nil
	}
	done, err := s.st.takeTurn.ExecContext(ctx, t.Gateway[:], t.Lane, t.Number, s.options.Clock().Unix())
	if err != nil {
		return false, err
	}
	changed, err := done.RowsAffected()
	return changed == 0, err
}

// probeMove tells whether the room would take a change of presence now.
func (s *Store) probeMove(ctx context.Context, roomID int32) error {
	return s.probe(ctx, func(ctx context.Context, tx *transaction) error {
		m := mover{transaction: tx, Move: history.ProbeMove(roomID)}
		return m.apply(ctx)
	})
}

// session is a row of sessions, nil for none.
type session struct {
	gateway, entered talk.UUID
	epoch            int64
	broken           bool
}

// member is a row of members, nil for none.
type member struct {
	name   string
	joined int64
	silent bool
}

// mover applies one Move.
type mover struct {
	*transaction
	history.Move
	room    *room
	session *session
	member  *member
	prior   *talk.Entry // what EntryID names
	result  history.Moved
}

func (m *mover) apply(ctx context.Context) error {
	if err := m.load(ctx); err != nil {
		return err
	}
	if m.prior != nil && !m.Action.Writes(m.prior.Kind) {
		return fmt.Errorf("%w: its id is that of another entry", history.ErrBadEntry)
	}
	switch m.Action {
	case history.Enter:
		if err := m.enter(ctx); err != nil {
			return err
		}
		if m.result.Applied {
			m.result.Name = m.Name
		}
		if e := m.result.Entry; e != nil && m.result.Applied {
			m.result.Name = e.Name
		}
		return m.endSilence(ctx)
	case history.Leave:
		if err := m.leave(ctx); err != nil {
			return err
		}
		return m.endSilence(ctx)
	case history.Break:
		return m.breakOff(ctx)
	default:
		return m.rename(ctx)
	}
}

func (m *mover) load(ctx context.Context) (err error) {
	key := &m.Key
	if m.room, err = m.transaction.room(ctx, key.RoomID); err != nil {
		return err
	}
	var s session
	err = m.st.findSession.QueryRowContext(ctx, key.RoomID, key.UUID[:], key.Session[:]).
		Scan((*scanUUID)(&s.gateway), &s.epoch, (*scanUUID)(&s.entered), &s.broken)
	if err == nil {
		m.session = &s
	} else if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var who member
	err = m.st.findMember.QueryRowContext(ctx, key.RoomID, key.UUID[:]).Scan(&who.name, &who.joined, &who.silent)
	if err == nil {
		m.member = &who
	} else if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if m.Action != history.Break {
		m.prior, err = m.find(ctx, key.RoomID, key.UUID, m.EntryID)
		return err
	}
	return nil
}

// current reports whether the move means the session as it is.
func (m *mover) current() bool {
	return m.session != nil && m.session.epoch == m.Epoch
}

// outdated reports whether a re-registration means a session that somebody else has
// entered since.
func (m *mover) outdated() bool {
	return m.Epoch > 0 && m.session != nil && m.session.epoch > m.Epoch
}

func (m *mover) enter(ctx context.Context) error {
	repeat := m.session != nil && m.session.entered == m.EntryID && m.session.gateway == m.Gateway
	if m.member != nil && (m.KeepName || repeat) {
		m.Name = m.member.name
	}
	m.result = history.Moved{Applied: true, Entry: m.prior}
	switch {
	case m.prior != nil && !repeat, !repeat && m.outdated():
		m.result.Applied = false
		return nil
	case repeat && !m.session.broken:
		m.result.Epoch = m.session.epoch
		m.result.First = m.member != nil && m.member.joined == m.session.epoch
		return nil
	}
	m.room.epochs++
	m.room.stored = false
	m.result.Epoch = m.room.epochs
	var leaveID [16]byte
	_, _ = rand.Read(leaveID[:]) // never fails, by its documentation
	if _, err := m.st.saveSession.ExecContext(ctx, m.Key.RoomID, m.Key.UUID[:], m.Key.Session[:],
		m.Gateway[:], m.room.epochs, m.EntryID[:], leaveID[:]); err != nil {
		return err
	}
	switch {
	case m.member == nil:
		return m.join(ctx)
	case repeat:
		return nil
	default:
		return m.setName(ctx, m.member.silent && m.quiet())
	}
}

// join makes the user a member.
func (m *mover) join(ctx context.Context) error {
	m.result.First = true
	m.room.members++
	silent := m.quiet()
	if _, err := m.st.insertMember.ExecContext(ctx, m.Key.RoomID, m.Key.UUID[:], m.Name, m.room.epochs, silent); err != nil {
		return err
	}
	if silent {
		m.room.silent++
		return nil
	}
	return m.tell(ctx, talk.Entry{Kind: talk.KindJoined, Name: m.Name})
}

func (m *mover) leave(ctx context.Context) error {
	if m.prior != nil {
		m.result = history.Moved{Applied: true, First: true, Entry: m.prior}
		return nil
	}
	if !m.current() {
		return nil
	}
	m.result.Applied = true
	if _, err := m.st.deleteSession.ExecContext(ctx, m.Key.RoomID, m.Key.UUID[:], m.Key.Session[:]); err != nil {
		return err
	}
	var others bool
	if err := m.st.otherSession.QueryRowContext(ctx, m.Key.RoomID, m.Key.UUID[:]).Scan(&others); err != nil || others {
		return err
	}
	return m.part(ctx)
}

// part ends the membership of a user whose last session has left.
func (m *mover) part(ctx context.Context) error {
	if m.member == nil {
		return fmt.Errorf("%w: a session is in a room without its user", history.ErrCorrupt)
	}
	m.result.First = true
	if _, err := m.st.deleteMember.ExecContext(ctx, m.Key.RoomID, m.Key.UUID[:]); err != nil {
		return err
	}
	if !m.member.silent || !m.quiet() {
		if err := m.tell(ctx, talk.Entry{Kind: talk.KindLeft, Name: m.member.name}); err != nil {
			return err
		}
	}
	m.room.members--
	if m.member.silent {
		m.room.silent--
	}
	m.room.stored = false
	return nil
}

func (m *mover) breakOff(ctx context.Context) error {
	if !m.current() {
		return nil
	}
	m.result.Applied = true
	_, err := m.st.breakSession.ExecContext(ctx, m.now, m.Key.RoomID, m.Key.UUID[:], m.Key.Session[:])
	return err
}

func (m *mover) rename(ctx context.Context) error {
	if m.prior != nil {
		m.result = history.Moved{Applied: true, Entry: m.prior}
		return nil
	}
	if !m.current() {
		return nil
	}
	m.result.Applied = true
	return m.setName(ctx, false)
}

// setName gives the member the move's name, and tells it unless it is to be
// done silently.
func (m *mover) setName(ctx context.Context, silently bool) error {
	if m.member == nil {
		return fmt.Errorf("%w: a session is in a room without its user", history.ErrCorrupt)
	}
	if m.Name == m.member.name {
		return nil
	}
	if _, err := m.st.renameMember.ExecContext(ctx, m.Name, m.Key.RoomID, m.Key.UUID[:]); err != nil || silently {
		return err
	}
	return m.tell(ctx, talk.Entry{Kind: talk.KindRenamed, Name: m.Name, Text: m.member.name})
}

// quiet reports whether the room, with this member in it, is too large for
// joins to be told.
func (m *mover) quiet() bool { return m.room.members > int64(m.Quiet) }

// endSilence makes the silent members ordinary ones once the room is small.
func (m *mover) endSilence(ctx context.Context) error {
	if !m.result.Applied || m.room.silent == 0 || m.quiet() {
		return nil
	}
	if _, err := m.st.tellMembers.ExecContext(ctx, m.Key.RoomID); err != nil {
		return err
	}
	m.room.silent, m.room.stored = 0, false
	return nil
}

// tell writes the entry that this move makes.
func (m *mover) tell(ctx context.Context, e talk.Entry) error {
	e.RoomID, e.Author, e.ID = m.Key.RoomID, m.Key.UUID, m.EntryID
	stored, err := m.insert(ctx, &e)
	if err != nil {
		return err
	}
	if !stored {
		return fmt.Errorf("%w: an id is known and its entry is not", history.ErrCorrupt)
	}
	m.result.Entry = &e
	return nil
}
