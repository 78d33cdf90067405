package recorder

import (
	"math"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/talk"
)

// sumOf is what a recording has of a list of members.
func sumOf(members []talk.Member) (sum uint64) {
	for i := range members {
		sum += checker.MemberHash(members[i].UUID, members[i].Username)
	}
	return sum
}

// listed notes who is in a room, as a server says; only how many if it does not name all
// of them.
func (c *Client) listed(now time.Time, m *talk.Joined) {
	switch {
	case m.MembersUnknown || m.HeadSeq < 0 || m.HeadSeq > maxSeq:
	case len(m.Members) < m.MemberCount:
		c.counted(now, m.RoomID, m.MemberCount)
	default:
		c.note(now, checker.Event{
			Verb: checker.Listed, Room: m.RoomID, Seq: m.HeadSeq, Hash: sumOf(m.Members), Entry: numberOf(m.MemberCount),
		})
		if m.RoomID == c.room {
			c.listedTo = max(c.listedTo, m.HeadSeq)
		}
	}
}

func (c *Client) counted(now time.Time, room int32, count int) {
	c.note(now, checker.Event{Verb: checker.Counted, Room: room, Entry: numberOf(count)})
}

func numberOf(count int) int32 { return int32(min(max(count, math.MinInt32), math.MaxInt32)) }

// shows notes whom the client shows in the end, if it has followed the room up to there.
func (w *note) shows() {
	c := w.c
	members := c.session.Members()
	if !c.up || !c.based || c.last < c.listedTo || len(members) != c.session.MemberCount() {
		return
	}
	w.event(checker.Event{
		Verb: checker.Listed, Room: c.room, Seq: c.last, Hash: sumOf(members), Entry: numberOf(len(members)), Flag: true,
	})
}
