package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// A store can go back: a backup or a snapshot is restored under running gateways.
// What a room shows, its log does not have any more, and what is stored from then on
// gets seqs that the room has placed already. A room notices it by another entry, or the
// same one stored later (history.Head), at or below its head, or by a head that is lower
// than what it had placed before it asked. It doubts then, and looks at the store once more, a while later
// and at single entries: nothing that is placed can be missing there, whatever is
// being stored meanwhile. If it is, the room is read again and its members are reset:
// those who came since the backup are entered again, and those who left leave again.

// confirmAfter is how long a doubt lasts before the store is asked again.
const confirmAfter = 300 * time.Millisecond

// storeDoubt is a room's suspicion that the store has gone back. Guarded by the
// room's mu.
type storeDoubt struct {
	open bool // somebody will look, or does
	// at is the lowest seq at which the store seems to have no or another entry. It names
	// what was shown there; without an ID: what the room keeps there.
	at history.Head
	// holds: another entry was seen there, and nothing is placed until somebody has
	// looked. Else a member could be shown the end of the other log behind what the
	// store has lost, and would go on behind that as if he had all of it.
	holds bool
}

// isPlaced tells whether the room has an entry, at or below its head, at its seq. One
// that is not kept any more counts as another. Call with mu held.
func (r *room) isPlaced(e *talk.Entry) bool {
	shown, ok := r.recent.entryAt(e.Seq)
	return r.state.isUnverified() || ok && shown.StillIs(history.HeadOf(e))
}

// placedSeq is the newest entry that the store is known to have had, 0 for none, and how
// often the room was reset until then.
func (r *room) placedSeq() (seq int64, resets int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != roomOpen {
		return 0, r.resets
	}
	return r.head, r.resets
}

// placedHead names that entry, the zero value if it is not kept, and how often
// the room was reset until then.
func (r *room) placedHead() (h history.Head, resets int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if shown, ok := r.recent.entryAt(r.head); ok && r.state == roomOpen {
		h = shown
	}
	return h, r.resets
}

// contradiction returns a seq at which the store's head says that the store has no
// entry, or another one; 0 for none. placed is of before the store was asked.
func (r *room) contradiction(placed int64, head history.Head) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != roomOpen {
		return 0
	}
	if shown, ok := r.recent.entryAt(head.Seq); ok && !shown.StillIs(head) {
		return head.Seq
	}
	if head.Seq < placed && placed <= r.head {
		return placed
	}
	return 0
}

// doubtStore has somebody look whether the store has gone back: it seems to have
// another entry at at.Seq than was shown there, or none. resets are those of the room when
// it was shown: what it has dropped since is no reason. holds: nothing is placed until it is known.
func (s *Server) doubtStore(r *room, at history.Head, resets int, holds bool) {
	begins := false
	r.locked(func() {
		if r.resets != resets {
			return
		}
		d := &r.storeDoubt
		d.holds = d.holds || holds
		begins = !d.open
		if begins || at.Seq < d.at.Seq {
			d.at = at
		}
		d.open = true
	})
	if begins {
		s.timers.After(confirmAfter, func() { s.confirmSoon(r) })
	}
}

func (s *Server) confirmSoon(r *room) {
	again := func(error) { s.timers.After(confirmAfter, func() { s.confirmSoon(r) }) }
	run := func(ctx context.Context) {
		if err := s.confirm(ctx, r); err != nil {
			s.log.Warn("the store may have gone back; it cannot be told yet", "room", r.id, "err", err)
			again(err)
		}
	}
	if !s.work.live.Submit(run, again) {
		again(nil)
	}
}

// confirm ends a doubt, one way or the other, unless the store does not answer.
func (s *Server) confirm(ctx context.Context, r *room) error {
	for _, e := range r.doubted() {
		stored, ok, err := s.history.EntryAt(ctx, r.id, e.Seq)
		switch {
		case err != nil:
			return err
		case !ok || !e.StillIs(stored):
			return s.resetRoom(ctx, r)
		}
	}
	r.locked(func() { r.storeDoubt = storeDoubt{} })
	s.scheduleFill(r) // it may have waited
	return nil
}

// doubted returns entries that the store has if it has not gone back: the one that
// was doubted, if it is still kept, and the newest.
func (r *room) doubted() (list []history.Head) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != roomOpen {
		return nil
	}
	for _, e := range []history.Head{r.storeDoubt.at, {Seq: r.head}} {
		known := !e.ID.IsZero()
		if !known {
			e, known = r.recent.entryAt(e.Seq)
		}
		if known {
			list = append(list, e)
		}
	}
	return list
}

// resetRoom reads a room again whose store has gone back, and has its members drop
// what they have. Members of the extended form are asked to join again, and are shown
// nothing until they do; of the others' screens nothing can be taken back: they go on
// with what is behind the entries that both logs have.
func (s *Server) resetRoom(ctx context.Context, r *room) error {
	state, entries, err := s.readState(ctx, r.id)
	if err != nil {
		return err
	}
	var was int64
	var all, behind, stale []*conn
	r.locked(func() {
		was = r.head
		all = append(all, r.members...)
		behind, stale = r.reset(state, entries)
	})
	s.metrics.wentBack.Inc()
	s.wentBack.note(s.clock.Now())
	s.log.Error("the store has gone back: entries that were called stored are missing or others; the room is read again",
		"room", r.id, "shown", was, "stored", state.HeadSeq, "members", len(all))
	for _, c := range all {
		c.locked(func(u *user) { // who is where, and how he is called, has gone back as well
			u.forgetNamedAt()
			c.reregister(false)
		})
	}
	for _, c := range behind {
		s.catchUp(c)
	}
	s.moveStale(r, stale)
	heads, err := s.history.Heads(ctx, []int32{r.id})
	if err == nil {
		r.observeHead(heads[0].Seq) // what was stored meanwhile had no place in the old log
	}
	return nil // else the next comparison does it
}

// reset sets the room to what the store has. behind have to catch up, stale have to
// join again. Call with mu held.
func (r *room) reset(state history.Room, entries []talk.Entry) (behind, stale []*conn) {
	common := r.commonWith(state.HeadSeq, entries)
	r.storeDoubt, r.storeHead, r.aheadAt = storeDoubt{}, 0, 0
	r.resets++
	clear(r.ahead)
	r.load(state, entries)
	for i := range entries {
		r.markStored(entries[i].Author, entries[i].ID, entries[i].Seq)
	}
	for _, c := range r.members {
		m := &c.membership
		if m.form.IsExtended() {
			m.on(memberDiffers)
			stale = append(stale, c)
			continue
		}
		m.cursor = min(m.cursor, common)
		m.last, _ = r.recent.entryAt(m.cursor)
		if m.rewound(r.head) {
			behind = append(behind, c)
		}
	}
	return behind, stale
}

// commonWith returns the newest seq up to which the room's log and the store's, whose
// newest entries these are, are the same, as far as both are kept. Call with mu held.
func (r *room) commonWith(head int64, entries []talk.Entry) int64 {
	common := min(head, r.head)
	for i := len(entries) - 1; i >= 0; i-- {
		shown, ok := r.recent.entryAt(entries[i].Seq)
		if ok && shown.StillIs(history.HeadOf(&entries[i])) {
			return entries[i].Seq
		}
		if ok {
			common = entries[i].Seq - 1
		}
	}
	return common
}

// moveStale asks members to join again, from nothing, and closes those that have not done so
// in time. That they have another log is not left to be found out when they join: what was
// stored since the store went back may have been placed behind what is gone, and then they
// have the end of the one log behind a part of the other.
func (s *Server) moveStale(r *room, stale []*conn) {
	if len(stale) == 0 {
		return
	}
	within := s.moveTime(s.conns.count.Load())
	for _, c := range stale {
		c.askToMove(within, c.memberOf.Load() == r)
	}
	s.timers.After(2*within+s.opts.CloseWait, func() {
		var left []*conn
		r.locked(func() {
			for _, c := range stale {
				if c.memberOf.Load() == r && c.membership.state == memberStale {
					left = append(left, c)
				}
			}
		})
		for _, c := range left {
			c.closeFor(reasonWentBack)
		}
	})
}

// wentBackMemory is how long operators are told that the store has gone back.
const wentBackMemory = time.Hour

// resetPresenceEvery is how often who is where is asked for anew at most.
const resetPresenceEvery = time.Minute

// wentBack is what operators are told, and whether who is where is to be asked for
// anew.
type wentBack struct {
	mu      sync.Mutex
	last    time.Time
	rooms   int
	resetAt time.Time // when that was done last
	reset   int       // how many rooms there were then
}

func (w *wentBack) note(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = now
	w.rooms++ // one that is found only now may be of another time
}

// wantsReset tells whether who is where is to be asked for anew, and as of how many rooms.
func (w *wentBack) wantsReset(now time.Time) (rooms int, wanted bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rooms, w.rooms != w.reset && (w.resetAt.IsZero() || now.Sub(w.resetAt) > resetPresenceEvery)
}

// resetDone notes that it was, for so many rooms.
func (w *wentBack) resetDone(rooms int, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reset, w.resetAt = rooms, now
}

// resetPresence asks all gateways who is where, in whatever rooms: the store has
// sessions again of people who have left since the backup, also in rooms that nobody
// looks at, and their gateways live. So all sessions are called broken. Each gateway
// claims those that are connected to it, this one at once, the others as they find
// them; the rest has the grace, and leaves for everybody to see. Users of the
// original's forms, who have no grace, may leave and join by it.
func (k *leaseManager) resetPresence(ctx context.Context) error {
	s := k.srv
	rooms, wanted := s.wentBack.wantsReset(s.clock.Now())
	if !wanted {
		return nil
	}
	leases, err := k.lease.Leases(ctx)
	if err != nil {
		return err
	}
	for _, l := range leases {
		if err := k.lease.Retire(ctx, l.Gateway); err != nil {
			return err
		}
	}
	s.wentBack.resetDone(rooms, s.clock.Now())
	s.reregisterAll()
	return nil
}

func (w *wentBack) sentences(now time.Time) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rooms == 0 || now.Sub(w.last) > wentBackMemory {
		return nil
	}
	return []string{fmt.Sprintf("the store went back, last at %s: %d rooms were read again; what was stored after the state that was restored is lost",
		w.last.UTC().Format(time.RFC3339), w.rooms)}
}
