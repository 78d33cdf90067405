package gateway

import (
	"context"
	"errors"
	"fmt"

	"tuitalk/gateway/commit"
	"tuitalk/history"
	"tuitalk/talk"
)

// A room that is opened while the store is away is unverified: its head is what the
// first joiner says to have, its list of members is not known, and what the joiners have
// is checked by nobody. New entries are pending ones, which need none of that.
// When the store is back, the room is read, and what its unverified members have is
// compared with it. Until then they are shown nothing that is stored: somebody whose log
// is another one, as the store has gone back meanwhile, would have the end of this log
// behind the end of his own, and would seem to have all of it when he joins again. All of
// them are asked to do that, as they were told no list of members.
//
// If the first joiner has nothing of the room, it is headless, too: what is heard
// of its log waits until it has been read. Who has nothing then begins with what
// was stored since the room was opened: nothing was stored before that in this
// outage, so that nobody's words from it are missed. In the extended form a Gap
// says so, with the entry behind which a client joins again.

// maxClaimedSeq is more entries than a room will ever have: who claims them is wrong.
const maxClaimedSeq = 1 << 48

// clockSkew is by how many seconds the clocks of a gateway and of the store may
// differ; who begins with a headless room may see so much from before.
const clockSkew = 2

// canOpenUnverified tells whether a room that could not be read may be opened all the
// same.
func (s *Server) canOpenUnverified(err error) bool {
	away := errors.Is(err, history.ErrUnavailable) || errors.Is(err, commit.ErrDown) || errors.Is(err, context.DeadlineExceeded)
	return s.commit.HasSpool() && away
}

// beginUnverified begins a room that is being opened behind after, if that can be, and tells
// as what it is to be opened.
func (r *room) beginUnverified(after int64) roomEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	if after <= 0 || after >= maxClaimedSeq {
		r.headlessAt = r.srv.unixNow()
		return roomOpenedHeadless
	}
	r.head, r.claimedSeq, r.storeHead = after, after, max(r.storeHead, after)
	return roomOpenedUnverified
}

// scheduleVerify has a worker read a room that was opened without the store, now that
// it is back, and has its unverified members join again. If that does not come to an
// end, the next sweep begins anew.
func (s *Server) scheduleVerify(r *room) {
	begins := false
	r.locked(func() {
		begins = !r.verifying
		r.verifying = true
	})
	if !begins {
		return
	}
	ends := func(why error) {
		r.locked(func() { r.verifying, r.hasUnverified = false, r.hasUnverified || why != nil })
	}
	run := func(ctx context.Context) {
		s.verifyRoom(ctx, r)
		ends(nil)
	}
	if !s.work.live.Submit(run, ends) {
		ends(nil)
	}
}

func (s *Server) verifyRoom(ctx context.Context, r *room) {
	blind := false
	r.locked(func() { blind = r.state.isUnverified() })
	if blind && !s.reopenVerified(ctx, r) {
		return // it is away again
	}
	list, err := s.compareClaims(ctx, r)
	if err != nil {
		s.log.Warn("what members said to have while the store was away cannot be compared yet", "room", r.id, "err", err)
		r.locked(func() { r.hasUnverified = true })
	}
	var stale []*conn
	for _, m := range list {
		held := false
		r.locked(func() { held = r.release(&m) })
		switch {
		case held && !m.same:
			m.conn.locked(func(u *user) {
				if u.room == r {
					u.forgetNamedAt() // it was what he said to have
				}
			})
			stale = append(stale, m.conn)
		case held:
			s.catchUp(m.conn)
			m.conn.askToMove(s.moveTime(s.conns.count.Load()), false) // as if all were unverified
		}
	}
	s.moveStale(r, stale)
}

// release ends the unverified state of a member that was compared; false: it is not the one
// that was. Call with mu held.
func (r *room) release(m *unverifiedMember) (held bool) {
	at := &m.conn.membership
	if m.conn.memberOf.Load() != r || at.state != memberUnverified || at.claim != m.claim {
		return false
	}
	if m.same = m.same && at.ends(m.claim, r.head); !m.same {
		at.on(memberDiffers)
		return true
	}
	at.on(memberMatches)
	r.skipGap(m.conn)
	return true
}

// skipGap has a member whose log is right go on where it would have begun, had the head
// been known when it joined. Call with mu held.
func (r *room) skipGap(c *conn) {
	at := &c.membership
	cursor, gap := r.resumeBehind(at.cursor)
	if gap.To > 0 && c.answerIn(at.form, gap) {
		at.cursor, at.last = cursor, history.Head{Seq: gap.To, ID: gap.ToID, UnixTime: gap.ToTime}
	}
}

// reopenVerified reads an unverified room.
func (s *Server) reopenVerified(ctx context.Context, r *room) bool {
	state, entries, err := s.readState(ctx, r.id)
	var start history.Head
	if err == nil {
		start, err = s.startOf(ctx, r, entries)
	}
	if err != nil {
		s.log.Warn("a room that was opened without the store cannot be read yet", "room", r.id, "err", err)
		return false
	}
	var behind []*conn
	missing, sees := false, false
	r.locked(func() {
		if sees = r.state == roomHeadless || state.HeadSeq < r.claimedSeq || r.acceptsClaim(state.HeadSeq); sees {
			behind, missing = r.verifyAgainst(state, entries, start)
		}
	})
	r.announceNames()
	if !sees {
		return false // more was placed meanwhile than is kept: it is read once more
	}
	if missing {
		s.noteGap(r)
	}
	for _, c := range behind {
		s.catchUp(c)
	}
	return true
}

// acceptsClaim tells whether the room still has all that it placed behind seq, so that a list
// of members as of then can be brought up to now. Call with mu held.
func (r *room) acceptsClaim(seq int64) bool {
	_, kept := r.recent.entryAt(seq + 1)
	return kept || r.head <= seq || r.head == r.claimedSeq
}

// startOf is the entry behind which those begin who have nothing of a headless room, of
// which these are the newest entries: none where all of its log is short. Some of them may
// have been in it at another gateway since before it was headless here, and have a claim to
// what was stored since.
func (s *Server) startOf(ctx context.Context, r *room, newest []talk.Entry) (start history.Head, err error) {
	var since uint64
	r.locked(func() {
		if r.state == roomHeadless {
			since = r.headlessAt - min(r.headlessAt, clockSkew)
		}
	})
	if since == 0 || len(newest) == 0 || newest[0].Seq == 1 {
		return start, nil
	}
	_, start.Seq, err = s.history.SpanBefore(ctx, r.id, since, 1)
	switch head := newest[len(newest)-1].Seq; {
	case err != nil:
	case head-start.Seq > int64(s.opts.ResumeMax): // a clock was wrong once, or is: all is newer
		return history.HeadOf(&newest[0]), nil
	case start.Seq > 0:
		var ok bool
		var first history.Head
		if first, ok, err = s.history.EntryAt(ctx, r.id, start.Seq); ok {
			start = first
		}
	}
	if err != nil {
		return start, fmt.Errorf("find the start of an outage in room %d: %w", r.id, err)
	}
	return start, nil
}

// verifyAgainst ends the unverified state with what was read. behind have to catch up; missing: a
// gap is to be filled. Call with mu held.
func (r *room) verifyAgainst(state history.Room, entries []talk.Entry, start history.Head) (behind []*conn, missing bool) {
	headless := r.state == roomHeadless
	r.on(roomVerified)
	for i := range entries {
		r.markStored(entries[i].Author, entries[i].ID, entries[i].Seq)
	}
	if headless {
		r.load(state, entries)
		r.startMembers(start)
		return r.rewindMembers(), r.closeGap()
	}
	// what was placed meanwhile bears the joiner out, and is newer than what was read
	wrong := state.HeadSeq < r.claimedSeq // or the store has gone back since
	if wrong || state.HeadSeq-r.head >= int64(r.srv.opts.RecentCount) {
		r.load(state, entries) // what the joiner said was wrong, or long ago
		behind = r.rewindMembers()
	} else {
		r.recall(entries)
		r.setMemberList(state)
		r.storeHead = max(r.storeHead, state.HeadSeq)
	}
	return behind, r.closeGap()
}

// recall keeps what was read of the room's log before what it has placed itself: who is far
// behind goes on behind the oldest entry that is kept. Call with mu held.
func (r *room) recall(entries []talk.Entry) {
	placed, first := r.recent.list, r.head+1
	if len(placed) > 0 {
		first = placed[0].Seq
	}
	if len(entries) == 0 || entries[len(entries)-1].Seq < first-1 {
		return // something is missing in between
	}
	r.forgetRecent()
	for _, e := range entries {
		if e.Seq < first {
			r.addRecent(newRoomEntry(e))
		}
	}
	for _, e := range placed {
		r.addRecent(e)
	}
}

// startMembers gives those a cursor who had none. Call with mu held.
func (r *room) startMembers(start history.Head) {
	for _, c := range r.members {
		if c.membership.state != memberHeadless {
			continue
		}
		c.membership.cursor, c.membership.last = start.Seq, history.Head{} // rewindMembers does the rest
		if c.membership.form.IsExtended() && start.Seq > 0 {
			c.answerIn(c.membership.form, r.gap(1, start))
		}
	}
}

// rewindMembers makes the members' cursors fit a head that has moved without entries,
// and returns those who have to catch up. Call with mu held.
func (r *room) rewindMembers() (behind []*conn) {
	for _, c := range r.members {
		if c.membership.held() {
			continue // it is compared, or joins again
		}
		c.membership.cursor, c.membership.last = min(c.membership.cursor, r.head), history.Head{}
		if c.membership.rewound(r.head) {
			behind = append(behind, c)
		}
	}
	return behind
}

// unverifiedMember is a member whose log is to be compared with the room's.
type unverifiedMember struct {
	conn  *conn
	claim *history.Head
	same  bool
}

// compareClaims compares what unverified members have with the room's log, as far as the
// store answers.
func (s *Server) compareClaims(ctx context.Context, r *room) (list []unverifiedMember, err error) {
	all := r.unverifiedMembers()
	at := map[int64]history.Head{} // the zero value where there is none
	for i := range all {
		m := &all[i]
		if m.claim == nil {
			continue
		}
		stored, known := at[m.claim.Seq]
		if !known {
			if stored, _, err = s.history.EntryAt(ctx, r.id, m.claim.Seq); err != nil {
				return all[:i], err
			}
			at[m.claim.Seq] = stored
		}
		m.same = m.claim.StillIs(stored)
	}
	return all, nil
}

// unverifiedMembers returns the members whom nobody has checked. Who has nothing of the log, and
// goes on behind what another one said to have, is borne out by a head that is there.
func (r *room) unverifiedMembers() (list []unverifiedMember) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hasUnverified = false
	for _, c := range r.members {
		if c.membership.state == memberUnverified {
			list = append(list, unverifiedMember{c, c.membership.claim, c.membership.claim == nil && c.membership.cursor <= r.head})
		}
	}
	return list
}
