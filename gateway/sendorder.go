package gateway

import "slices"

// sendOrder says which posts must wait for one that was refused for now: those that
// came after it, of its round or an earlier one. The client sends them again, in
// order, in the next round. It holds the refusals whose posts may still be on
// their way, none of which says more than another.
type sendOrder []refusedPost

type refusedPost struct {
	round  int32
	number uint64 // among the messages of the connection
}

// refuse notes that a post was refused for now. alone: no other post of the
// connection is on its way.
func (t *sendOrder) refuse(round int32, number uint64, alone bool) {
	if alone {
		*t = (*t)[:0]
	}
	covered := func(by, r refusedPost) bool { return by.round >= r.round && by.number <= r.number }
	this := refusedPost{round, number}
	for _, r := range *t {
		if covered(r, this) {
			return
		}
	}
	*t = append(slices.DeleteFunc(*t, func(r refusedPost) bool { return covered(this, r) }), this)
}

// superseded tells whether a post must wait.
func (t sendOrder) superseded(round int32, number uint64) bool {
	for _, r := range t {
		if round <= r.round && number > r.number {
			return true
		}
	}
	return false
}
