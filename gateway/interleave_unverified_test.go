package gateway_test

import (
	"slices"
	"testing"

	"tuitalk/talk"
)

// TestPublishedWhileABlindRoomIsRead: a room was opened without the store. When the
// store is back it is read, and meanwhile more is stored, published and shown. The
// read is old then: nothing is shown again, and who has left since is not there.
func TestPublishedWhileABlindRoomIsRead(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"head", "entries"} {
		t.Run(step, func(t *testing.T) {
			f := newSpoolFleet(t)
			one, two := f.gateway(nil), f.gateway(nil)
			a, w, bob := bobIsLost(t, one)

			f.cut(one, two)
			b := bob(two.addr)
			hold, reached, release := holdAt(t, step)
			two.way.behind.set(hold)
			f.mend(one, two)
			awaitStep(t, "the room to be read", reached)
			a.postStored(5, "in between")
			w.say(talk.LeaveRoom{RoomID: 5, UUID: w.uuid, Username: "witness"})
			for expect[talk.Entry](a).Kind != talk.KindLeft {
			}
			release()
			b.wantShown("in between")
			for expect[talk.Entry](b).Kind != talk.KindLeft {
			}
			var inside []talk.Member
			is := func(p *peer) func(talk.Member) bool {
				return func(m talk.Member) bool { return m.UUID == p.uuid }
			}
			awaitTrue(t, "the room to be known", func() bool {
				c := hello(t, two.addr)
				defer func() { _ = c.ws.CloseNow() }()
				c.say(talk.JoinRoom{RoomID: 5, UUID: c.uuid, Username: "carol"})
				inside = expect[talk.Joined](c).Members
				return slices.ContainsFunc(inside, is(a))
			})
			if slices.ContainsFunc(inside, is(w)) {
				t.Errorf("the witness has left, and is a member: %+v", inside)
			}
			a.postStored(5, "after")
			b.wantShown("after")
		})
	}
}
