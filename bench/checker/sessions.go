package checker

import (
	"cmp"
	"slices"

	"tuitalk/talk"
)

// session names a window of a user to the servers.
type session struct{ user, id talk.UUID }

// judgeSessions finds clients that were let in to the end although a later one showed the
// same session. Each of the two may be well served by a gateway of its own, which does not
// know of the other's.
func (c *check) judgeSessions() {
	served := map[session][]*seat{}
	for _, seats := range c.seats {
		for _, s := range seats {
			if s.final.up && !s.session.IsZero() {
				id := session{s.uuid, s.session}
				served[id] = append(served[id], s)
			}
		}
	}
	for _, seats := range served {
		slices.SortFunc(seats, func(a, b *seat) int { return cmp.Compare(a.final.since, b.final.since) })
		for i, s := range seats[:len(seats)-1] {
			next := seats[i+1]
			from, to := next.final.since, min(s.final.at, next.final.at)
			if to-from > c.opts.Leave.Microseconds() && c.calm(from, to) {
				c.find(TwiceServed, s.final.place, Entry{Room: s.final.room}, "%s was in room %d to the end, though %s had come with its session", s.label, s.final.room, next.label)
			}
		}
	}
}
