package gateway

import (
	"tuitalk/history"
	"tuitalk/talk"
)

// membership is a connection's place in a room. Guarded by the room's mu.
type membership struct {
	state  memberState
	index  int           // in room.members
	cursor int64         // the last seq that is in the ring or behind it
	last   history.Head  // the entry at cursor while the membership is not live; without an ID: not known
	claim  *history.Head // what it has, if it has told; only while unverified
	told   bool          // it was told of its coming before that was stored, as clients of the original's forms are
	form   talk.Form
	uuid   talk.UUID
}

// memberState is how a member follows the log of its room. docs/states.md draws memberSteps.
type memberState uint8

const (
	memberBehind     memberState = iota // below the head: goes on when somebody calls catchUp, as who finds its ring drained
	memberCatchingUp                    // a worker brings it to the head, or will
	memberLive                          // the next entry goes straight into the ring
	memberHeadless                      // the cursor is not known, as the room is headless
	// memberUnverified: the store was away, and nobody has checked what the client has. It is
	// shown nothing stored until somebody has, since what it has may not be of this log.
	memberUnverified
	memberStale // what it has is not of this log: it must join again, and is shown nothing until it does
	memberStates
)

// memberEvent is what happens to a member.
type memberEvent uint8

const (
	memberCatchUp   memberEvent = iota // somebody calls catchUp
	memberRingFull                     // its ring takes no more
	memberCaughtUp                     // it has been brought to the head
	memberAtHead                       // its room was read, and it has all of that
	memberBelowHead                    // its room was read, and it has not
	memberMatches                      // what it has was compared, and is of this log
	memberDiffers                      // what it has is not of this log, or not any more
	memberEvents
)

// memberSteps is where an event takes a member. A state that stands in its own row ignores
// the event.
var memberSteps = [memberStates][memberEvents]memberState{
	memberBehind: {
		memberCatchUp: memberCatchingUp, memberRingFull: memberBehind, memberCaughtUp: memberBehind,
		memberAtHead: memberLive, memberBelowHead: memberBehind, memberMatches: memberBehind, memberDiffers: memberStale,
	},
	memberCatchingUp: {
		memberCatchUp: memberCatchingUp, memberRingFull: memberBehind, memberCaughtUp: memberLive,
		memberAtHead: memberLive, memberBelowHead: memberCatchingUp, memberMatches: memberCatchingUp, memberDiffers: memberStale,
	},
	memberLive: {
		memberCatchUp: memberLive, memberRingFull: memberBehind, memberCaughtUp: memberLive,
		memberAtHead: memberLive, memberBelowHead: memberBehind, memberMatches: memberLive, memberDiffers: memberStale,
	},
	memberHeadless: {
		memberCatchUp: memberHeadless, memberRingFull: memberHeadless, memberCaughtUp: memberHeadless,
		memberAtHead: memberLive, memberBelowHead: memberBehind, memberMatches: memberHeadless, memberDiffers: memberStale,
	},
	memberUnverified: {
		memberCatchUp: memberUnverified, memberRingFull: memberUnverified, memberCaughtUp: memberUnverified,
		memberAtHead: memberUnverified, memberBelowHead: memberUnverified, memberMatches: memberBehind, memberDiffers: memberStale,
	},
	memberStale: {
		memberCatchUp: memberStale, memberRingFull: memberStale, memberCaughtUp: memberStale,
		memberAtHead: memberStale, memberBelowHead: memberStale, memberMatches: memberStale, memberDiffers: memberStale,
	},
}

// on takes the member to its next state, and tells whether that is another one. A worker
// that finds its member not catching up any more has nothing left to do: whoever took it
// out of that state sees to it that somebody goes on.
func (m *membership) on(e memberEvent) (changed bool) {
	was := m.state
	if m.state = memberSteps[was][e]; m.state != memberUnverified {
		m.claim = nil
	}
	return m.state != was
}

// held tells whether a member is shown nothing stored until it is compared, or has joined
// again.
func (m *membership) held() bool { return m.state == memberUnverified || m.state == memberStale }

// passes tells whether an entry is not said to a member, as it was said before it was
// stored.
func (m *membership) passes(e *talk.Entry) bool {
	if !m.told || e.Kind != talk.KindJoined || e.Author != m.uuid {
		return false
	}
	m.told = false
	return true
}

// rewound notes that the room was read, and its head is there now. behind: somebody has to
// call catchUp.
func (m *membership) rewound(head int64) (behind bool) {
	if m.cursor == head {
		m.on(memberAtHead)
	} else {
		m.on(memberBelowHead)
	}
	return m.state == memberBehind
}

// ends sets what a member whose claim is right has as its last entry. false: its cursor is
// where neither its claim nor the room's log reaches, as somebody else's wrong claim put it
// there.
func (m *membership) ends(claim *history.Head, head int64) bool {
	switch {
	case claim == nil:
		return m.cursor <= head
	case m.cursor == claim.Seq:
		m.last = *claim
	}
	return m.cursor <= max(head, claim.Seq)
}
