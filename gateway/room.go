package gateway

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tuitalk/gateway/limits"
	"tuitalk/gateway/transport"
	"tuitalk/history"
	"tuitalk/talk"
)

// room is one room as this node shows it: the entries up to head, in order, and
// who of this node's connections is in it. It exists while somebody is there
// and a little longer.
type room struct {
	id     int32
	srv    *Server
	budget limits.Room // of what is said; locks itself

	mu            sync.Mutex
	state         roomState
	claimedSeq    int64          // what a joiner said to have, while it is unverified
	headlessAt    uint64         // when it became headless, in Unix seconds
	resets        int            // how often it was read again because the store had gone back
	hasUnverified bool           // some member's membership is unverified
	verifying     bool           // a worker reads it again, or will
	closeQueued   bool           // somebody will look whether it is still idle, and close it
	openers       []netip.Prefix // whose turn is waited for to open it, until it is begun
	waiting       []*join        // told once it is open, or has failed, or is off the list

	head         int64 // the newest entry that was placed
	storeHead    int64 // the store is known to have at least this one
	recent       recent
	ahead        map[int64]talk.Entry // came before an older one
	aheadAt      int64                // coarse time since when something is missing, 0 if nothing is
	filling      bool                 // a query for missing entries is under way
	members      []*conn
	memberList   memberList
	pending      []pendingEntry // accepted, not stored; oldest first
	pendings     atomic.Int32   // len(pending), for who must not wait for mu
	accepted     int            // so many pending ones this node has accepted
	emptyAt      int64          // coarse time since when nobody is here, 0 if somebody is
	countChanged bool           // the count has changed without an entry
	storeDoubt   storeDoubt
	newNames     []talk.Entry // placed, and not yet told to the windows of whom they name
}

// locked runs f with mu held; see conn.locked.
func (r *room) locked(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// maxAhead bounds the entries kept out of order; the store has them too.
const maxAhead = 4096

// placeEntries places stored entries, which may repeat what is known, leave gaps or
// come out of order. It never blocks.
func (r *room) placeEntries(entries []talk.Entry) {
	r.srv.noteDates(entries, time.Now())
	missing, named, doubts, strange, resets := false, false, false, int64(0), 0
	r.locked(func() {
		missing, strange = r.placeAll(entries)
		named, doubts, resets = len(r.newNames) > 0, r.state.isOpen() && r.hasUnverified, r.resets
	})
	if doubts && r.srv.health.storeUp() { // there is something to be shown to who is not compared yet
		r.srv.scheduleVerify(r)
	}
	if named {
		r.announceNames()
	}
	if missing {
		r.srv.noteGap(r)
	}
	if strange > 0 {
		r.srv.doubtStore(r, history.Head{Seq: strange}, resets, false)
	}
}

// placeAll reports whether something is missing for the first time, and the seq of an
// entry that has the place of another one, 0 for none. Call with mu held.
func (r *room) placeAll(entries []talk.Entry) (missing bool, strange int64) {
	if !r.state.isOpen() || r.state == roomHeadless {
		// what the opening read does not show yet waits in ahead
		for _, e := range entries {
			r.bufferAhead(e)
		}
		return false, 0
	}
	for _, e := range entries {
		switch {
		case e.Seq <= r.head:
			if r.isPlaced(&e) {
				break
			}
			if strange == 0 {
				strange = e.Seq
			}
			_, kept := r.recent.entryAt(e.Seq)
			r.storeDoubt.holds = r.storeDoubt.holds || kept
		case e.Seq == r.head+1 && !r.storeDoubt.holds:
			r.place(e)
		default:
			r.bufferAhead(e)
		}
	}
	return r.closeGap(), strange
}

// bufferAhead remembers an entry that cannot be placed yet. Call with mu held.
func (r *room) bufferAhead(e talk.Entry) {
	r.storeHead = max(r.storeHead, e.Seq)
	if r.ahead == nil {
		r.ahead = map[int64]talk.Entry{}
	}
	if len(r.ahead) < maxAhead {
		r.ahead[e.Seq] = e
	}
}

// closeGap places what was ahead and now is next. It reports whether something
// is missing for the first time. Call with mu held.
func (r *room) closeGap() (missing bool) {
	if r.state == roomHeadless || r.storeDoubt.holds {
		return false // it is read as a whole, or nobody knows whether it goes on
	}
	for len(r.ahead) > 0 {
		e, ok := r.ahead[r.head+1]
		if !ok {
			break
		}
		r.place(e)
		delete(r.ahead, e.Seq)
	}
	if r.storeHead <= r.head {
		clear(r.ahead) // what is left is older than head
		r.aheadAt = 0
		return false
	}
	if r.aheadAt != 0 {
		return false
	}
	r.aheadAt = r.srv.clock.Coarse()
	return true
}

// place shows the next entry to every member. Call with mu held.
func (r *room) place(e talk.Entry) {
	re := newRoomEntry(e)
	r.head = e.Seq
	r.storeHead = max(r.storeHead, e.Seq)
	r.addRecent(re)
	r.memberList.apply(&e)
	if (e.Kind == talk.KindRenamed || e.Kind == talk.KindJoined) && e.Author.Proven() {
		r.newNames = append(r.newNames, e)
	}
	if len(r.pending) > 0 {
		r.markStored(e.Author, e.ID, e.Seq)
	}
	delivered := 0
	for _, c := range r.members {
		s := &c.membership
		if s.state != memberLive || s.cursor >= e.Seq {
			continue
		}
		if s.passes(&e) {
			s.cursor = e.Seq
			continue
		}
		if !c.pushLive(r.packet(re, s.form)) {
			s.on(memberRingFull)
			s.last, _ = r.recent.entryAt(s.cursor)
			r.srv.metrics.overflows.Inc()
			continue
		}
		s.cursor = e.Seq
		delivered++
	}
	r.srv.metrics.deliveries.Add(float64(delivered))
}

// placed is the newest entry that was placed.
func (r *room) placed() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.head
}

// nameOf is what the room's log calls a user, and as of which seq; no name if he is
// not listed, or nobody knows.
func (r *room) nameOf(uuid talk.UUID) (name string, seq int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != roomOpen {
		return "", 0
	}
	for i := range r.memberList.members {
		if r.memberList.members[i].UUID == uuid {
			return r.memberList.members[i].Username, r.head
		}
	}
	return "", 0
}

// addMember puts c into the room with everything up to cursor behind it. Call
// with mu held; the caller starts the catch-up of a member that is behind.
func (r *room) addMember(c *conn, uuid talk.UUID, form talk.Form, cursor int64) {
	c.memberOf.Store(r)
	c.membership = membership{index: len(r.members), cursor: cursor, form: form, uuid: uuid}
	if cursor >= r.head {
		c.membership.state = memberLive
	}
	c.membership.last, _ = r.recent.entryAt(cursor)
	r.members = append(r.members, c)
	r.emptyAt = 0
	r.srv.limits.Seat(&c.account, true)
}

// removeMember takes c out of the room. Call with mu held.
func (r *room) removeMember(c *conn) {
	if c.memberOf.Load() != r {
		return
	}
	last := len(r.members) - 1
	r.members[c.membership.index] = r.members[last]
	r.members[c.membership.index].membership.index = c.membership.index
	r.members[last] = nil
	r.members = r.members[:last]
	if cap(r.members) > 64 && len(r.members) < cap(r.members)/4 {
		r.members = slices.Clip(slices.Clone(r.members))
	}
	c.memberOf.Store(nil)
	r.srv.limits.Seat(&c.account, false)
	if last == 0 {
		r.emptyAt = r.srv.clock.Coarse()
	}
}

// broadcast sends a message without seq to the members that speak the extended form.
// Call with mu held.
func (r *room) broadcast(m talk.Message) { r.broadcastTo(m, func(*membership) bool { return true }) }

// broadcastTo does it for those whom it concerns. Call with mu held.
func (r *room) broadcastTo(m talk.Message, concerns func(*membership) bool) {
	var packets [talk.Forms]*transport.PreparedFrame
	for _, c := range r.members {
		form := c.membership.form
		if !form.IsExtended() || !concerns(&c.membership) {
			continue
		}
		if packets[form] == nil {
			p, err := prepareMessage(m, form)
			if err != nil {
				r.srv.log.Error("cannot encode what a room is told", "tag", m.Tag(), "err", err)
				return
			}
			packets[form] = p
		}
		c.pushAnswer(packets[form])
	}
}

// observeHead notes that the store has the room's entry seq.
func (r *room) observeHead(seq int64) {
	missing, named := false, false
	r.locked(func() {
		r.storeHead = max(r.storeHead, seq)
		missing = r.state.isOpen() && r.closeGap()
		named = len(r.newNames) > 0
	})
	if named {
		r.announceNames()
	}
	if missing {
		r.srv.noteGap(r)
	}
}

// broadcastCount sends the number of members. Call with mu held.
func (r *room) broadcastCount() {
	r.broadcast(talk.Presence{RoomID: r.id, MemberCount: r.memberList.count})
}

// sweep tells the members how many they are, if that has changed without an entry.
// It returns how many are here, the count if the other nodes should know it, and
// whether something was taken on trust that the store can now tell.
func (r *room) sweep() (members, count int, again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.countChanged {
		r.countChanged = false
		r.broadcastCount()
		count = r.memberList.count
	}
	return len(r.members), count, r.state.isUnverified() || r.state == roomOpen && r.hasUnverified
}

// headSeq is the newest entry that was placed; nobody knows of a headless room.
func (r *room) headSeq() (head int64, headless bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.head, r.state == roomHeadless
}

// lag is how many entries up to seq this node has not heard of.
func (r *room) lag(seq int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(0, seq-r.storeHead)
}

// resumeBehind is where somebody goes on who has the room's log up to a seq. More than
// ResumeMax entries are not sent again: then there is a gap up to the oldest entry that
// is kept, of which he is told. Call with mu held, of a room that was read.
func (r *room) resumeBehind(after int64) (cursor int64, gap talk.Gap) {
	if r.head-after <= int64(r.srv.opts.ResumeMax) || len(r.recent.list) == 0 {
		return after, talk.Gap{}
	}
	oldest := r.recent.at(0)
	return oldest.Seq, r.gap(after+1, history.HeadOf(&oldest.Entry))
}

// gap says that entries are left out up to one.
func (r *room) gap(from int64, to history.Head) talk.Gap {
	return talk.Gap{RoomID: r.id, From: from, To: to.Seq, ToID: to.ID, ToTime: to.UnixTime}
}

// awaitOpen tells whether the room is open. If it is being opened or closed, j is told
// later: when that is done, or when its time is over. gone: it must be looked up anew.
func (r *room) awaitOpen(j *join) (open, gone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.state.isOpen():
		r.emptyAt = 0 // the sweep marks it again if nobody sits down
	case r.state != roomClosed:
		r.waiting = append(r.waiting, j)
	}
	return r.state.isOpen(), r.state == roomClosed
}

// takeWaiting returns those who wait for the room. Call with mu held.
func (r *room) takeWaiting() []*join {
	waiting := r.waiting
	r.waiting = nil
	return waiting
}

// overdue returns those who have waited for the room for too long.
func (r *room) overdue(now int64) (late []*join) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		return nil
	}
	r.waiting = slices.DeleteFunc(r.waiting, func(j *join) bool {
		if now > j.by {
			late = append(late, j)
		}
		return now > j.by
	})
	return late
}

// load sets what the room shows to what the store has. Call with mu held.
func (r *room) load(state history.Room, entries []talk.Entry) {
	r.forgetRecent()
	for _, e := range entries {
		r.addRecent(newRoomEntry(e))
	}
	r.head, r.storeHead = state.HeadSeq, max(r.storeHead, state.HeadSeq)
	r.setMemberList(state)
}

// setMemberList sets who is in the room to what the store has, and what was placed
// since. Call with mu held.
func (r *room) setMemberList(state history.Room) {
	r.memberList = memberList{members: state.Members, count: state.Count, asOf: state.HeadSeq}
	for i := range r.recent.list {
		r.memberList.apply(&r.recent.at(i).Entry)
	}
}

// idle tells whether the room may be closed. Call with mu held.
func (r *room) idle(now int64) bool {
	return r.state.isOpen() && len(r.members) == 0 && len(r.pending) == 0 &&
		r.emptyAt != 0 && now-r.emptyAt > int64(r.srv.opts.RoomLinger)
}
