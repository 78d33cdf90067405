package gateway

import "slices"

// turn says which posts must wait for one that was refused for now: those that
// came after it, of its round or an earlier one. The client sends them again, in
// order, in the next round. It holds the refusals whose posts may still be on
// their way, none of which says more than another.
type turn []refused

type refused struct {
	round  int32
	number uint64 // among the messages of the connection
}

// refuse notes that a post was refused for now. alone: no other post of the
// connection is on its way.
func (t *turn) refuse(round int32, number uint64, alone bool) {
	if alone {
		*t = (*t)[:0]
	}
	covered := func(by, r refused) bool { return by.round >= r.round && by.number <= r.number }
	this := refused{round, number}
	for _, r := range *t {
		if covered(r, this) {
			return
		}
	}
	*t = append(slices.DeleteFunc(*t, func(r refused) bool { return covered(this, r) }), this)
}

// out tells whether a post must wait.
func (t turn) out(round int32, number uint64) bool {
	for _, r := range t {
		if round <= r.round && number > r.number {
			return true
		}
	}
	return false
}
