package gateway

import (
	"net/netip"
	"slices"
	"time"

	"tuitalk/talk"
)

// A client of the original's forms has no ids and no outbox. If it hears that its
// post was refused, its user types it again, as another message; so it must hear
// that only of a post that certainly is nowhere. What was offered to the store or
// the spool, and may be there, is kept by its lane instead, with the id that this
// gateway made, and offered again, in front of what the connection says later, until
// it is stored or in the spool, or refused for good. What is said behind it waits for
// RequestWait, and is refused then: it certainly is nowhere. The end of the connection
// changes nothing about what is kept. The end of the gateway does: there is one more
// attempt, and then nobody knows.

const (
	// retryKept is when kept posts are offered again.
	retryKept = 250 * time.Millisecond
	// maxUnstored bounds the posts of one connection of the original's forms that
	// are on their way, and so what is kept for it; Options.QueueBytes bounds those of
	// all together.
	maxUnstored = 100
)

// refuseNotTaken is called for a post that neither the store nor the spool has confirmed.
func (s *Server) refuseNotTaken(p post, code talk.Code, sentence string) {
	if p.unclear && !p.conn.form().IsExtended() {
		s.lane(p.entry.RoomID).retain(p)
		return
	}
	s.nackRetry(p, code, sentence)
}

// retain has a post offered again after a while.
func (l *lane) retain(p post) {
	p.conn.locked(func(u *user) {
		at, _ := slices.BinarySearch(u.retained, p.number)
		u.retained = slices.Insert(u.retained, at, p.number)
	})
	if !l.retains(p) {
		l.srv.metrics.unclear.Inc()
		l.srv.log.Warn("this gateway ends and does not know whether a message is stored", "room", p.entry.RoomID, "id", p.entry.ID)
		p.conn.pendingAck()
		return
	}
	l.srv.metrics.keptPosts.Inc()
}

func (l *lane) retains(p post) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return false
	}
	l.retainedBytes += p.size()
	if l.retained = append(l.retained, p); len(l.retained) == 1 {
		l.srv.timers.After(retryKept, l.offerRetained)
	}
	return true
}

// offerRetained queues what was kept.
func (l *lane) offerRetained() {
	seen := map[*conn]struct{}{}
	for _, p := range l.takeRetained() {
		if _, again := seen[p.conn]; !again {
			seen[p.conn] = struct{}{}
			guard(p.conn, p.conn.refuseBehindRetained)
		}
	}
}

// takeRetained does it, and returns the posts.
func (l *lane) takeRetained() []post {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.retained
	l.requeue()
	l.awake()
	return kept
}

// requeue puts what was kept in front of what is said later in the same rooms by
// people of the same networks. Call with mu held.
func (l *lane) requeue() {
	type place struct {
		network netip.Prefix
		room    int32
	}
	fronts := map[place][]post{}
	for _, p := range l.retained {
		p.queued = l.srv.clock.Coarse()
		at := place{p.network, p.entry.RoomID}
		fronts[at] = append(fronts[at], p)
	}
	l.retained, l.retainedBytes = nil, 0
	for _, front := range fronts {
		l.posts.push(true, front...)
	}
}
