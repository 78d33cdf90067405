package client

import (
	"bytes"
	"slices"
	"strings"

	"tuitalk/talk"
)

// roster is who is in the room, as far as the server names them.
type roster struct {
	names  map[talk.UUID]string
	sorted []talk.Member // nil: to be made
	count  int           // of members; beyond the list in a large room
	asOf   int64         // the list contains what the log says up to this seq
	// unknown: the server could not say who is here, and nothing is listed.
	unknown bool
}

func (r *roster) reset() { *r = roster{} }

// whole tells that the list names everybody.
func (r *roster) whole() bool { return !r.unknown && r.count == len(r.names) }

func (r *roster) set(members []talk.Member, count int, asOf int64) {
	members = members[:min(len(members), maxRoster)]
	r.names = make(map[talk.UUID]string, len(members))
	for _, m := range members {
		r.names[m.UUID] = bounded(m.Username, maxKeptName)
	}
	r.count = max(count, len(r.names))
	r.sorted, r.asOf, r.unknown = nil, asOf, false
}

// followed notes that the list contains what the log says up to seq.
func (r *roster) followed(seq int64) { r.asOf = max(r.asOf, seq) }

// forget begins without a list: what the log says from its first entry on makes one.
func (r *roster) forget() { *r = roster{unknown: true} }

func (r *roster) setCount(n int) { r.count, r.unknown = max(n, 0), false }

// apply follows an entry of the log. To follow one twice changes the list only
// for a moment, but the count for good where that counts more than the list.
func (r *roster) apply(e *talk.Entry) bool {
	if r.unknown = r.unknown && e.Seq > 1; r.unknown {
		return false
	}
	whole := r.whole()
	if e.Kind == talk.KindPosted || !whole && e.Seq <= r.asOf {
		return false
	}
	old, here := r.names[e.Author]
	switch {
	case e.Kind == talk.KindLeft && here:
		delete(r.names, e.Author)
		r.count = max(r.count-1, 0)
	case e.Kind == talk.KindLeft || here && old == e.Name || !here && len(r.names) >= maxRoster:
		return false
	default:
		if r.names == nil {
			r.names = make(map[talk.UUID]string)
		}
		r.names[e.Author] = e.Name
		if !here && e.Kind == talk.KindJoined {
			r.count++
		}
	}
	if whole {
		r.count = len(r.names)
	}
	r.sorted = nil
	return true
}

// members lists them by name, without regard to case, then by UUID.
func (r *roster) members() []talk.Member {
	if r.sorted == nil && len(r.names) > 0 {
		r.sorted = make([]talk.Member, 0, len(r.names))
		for id, name := range r.names {
			r.sorted = append(r.sorted, talk.Member{UUID: id, Username: name})
		}
		slices.SortFunc(r.sorted, func(a, b talk.Member) int {
			if c := strings.Compare(strings.ToLower(a.Username), strings.ToLower(b.Username)); c != 0 {
				return c
			}
			return bytes.Compare(a.UUID[:], b.UUID[:])
		})
	}
	return r.sorted
}
