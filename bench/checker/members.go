package checker

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sort"

	"tuitalk/talk"
)

// members follows who is in a room, by its log.
type members struct {
	names  map[talk.UUID]uint64
	sum    uint64 // of their memberHash
	unsure bool   // from here on the log does not tell everything
}

// apply follows the next entry. In a room that has had talk.MaxListed members somebody
// may have come without one.
func (m *members) apply(e *Entry) {
	old, here := m.names[e.Author]
	if e.Kind == talk.KindPosted || e.Kind != talk.KindJoined && !here {
		return
	}
	if here {
		m.sum -= memberHash(e.Author, old)
		delete(m.names, e.Author)
	}
	if e.Kind != talk.KindLeft {
		m.names[e.Author] = e.Name
		m.sum += memberHash(e.Author, e.Name)
	}
	m.unsure = m.unsure || len(m.names) >= talk.MaxListed
}

// listing is what a client was told, or shows, of who is in a room.
type listing struct {
	place place
	seat  *seat
	at    int64
	seq   int64
	sum   uint64
	count int
	shown bool
}

func (c *check) listed(s *seat, p place, e *Event, at int64) {
	r := c.room(e.Room)
	r.listings = append(r.listings, listing{p, s, at, e.Seq, e.Hash, e.Number(), e.Flag})
}

func (c *check) counted(s *seat, p place, e *Event, at int64) {
	r := c.room(e.Room)
	r.counts = append(r.counts, listing{place: p, seat: s, at: at, count: e.Number()})
}

// judgeMembers holds what was said of who is in each room against its log, and against
// who was there.
func (c *check) judgeMembers() {
	for _, r := range c.sortedRooms() {
		slices.SortStableFunc(r.listings, func(a, b listing) int { return cmp.Compare(a.seq, b.seq) })
		rest := r.listings
		m := members{names: map[talk.UUID]uint64{}, unsure: !r.read || r.after > 0 || r.wentBack()}
		judge := func(before int64) {
			for len(rest) > 0 && rest[0].seq < before {
				c.judgeListing(r, &m, &rest[0])
				rest = rest[1:]
			}
		}
		head, _ := r.headAt(math.MaxInt64)
		for i := range r.list {
			e := &r.list[i]
			judge(e.Seq)
			m.unsure = m.unsure || e.Seq != int64(i)+1
			m.apply(e)
			if e.Seq == head {
				r.atHead = members{maps.Clone(m.names), m.sum, m.unsure}
			}
		}
		if len(r.list) > 0 {
			judge(r.list[len(r.list)-1].Seq + 1)
		}
		r.members = m
		c.judgeThere(r)
		c.judgeCounts(r)
	}
}

func (c *check) judgeListing(r *room, m *members, l *listing) {
	if m.unsure || l.sum == m.sum && l.count == len(m.names) {
		return
	}
	if inTheEnd := l.shown && c.opts.Unmarked; !inTheEnd && !c.calm(l.at, l.at) {
		return
	}
	does := "was told"
	if l.shown {
		does = "shows"
	}
	about := r.aboutOf(l.seq)
	c.find(WrongMembers, l.place, about, "%s %s that %d people are in room %d as of entry %d, where the log has %d%s",
		l.seat.label, does, l.count, r.id, l.seq, len(m.names), m.difference(l))
}

// difference names the one in whom a list differs, if it is one.
func (m *members) difference(l *listing) string {
	for id, name := range m.names {
		if l.sum+memberHash(id, name) == m.sum {
			return ": " + shortID(id) + " is missing"
		}
	}
	return ""
}

// judgeThere finds those who are in a room to the end, and whom its log does not have
// there.
func (c *check) judgeThere(r *room) {
	horizon, known := r.horizon()
	if r.atHead.names == nil || r.atHead.unsure || !known {
		return
	}
	for _, seats := range c.seats {
		for _, s := range seats {
			f := &s.final
			if !f.up || f.room != r.id || f.at < horizon || horizon-f.since <= c.opts.Leave.Microseconds() || !c.calm(f.since, horizon) {
				continue
			}
			if _, there := r.atHead.names[s.uuid]; !there {
				c.find(WrongMembers, f.place, Entry{Room: r.id, Author: s.uuid}, "%s is in room %d, and by the log its user is not there", s.label, r.id)
			}
		}
	}
}

// final is where a client was when its record ended.
type final struct {
	up    bool
	room  int32
	since int64 // when it came up last
	at    int64
	place place
}

// judgeCounts holds counts against how many were surely in the room, and how many may
// have been.
func (c *check) judgeCounts(r *room) {
	if len(r.counts) == 0 || r.after > 0 {
		return
	}
	var sure, perhaps crowdCounts
	strangers := 0
	leave, grace := c.opts.Leave.Microseconds(), c.opts.Grace.Microseconds()
	for _, u := range c.users {
		if u.outsider {
			strangers++
			continue
		}
		for _, s := range merged(u.stays[r.id]) {
			sure.add(s)
		}
		if e, ok := u.extents[r.id]; ok {
			perhaps.add(stay{e.from, e.to + grace + leave})
		}
	}
	sure.sort()
	perhaps.sort()
	skew := c.opts.Skew.Microseconds()
	for i := range r.counts {
		l := &r.counts[i]
		least := sure.covering(l.at-leave, l.at+skew)
		most := perhaps.touching(l.at-leave, l.at+skew) + strangers
		if least <= l.count && l.count <= most || !c.calm(l.at-grace-leave, l.at) {
			continue
		}
		c.find(WrongMembers, l.place, Entry{Room: r.id}, "%s was told that room %d has %d members, where there were %d to %d",
			l.seat.label, r.id, l.count, least, most)
	}
}

// crowdCounts counts times that lie around others.
type crowdCounts struct{ from, to []int64 }

func (c *crowdCounts) add(s stay) {
	c.from, c.to = append(c.from, s.from), append(c.to, s.to)
}

func (c *crowdCounts) sort() {
	slices.Sort(c.from)
	slices.Sort(c.to)
}

func upTo(sorted []int64, at int64) int {
	return sort.Search(len(sorted), func(i int) bool { return sorted[i] > at })
}

// covering is how many at least cover the whole of a time.
func (c *crowdCounts) covering(from, to int64) int {
	return max(0, upTo(c.from, from)-upTo(c.to, to-1))
}

// touching is how many have a part in a time.
func (c *crowdCounts) touching(from, to int64) int { return upTo(c.from, to) - upTo(c.to, from-1) }

// merged makes stays that overlap one.
func merged(stays []stay) (all []stay) {
	away := absences(slices.Clone(stays))
	for i := 1; i < len(away); i++ {
		all = append(all, stay{away[i-1].to, away[i].from})
	}
	return all
}
