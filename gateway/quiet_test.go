package gateway_test

import (
	"fmt"
	"testing"

	"tuitalk/talk"
)

// TestLargeRoomJoinsWithoutNoise: beyond 300 members a join writes no entry; the
// joiner gets its own answer in each form, and the others a count.
func TestLargeRoomJoinsWithoutNoise(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	w := hello(t, n.addr)
	w.join(1, "witness")
	inParallel(talk.MaxListed-1, func(i int) { hello(t, n.addr).join(1, fmt.Sprintf("m%d", i)) })
	for joined := 1; joined < talk.MaxListed; {
		if e := expect[talk.Entry](w); e.Kind == talk.KindJoined && e.Author != w.uuid {
			joined++
		}
	}
	late := hello(t, n.addr)
	if j := late.join(1, "late"); j.MemberCount != talk.MaxListed+1 {
		t.Errorf("the joiner is told of %d members", j.MemberCount)
	}
	old := dial(t, n.addr, talk.Bincode)
	old.join(1, "old") // waits for its own UserJoined
	for {
		switch m := w.hear().(type) {
		case talk.Entry:
			t.Fatalf("a join in a large room was told to all: %+v", m)
		case talk.Presence:
			if m.MemberCount == talk.MaxListed+2 {
				return
			}
		}
	}
}
