package gateway

import (
	"testing"
	"time"

	"tuitalk/gateway/sched"
	"tuitalk/talk"
)

// TestRefusingBehindKeptGoesOn: what is refused in the end must not have held up what
// need not wait for a kept post, which would hear nothing until something else comes.
func TestRefusingBehindKeptGoesOn(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	c := &conn{srv: s}
	c.locked(func(u *user) {
		u.form, u.formKnown = talk.JSON, true
		u.retained, u.unstored = []uint64{1}, 1
		said := talk.Entry{Kind: talk.KindPosted, RoomID: 5, Text: "behind"}
		late, fresh := s.clock.Coarse(), s.clock.Coarse()+int64(s.opts.RequestWait+time.Second)
		for i, a := range []arrival{{Message: said, at: late}, {Message: talk.Fetch{Limit: 1}, at: fresh}, {Message: said, at: fresh}} {
			a.number, a.size = uint64(i+2), 1
			if !c.enqueue(a, maxBacklog) {
				t.Fatal("no room for what waits")
			}
		}
		s.clock = sched.NewClock(time.Now().Add(-time.Duration(fresh)))
		s.clock.Step()
	})
	c.refuseBehindRetained()
	c.locked(func(u *user) {
		if len(u.backlog) != 1 || u.backlog[0].number != 4 {
			t.Errorf("%+v waits, want the later post alone", u.backlog)
		}
	})
}
