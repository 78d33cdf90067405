//go:build !race

package gateway

import (
	"strings"
	"testing"

	"tuitalk/gateway/commit"
	"tuitalk/talk"
)

// TestDeliveryDoesNotAllocate: what an entry costs does not grow with the
// number of its receivers.
func TestDeliveryDoesNotAllocate(t *testing.T) {
	s := bareServer(t)
	e := talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: newUUID(), Name: "ada", Text: strings.Repeat("x", 64), ID: newUUID()}
	cost := func(members int) float64 {
		r := crowdedRoom(s, members)
		for range 3 { // fill the pools
			e.Seq = r.head + 1
			r.placeEntries([]talk.Entry{e})
			r.empty()
		}
		return testing.AllocsPerRun(200, func() {
			e.Seq = r.head + 1
			r.placeEntries([]talk.Entry{e})
			r.empty()
		})
	}
	few, many := cost(30), cost(3000)
	// a garbage collection may empty a pool in between: allow for one in a hundred
	if perMember := (many - few) / 2970; perMember > 0.01 {
		t.Errorf("%v allocations per delivery (%v for 30 members, %v for 3000)", perMember, few, many)
	}
}

// TestLastOwnDoesNotAllocate: in an outage every batch asks every room of it, of few
// authors mostly.
func TestLastOwnDoesNotAllocate(t *testing.T) {
	var r room
	of := commit.LastOwn{{}: {}}
	for i := range commit.MaxPending {
		r.pending = append(r.pending, pendingEntry{roomEntry{Entry: talk.Entry{RoomID: 1}}, 0, i, false})
	}
	if n := testing.AllocsPerRun(10, func() { r.FindLastOwn(of) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
