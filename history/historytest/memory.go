package historytest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// Memory is a history.Store in memory: the model with a lock around it, for tests
// that need a store whose truth can be looked at. It passes Run.
type Memory struct {
	clock func() time.Time

	mu     sync.Mutex
	model  modelStore
	leases map[talk.UUID]int64
	beats  int64
	closed bool
}

var (
	_ history.Store  = (*Memory)(nil)
	_ history.Mender = (*Memory)(nil)
)

// NewMemory makes an empty store, whose entries are dated by clock.
func NewMemory(clock func() time.Time) *Memory {
	return &Memory{clock: clock, model: modelStore{rooms: map[int32]*modelRoom{}, turns: map[history.Turn]modelTurn{}, leaveID: randomID}, leases: map[talk.UUID]int64{}}
}

func randomID() talk.UUID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, by its documentation
	return talk.MakeUUID(4, b)
}

// Snapshot is a copy of all that is stored, as a backup is.
func (m *Memory) Snapshot() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMemory(m.clock)
	c.model.rooms, c.model.turns = m.model.clone(), maps.Clone(m.model.turns)
	c.leases, c.beats = maps.Clone(m.leases), m.beats
	return c
}

// Restore sets the store back to a copy that was taken of it, and returns what it does
// not have any more.
func (m *Memory) Restore(to *Memory) (gone []talk.Entry) {
	c := to.Snapshot()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, room := range slices.Sorted(maps.Keys(m.model.rooms)) {
		kept := len(c.model.rooms[room].entries())
		gone = append(gone, m.model.rooms[room].entries()[kept:]...)
	}
	m.model.rooms, m.model.turns, m.leases, m.beats = c.model.rooms, c.model.turns, c.leases, c.beats
	return gone
}

// Rooms are the numbers of all rooms, ascending.
func (m *Memory) Rooms() []int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.model.rooms))
}

// Log is all of a room.
func (m *Memory) Log(room int32) []talk.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.model.rooms[room].entries())
}

// In is every session of a room, broken or not, in the order of joining.
func (m *Memory) In(room int32) (all []history.Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.model.rooms[room]; r != nil {
		for _, w := range r.members {
			for _, s := range w.sessions {
				all = append(all, s.Session)
			}
		}
	}
	return all
}

// begin locks the store for one call at the clock's time.
func (m *Memory) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", history.ErrUnavailable, err)
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return fmt.Errorf("%w: it is closed", history.ErrUnavailable)
	}
	m.model.now = uint64(max(0, m.clock().Unix()))
	return nil
}

// Append implements history.Store.
func (m *Memory) Append(ctx context.Context, entries []talk.Entry) ([]history.Result, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	results := make([]history.Result, len(entries))
	for i := range entries {
		if err := history.CheckEntry(&entries[i]); err != nil {
			results[i].Err = err
			continue
		}
		e := entries[i]
		e.Pending, e.Round = false, 0
		stored, repeat := m.model.write(e)
		results[i] = history.Result{Seq: stored.Seq, UnixTime: stored.UnixTime, Repeat: repeat}
	}
	return results, nil
}

// Move implements history.Store.
func (m *Memory) Move(ctx context.Context, moves []history.Move) ([]history.Moved, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	results := make([]history.Moved, len(moves))
	late := map[history.Turn]bool{}
	for i := range moves {
		late[moves[i].Turn] = m.model.late(moves[i].Turn)
	}
	for i := range moves {
		if err := history.CheckMove(&moves[i]); err != nil {
			results[i].Err = err
			continue
		}
		if late[moves[i].Turn] {
			continue
		}
		results[i] = m.model.move(moves[i])
		if err := results[i].Err; err != nil {
			results[i] = history.Moved{Err: err}
		} else {
			m.model.took(moves[i].Turn)
		}
	}
	return results, nil
}

// After implements history.Store.
func (m *Memory) After(ctx context.Context, room int32, after int64, limit int) ([]talk.Entry, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	log := m.model.rooms[room].entries()
	from := min(max(0, after), int64(len(log)))
	to := min(from+int64(max(0, limit)), int64(len(log)))
	return slices.Clone(log[from:to]), nil
}

// Before implements history.Store.
func (m *Memory) Before(ctx context.Context, room int32, before int64, limit int) ([]talk.Entry, bool, error) {
	if err := m.begin(ctx); err != nil {
		return nil, false, err
	}
	defer m.mu.Unlock()
	if limit <= 0 {
		return nil, false, nil
	}
	log := m.model.rooms[room].entries()
	to := int64(len(log))
	if before > 0 {
		to = min(to, before-1)
	}
	return history.Page(slices.Clone(log[max(0, to-int64(limit)):to]), nil)
}

// SpanBefore implements history.Store.
func (m *Memory) SpanBefore(ctx context.Context, room int32, before uint64, limit int) (first, last int64, err error) {
	if err := m.begin(ctx); err != nil {
		return 0, 0, err
	}
	defer m.mu.Unlock()
	log := m.model.rooms[room].entries()
	for len(log) > 0 && log[len(log)-1].UnixTime >= before {
		log = log[:len(log)-1]
	}
	if len(log) == 0 {
		return 1, 0, nil
	}
	i := max(0, len(log)-max(1, limit))
	for i > 0 && log[i-1].UnixTime == log[i].UnixTime {
		i--
	}
	return int64(i + 1), int64(len(log)), nil
}

// Heads implements history.Store.
func (m *Memory) Heads(ctx context.Context, rooms []int32) ([]history.Head, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	heads := make([]history.Head, len(rooms))
	for i, room := range rooms {
		if log := m.model.rooms[room].entries(); len(log) > 0 {
			last := log[len(log)-1]
			heads[i] = history.HeadOf(&last)
		}
	}
	return heads, nil
}

// Room implements history.Store.
func (m *Memory) Room(ctx context.Context, room int32, listed int) (history.Room, error) {
	if err := m.begin(ctx); err != nil {
		return history.Room{}, err
	}
	defer m.mu.Unlock()
	r := m.model.rooms[room]
	if r == nil {
		return history.Room{}, nil
	}
	as := history.Room{Count: len(r.members)}
	if n := len(r.log); n > 0 {
		as.HeadSeq, as.HeadID, as.HeadTime = r.log[n-1].Seq, r.log[n-1].ID, r.log[n-1].UnixTime
	}
	for _, w := range r.members[:min(max(0, listed), len(r.members))] {
		as.Members = append(as.Members, talk.Member{UUID: w.uuid, Username: w.name})
	}
	return as, nil
}

// EntryAt implements history.Store.
func (m *Memory) EntryAt(ctx context.Context, room int32, seq int64) (entry history.Head, ok bool, err error) {
	if err := m.begin(ctx); err != nil {
		return history.Head{}, false, err
	}
	defer m.mu.Unlock()
	log := m.model.rooms[room].entries()
	if seq < 1 || seq > int64(len(log)) {
		return history.Head{}, false, nil
	}
	return history.HeadOf(&log[seq-1]), true, nil
}

// Renew implements history.Store.
func (m *Memory) Renew(ctx context.Context, gateway talk.UUID) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.beats++
	m.leases[gateway] = m.beats
	return nil
}

// Leases implements history.Store.
func (m *Memory) Leases(ctx context.Context) (all []history.Lease, err error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	known := maps.Clone(m.leases)
	for _, gateway := range m.model.holders() {
		known[gateway] += 0 // known, if without a lease
	}
	for gateway, beat := range known {
		all = append(all, history.Lease{Gateway: gateway, Beat: beat})
	}
	slices.SortFunc(all, func(a, b history.Lease) int { return bytes.Compare(a.Gateway[:], b.Gateway[:]) })
	return all, nil
}

// Retire implements history.Store.
func (m *Memory) Retire(ctx context.Context, gateway talk.UUID) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.model.retire(gateway)
	delete(m.leases, gateway)
	return nil
}

// Broken implements history.Store.
func (m *Memory) Broken(ctx context.Context, behind history.SessionKey, limit int) ([]history.Session, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	all := m.model.allBroken()
	if behind != (history.SessionKey{}) {
		all = slices.DeleteFunc(all, func(s history.Session) bool { return compareKeys(s.SessionKey, behind) <= 0 })
	}
	return all[:min(max(0, limit), len(all))], nil
}

// Sessions implements history.Store.
func (m *Memory) Sessions(ctx context.Context, keys []history.SessionKey) ([]history.Session, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	found := make([]history.Session, len(keys))
	for i, k := range keys {
		found[i].SessionKey = k
		if r := m.model.rooms[k.RoomID]; r != nil {
			if s := r.member(k.UUID).session(k); s != nil {
				found[i].Gateway, found[i].Epoch = s.Gateway, s.Epoch
			}
		}
	}
	return found, nil
}

// Windows implements history.Store.
func (m *Memory) Windows(ctx context.Context, users []talk.UUID) ([]history.Window, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	all := m.model.windows(users)
	return all[:min(len(all), history.MaxWindows)], nil
}

// Check implements history.Store.
func (m *Memory) Check(ctx context.Context) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	m.mu.Unlock()
	return nil
}

// Close implements history.Store. What is stored stays, for Snapshot.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Mend implements history.Mender.
func (m *Memory) Mend(ctx context.Context, room int32) (entries int64, err error) {
	if err := m.begin(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	log, now := m.model.rooms[room].entries(), m.model.now
	first := slices.IndexFunc(log, func(e talk.Entry) bool { return e.UnixTime > now })
	if first < 0 {
		return 0, nil
	}
	ahead := log[first:]
	n := uint64(len(ahead))
	good := now - min(now, n)
	if first > 0 {
		good = log[first-1].UnixTime
	}
	for i := range ahead {
		ahead[i].UnixTime = good + (now-good)*uint64(i+1)/n
	}
	return int64(n), nil
}
