package checker

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"tuitalk/talk"
)

// touch is the last that a user's clients had to do with a room: from then on nothing
// keeps him there.
type touch struct {
	at    int64
	clean bool // he said so himself, over a good connection, and so needs no grace
	place place
}

// touched notes that a client had to do with a room.
func (c *check) touched(s *seat, room int32, p place, at int64, clean bool) {
	if s.uuid.IsZero() {
		return
	}
	u := c.user(s.uuid)
	if t, ok := u.touches[room]; !ok || at >= t.at {
		u.touches[room] = touch{at, clean, p}
	}
	e, ok := u.extents[room]
	if !ok {
		e = stay{at, at}
	}
	u.extents[room] = stay{min(e.from, at), max(e.to, at)}
}

// touchRest notes that a client has nothing to do any more with the room that it was
// in before: it has been let into another, or its connection is gone.
func (c *check) touchRest(s *seat, p place, at int64) {
	if s.lingers {
		s.lingers = false
		c.touched(s, s.lingering, p, at, false)
	}
}

// judgeLeaves finds those who are gone for good and whom the store still has in a room.
func (c *check) judgeLeaves() {
	unsettled := c.unsettled()
	for _, r := range c.sortedRooms() {
		horizon, known := r.horizon()
		if r.members.unsure || !known {
			continue
		}
		for _, id := range slices.SortedFunc(maps.Keys(r.members.names), func(a, b talk.UUID) int { return bytes.Compare(a[:], b[:]) }) {
			u := c.users[id]
			if u == nil || u.outsider || unsettled[words{room: r.id, author: id}] {
				continue
			}
			if t, ok := u.touches[r.id]; ok {
				c.judgeLeave(r, id, t, horizon)
			}
		}
	}
}

func (c *check) judgeLeave(r *room, id talk.UUID, t touch, horizon int64) {
	due := c.opts.Grace + c.opts.Leave
	if t.clean && c.calm(t.at, horizon) {
		due = c.opts.Leave
	}
	if c.longestCalm(t.at, horizon) <= due.Microseconds() {
		return
	}
	about := Entry{Room: r.id, Author: id}
	if e := r.lastJoined(id); e != nil {
		about = *e
	}
	gone := (time.Duration(horizon-t.at) * time.Microsecond).Round(time.Millisecond)
	c.find(NeverLeft, t.place, about, "%s was gone from room %d for good, and %v later the store still has its user there", c.seat(t.place).label, r.id, gone)
}

// lastJoined is the last line about a user's coming; nil: there is none.
func (r *room) lastJoined(id talk.UUID) *Entry {
	for i := len(r.list) - 1; i >= 0; i-- {
		if e := &r.list[i]; e.Author == id && e.Kind == talk.KindJoined {
			return e
		}
	}
	return nil
}

// unsettled are the rooms for which somebody has messages of which nobody knows what
// will become: he may yet come to bring them.
func (c *check) unsettled() map[words]bool {
	all := map[words]bool{}
	for i := range c.sends {
		if s := &c.sends[i]; s.seq == 0 && !s.refused && !s.discarded && !s.seat.original {
			all[words{room: s.room, author: s.author}] = true
		}
	}
	return all
}
