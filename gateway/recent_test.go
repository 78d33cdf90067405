package gateway_test

import (
	"strings"
	"testing"
	"time"

	"tuitalk/gateway"
	"tuitalk/talk"
)

// TestRecentEntriesAreBounded: what rooms keep in memory, of one and of all together,
// has a bound, whatever is said in them; who comes back gets all of it nevertheless;
// and when the rooms are closed nothing is counted.
func TestRecentEntriesAreBounded(t *testing.T) {
	t.Parallel()
	const rooms, posts, ofRoom, ofAll = 5, 12, 20 << 10, 40 << 10
	n := start(t, func(o *gateway.Options) {
		o.RoomRecentBytes, o.RecentBytes, o.RoomLinger = ofRoom, ofAll, time.Millisecond
	})
	text, newest := strings.Repeat("x", talk.MaxTextBytes), 2*(talk.MaxTextBytes+1000) // with its frame
	for room := range int32(rooms) {
		p := hello(t, n.addr)
		p.join(room+1, "ada")
		var first talk.Entry
		for i := range posts {
			p.post(room+1, text)
			e := expect[talk.Entry](p)
			for e.Kind != talk.KindPosted {
				e = expect[talk.Entry](p)
			}
			if i == 0 {
				first = e
			}
		}
		if got, most := int(n.metric(t, "tuitalk_recent_bytes", "")), ofAll+(int(room)+1)*newest; got > most || got == 0 {
			t.Errorf("%d rooms keep %d bytes, %d may", room+1, got, most)
		}
		back := hello(t, n.addr)
		back.say(talk.JoinRoom{RoomID: room + 1, UUID: back.uuid, Username: "olga", Resume: true, AfterSeq: first.Seq, AfterID: first.ID})
		for seen := 1; seen < posts; {
			if expect[talk.Entry](back).Kind == talk.KindPosted {
				seen++
			}
		}
		_ = back.ws.CloseNow()
		_ = p.ws.CloseNow()
	}
	until(t, "the rooms to be closed", func() bool { return n.metric(t, "tuitalk_recent_bytes", "") == 0 })
}
