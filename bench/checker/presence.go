package checker

import (
	"cmp"
	"math"
	"slices"

	"tuitalk/talk"
)

// stay is a time during which a user was in a room, by the records of a client.
type stay struct{ from, to int64 }

// presence is the stay of one client that is not over yet.
type presence struct {
	in   bool
	room int32
	from int64
	gone int64 // when the connection was last heard before it was lost; 0: it is not
}

// present notes that the server has let a client in.
func (c *check) present(s *seat, room int32, at int64) {
	p := &s.presence
	graceful := !s.original && (p.gone == 0 || at-p.gone < (c.opts.Grace-c.opts.Skew).Microseconds())
	if p.in && p.room == room && graceful {
		p.gone = 0
		return
	}
	c.absent(s, at)
	s.presence = presence{in: true, room: room, from: at}
}

// absent ends the stay of a client: since it was last heard, if its connection is lost.
func (c *check) absent(s *seat, at int64) {
	p := &s.presence
	if p.in && !s.uuid.IsZero() {
		if p.gone != 0 {
			at = p.gone
		}
		u := c.user(s.uuid)
		u.stays[p.room] = append(u.stays[p.room], stay{p.from, at})
	}
	s.presence = presence{}
}

// judgePresence holds the joined and left lines of the store against the times
// at which users were there.
func (c *check) judgePresence() {
	for _, seats := range c.seats {
		for _, s := range seats {
			c.absent(s, s.at)
			if s.original && !s.uuid.IsZero() {
				c.user(s.uuid).original = true
			}
		}
	}
	for _, r := range c.sortedRooms() {
		lines := map[talk.UUID]*presenceLines{}
		for i := range r.list {
			e := &r.list[i]
			if e.Kind != talk.KindJoined && e.Kind != talk.KindLeft {
				continue
			}
			u := c.users[e.Author]
			if u == nil || u.outsider || u.original && r.wentBack() {
				continue // who has no grace leaves and comes when it is asked anew who is where
			}
			l := lines[e.Author]
			if l == nil {
				l = &presenceLines{away: absences(u.stays[r.id]), last: -1}
				lines[e.Author] = l
			}
			if what := l.next(e, c.opts.Skew.Microseconds()); what != "" {
				c.find(Noise, r.places[i], *e, "entry %d of room %d says that a user %s", e.Seq, r.id, what)
			}
		}
	}
}

// absences is when a user was not in a room.
func absences(stays []stay) []stay {
	slices.SortFunc(stays, func(a, b stay) int { return cmp.Compare(a.from, b.from) })
	away := []stay{{math.MinInt64 / 2, math.MaxInt64 / 2}}
	for _, s := range stays {
		last := &away[len(away)-1]
		if s.from >= last.from {
			last.to = s.from
			away = append(away, stay{s.to, math.MaxInt64 / 2})
		} else {
			last.from = max(last.from, s.to)
		}
	}
	return away
}

// presenceLines follows the joined and left lines of one user in one room.
type presenceLines struct {
	away   []stay
	last   int  // the absence that the last left line told of; -1: none
	joined bool // the last line was a joined one
	any    bool // there was a line
}

// next says what is wrong with a line; "" if nothing.
//
// A left line must fall into an absence. Two of them in one absence need a
// joined line between: the client may have been let in without hearing of it,
// or have brought there what it still owed the room.
func (l *presenceLines) next(e *Entry, skew int64) (wrong string) {
	joined, any := l.joined, l.any
	l.joined, l.any = e.Kind == talk.KindJoined, true
	if l.joined {
		if any && joined {
			return "joined who was there already"
		}
		return ""
	}
	from := int64(min(e.UnixTime, 1<<40)) * 1_000_000
	to := from + 999_999 // the line's time is in whole seconds
	for i := max(l.last, 0); i < len(l.away); i++ {
		a := l.away[i]
		if to < a.from-skew || from > a.to+skew || i == l.last && !joined {
			continue
		}
		l.last = i
		return ""
	}
	return "left who had not gone"
}
