package gateway

import (
	"slices"

	"tuitalk/talk"
)

// memberList is who is in a room, fleet-wide, as its log tells. In a room too large
// for join entries it is incomplete, and count comes from the store.
type memberList struct {
	members []talk.Member // in the order of joining
	count   int           // of all, listed or not
	asOf    int64         // seq of the entry up to which it was read; older ones are in it
}

func (r *memberList) apply(e *talk.Entry) {
	if e.Seq <= r.asOf {
		return
	}
	i := slices.IndexFunc(r.members, func(m talk.Member) bool { return m.UUID == e.Author })
	switch {
	case e.Kind == talk.KindJoined && i < 0:
		r.count++
		if len(r.members) < talk.MaxListed {
			r.members = append(r.members, talk.Member{UUID: e.Author, Username: e.Name})
		}
	case (e.Kind == talk.KindJoined || e.Kind == talk.KindRenamed) && i >= 0:
		r.members[i].Username = e.Name
	case e.Kind == talk.KindLeft:
		r.count = max(0, r.count-1)
		if i >= 0 {
			r.members = slices.Delete(r.members, i, i+1)
		}
	}
}
