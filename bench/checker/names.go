package checker

import (
	"cmp"
	"math"
	"slices"

	"tuitalk/talk"
)

// naming is an entry that gave a user a name in a room.
type naming struct {
	seq      int64
	name     uint64
	unixTime uint64
}

// wishes says when a user's clients took a name.
type wishes struct{ first, last int64 }

func (u *user) wished(name uint64, at int64) {
	w, ok := u.names[name]
	if !ok {
		w = wishes{at, at}
	}
	u.names[name] = wishes{min(w.first, at), max(w.last, at)}
}

func (u *user) had(name uint64) bool {
	_, ok := u.names[name]
	return ok
}

// noteNaming keeps the entries of a room that give a recorded user a name.
func (r *room) noteNaming(e *Entry) {
	if e.Kind == talk.KindJoined || e.Kind == talk.KindRenamed {
		if r.namings == nil {
			r.namings = map[talk.UUID][]naming{}
		}
		r.namings[e.Author] = append(r.namings[e.Author], naming{e.Seq, e.Name, e.UnixTime})
	}
}

// noteOwnName notes that a client was shown, live, an entry that names its user.
func (c *check) noteOwnName(s *seat, e *Entry) {
	if e.Author == s.uuid && (e.Kind == talk.KindJoined || e.Kind == talk.KindRenamed) {
		if s.ownNames == nil {
			s.ownNames = map[int32]naming{}
		}
		s.ownNames[e.Room] = naming{e.Seq, e.Name, e.UnixTime}
		if e.Name == s.wish {
			s.wish = 0
		}
	}
}

// judgeNameOf finds a message that is stored under a name which its author, when he sent
// it, had been shown to have given up. Names that he has taken since, here or in another
// window, may have come first. A name that was taken here and given by no entry yet is not
// given up, whatever the others were called meanwhile: in an outage it holds at once, and
// another one may be all that is stored in the end.
func (c *check) judgeNameOf(s *seat, p place, i int32) {
	one := &c.sends[i]
	known, ok := s.ownNames[one.room]
	t := c.room(one.room).at(one.seq)
	if !ok || one.seq == 0 || c.room(one.room).wentBack() || t == nil || t.Name == known.name || t.Name == s.wish || one.seq < known.seq {
		return
	}
	u := c.user(s.uuid)
	newer, taken := u.names[known.name]
	older, was := u.names[t.Name]
	if !taken || !was || older.last >= newer.first {
		return
	}
	for _, n := range c.room(one.room).namings[s.uuid] {
		if n.seq >= known.seq && n.name == t.Name {
			return
		}
	}
	c.find(OldName, p, *t, "%s sent entry %d of room %d after it was shown entry %d, which gave its user another name, and it is stored under an older one",
		s.label, t.Seq, t.Room, known.seq)
}

// judgeSharedNames finds users who have one name in one room and another one in another
// room to the end, though they were in both when it was given.
func (c *check) judgeSharedNames() {
	homes := map[talk.UUID][]*seat{}
	for _, seats := range c.seats {
		for _, s := range seats {
			if s.final.up && s.uuid.Proven() {
				homes[s.uuid] = append(homes[s.uuid], s)
			}
		}
	}
	for id, seats := range homes {
		if len(seats) > 1 {
			c.judgeSharedName(id, seats)
		}
	}
}

func (c *check) judgeSharedName(id talk.UUID, seats []*seat) {
	slices.SortFunc(seats, func(a, b *seat) int { return cmp.Compare(a.label, b.label) })
	newest, in := naming{}, int32(0)
	horizon := int64(math.MaxInt64)
	for _, s := range seats {
		r := c.room(s.final.room)
		horizon = min(horizon, s.final.at)
		n, ok := r.lastNaming(id)
		if !ok || r.after > 0 || r.members.unsure {
			return
		}
		if n.unixTime > newest.unixTime {
			newest, in = n, r.id
		}
	}
	given, skew := dateOf(newest.unixTime), c.opts.Skew.Microseconds()
	wish, wished := c.user(id).names[newest.name]
	switch {
	case horizon-given <= c.opts.Leave.Microseconds() || !c.calm(given, horizon):
		return
	case !wished || wish.first < given-c.opts.Leave.Microseconds():
		return // it came with a JoinRoom, which renames in one room
	case slices.ContainsFunc(seats, func(s *seat) bool { return s.final.since >= given-skew }):
		return
	}
	for _, s := range seats {
		n, _ := c.room(s.final.room).lastNaming(id)
		if n.name != newest.name && dateOf(n.unixTime) < given-skew {
			about := c.room(s.final.room).aboutOf(n.seq)
			c.find(OldName, s.final.place, about, "the user of %s was given another name in room %d, as entry %d, and has the old one in room %d to the end",
				s.label, in, newest.seq, s.final.room)
		}
	}
}

func (r *room) lastNaming(id talk.UUID) (naming, bool) {
	all := r.namings[id]
	if len(all) == 0 {
		return naming{}, false
	}
	return all[len(all)-1], true
}
