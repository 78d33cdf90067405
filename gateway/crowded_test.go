package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/coder/websocket"

	"tuitalk/gateway"
	"tuitalk/gateway/limits"
	"tuitalk/talk"
)

// TestLimitsWhoJoinsStays: a gateway is full, of people whose joins wait for the store
// and of people of the original's forms, who are known by their first join only; none
// of them gives way to a newcomer.
func TestLimitsWhoJoinsStays(t *testing.T) {
	t.Parallel()
	const most = 8
	n, g := startGated(t, func(o *gateway.Options) { o.Limits = limits.Config{MaxConns: most, Unidentified: most} })
	var seated, joining []*peer
	for i := range most / 2 {
		p := dial(t, n.addr, talk.JSON)
		p.join(1, fmt.Sprint("seated ", i))
		seated = append(seated, p)
	}
	reached, release := g.hold(t, false, func(op string, room int32) bool { return op == "Move" && room == 2 })
	for i := range most / 2 {
		enter := func(t testing.TB, addr string) *peer { return dial(t, addr, talk.JSON) }
		if i%2 == 0 {
			enter = hello
		}
		p := enter(t, n.addr)
		p.say(talk.JoinRoom{RoomID: 2, UUID: p.uuid, Username: fmt.Sprint("joining ", i), UnixTime: 1})
		joining = append(joining, p)
	}
	<-reached
	eventually(t, "all have asked", func() bool { return n.server.Entering() == most/2 })
	for range most {
		if _, err := tryDialFrom(t, "127.0.0.2", n.addr, talk.Extended); err == nil {
			t.Error("a newcomer is taken, though all places are of people in rooms or on the way to one")
		}
	}
	release()
	for i, p := range joining {
		if p.form.IsExtended() {
			expect[talk.Joined](p)
		} else if e := expect[talk.Entry](p); e.Kind != talk.KindJoined {
			t.Errorf("joining %d is told %+v", i, e)
		}
	}
	for i, p := range seated {
		p.post(1, fmt.Sprint("still here ", i))
		p.heardText(fmt.Sprint("still here ", i))
	}
}

// TestArrivalsAreBounded: the store tells joins, but for long not where else people are;
// what waits for that is forgotten with the connections.
func TestArrivalsAreBounded(t *testing.T) {
	t.Parallel()
	n, g := startGated(t, nil)
	g.set(func(_ context.Context, op string, _ int32) error {
		if op == "Windows" {
			return errors.New("test: no windows")
		}
		return nil
	})
	stays := hello(t, n.addr)
	stays.join(1, "ada")
	for i := range 30 {
		p := hello(t, n.addr)
		p.join(1, fmt.Sprint("guest ", i))
		_ = p.ws.Close(websocket.StatusNormalClosure, "")
	}
	eventually(t, "those who are gone are forgotten", func() bool { return n.server.Arrivals() <= 1 })
	g.open()
	eventually(t, "all are looked up", func() bool { return n.server.Arrivals() == 0 })
}

// TestLimitsRefusalsCostBytes: a stranger says on one connection after the other what is
// short and gets a long refusal, each time a little less often than he is closed for.
// All in all he is sent no more than he has sent and his address may say.
func TestLimitsRefusalsCostBytes(t *testing.T) {
	t.Parallel()
	const conns, frames, burst = 40, 50, 32 << 10
	n := start(t, func(o *gateway.Options) {
		o.Limits = limits.Default(300)
		o.Limits.Accepts = limits.Rate{}
		o.Limits.SetAddress(limits.Rates{Bytes: limits.Rate{PerSecond: 1, Burst: burst}})
		o.Limits.Strikes = limits.Rate{} // he goes on
	})
	answers, bytes := 0, 0
	for range conns {
		p, err := tryDialFrom(t, "127.0.0.2", n.addr, talk.Extended)
		if err != nil {
			t.Fatal(err)
		}
		for range frames {
			if p.tryWrite(websocket.MessageText, []byte("?")) != nil {
				break
			}
		}
		for range frames {
			m, err := p.tryHear(patience)
			if err != nil {
				break
			}
			b, _ := talk.Append(nil, p.form, m)
			answers, bytes = answers+1, bytes+len(b)
		}
		_ = p.ws.CloseNow()
	}
	if answers < 100 || bytes > burst+conns*400 {
		t.Errorf("%d refusals of %d bytes, for %d bytes", answers, bytes, conns*frames)
	}
	ada := helloFrom(t, "127.0.0.3", n.addr)
	ada.join(1, "ada")
	ada.postStored(1, "here")
}

// TestLimitsManyRoomsHoldUpNobody: a stranger has more rooms opened than can be; others
// get in after one of them each, also into a room that he has asked for before.
func TestLimitsManyRoomsHoldUpNobody(t *testing.T) {
	t.Parallel()
	const rooms = 30
	n, g := startGated(t, tiny)
	step := make(chan struct{})
	busy := make(chan struct{}, rooms+1)
	t.Cleanup(func() { close(step) })
	g.set(func(_ context.Context, op string, room int32) error {
		if op == "Room" && room >= 100 {
			busy <- struct{}{}
			<-step
		}
		return nil
	})
	for i := range rooms {
		p := helloFrom(t, "127.0.0.2", n.addr)
		p.say(talk.JoinRoom{RoomID: int32(100 + i), UUID: p.uuid, Username: fmt.Sprint("stranger ", i), UnixTime: 1})
	}
	<-busy
	eventually(t, "all others wait", func() bool { return n.server.Opening() == rooms-1 })
	ada, bob := helloFrom(t, "127.0.0.1", n.addr), helloFrom(t, "127.0.0.3", n.addr)
	ada.say(talk.JoinRoom{RoomID: 5, UUID: ada.uuid, Username: "ada", UnixTime: 1})
	eventually(t, "hers waits", func() bool { return n.server.Opening() == rooms })
	bob.say(talk.JoinRoom{RoomID: 100 + rooms - 1, UUID: bob.uuid, Username: "bob", UnixTime: 1})
	eventually(t, "his waits", func() bool { return n.server.Opening() == rooms+1 })
	for range 2 { // what is under way, and one turn of the stranger's
		step <- struct{}{}
		<-busy
	}
	expect[talk.Joined](ada)
	step <- struct{}{} // bob's
	expect[talk.Joined](bob)
	bob.postStored(100+rooms-1, "here")
}
