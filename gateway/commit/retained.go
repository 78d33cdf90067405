package commit

import (
	"net/netip"
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

// retryKept is when kept posts are offered again.
const retryKept = 250 * time.Millisecond

// refuseNotTaken is called for a post that neither the store nor the spool has confirmed.
func (c *Committer) refuseNotTaken(p Post, code talk.Code, sentence string) {
	if p.unclear && !p.From.Repeats() {
		c.lane(p.Entry.RoomID).retain(p)
		return
	}
	p.From.SendAgain(&p, code, sentence)
}

// retain has a post offered again after a while.
func (l *lane) retain(p Post) {
	p.From.Retained(p.Number)
	if !l.retains(p) {
		l.cfg.Metrics.Count(Unclear, 1)
		l.cfg.Log.Warn("this gateway ends and does not know whether a message is stored", "room", p.Entry.RoomID, "id", p.Entry.ID)
		p.From.Unclear()
		return
	}
	l.cfg.Metrics.Count(KeptPosts, 1)
}

func (l *lane) retains(p Post) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return false
	}
	l.retainedBytes += p.size()
	if l.retained = append(l.retained, p); len(l.retained) == 1 {
		l.cfg.Timers.After(retryKept, l.offerRetained)
	}
	return true
}

// offerRetained queues what was kept.
func (l *lane) offerRetained() {
	seen := map[Poster]struct{}{}
	for _, p := range l.takeRetained() {
		if _, again := seen[p.From]; !again {
			seen[p.From] = struct{}{}
			p.From.RefuseBehindRetained()
		}
	}
}

// takeRetained does it, and returns the posts.
func (l *lane) takeRetained() []Post {
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
	fronts := map[place][]Post{}
	for _, p := range l.retained {
		p.queued = l.cfg.Clock.Coarse()
		at := place{p.Network, p.Entry.RoomID}
		fronts[at] = append(fronts[at], p)
	}
	l.retained, l.retainedBytes = nil, 0
	for _, front := range fronts {
		l.posts.push(true, front...)
	}
}
