package gateway_test

import (
	"testing"

	"tuitalk/gateway"
	"tuitalk/gateway/limits"
	"tuitalk/talk"
)

// TestRepeatsInAnOutageCostLittle: whoever has to say again what is accepted
// already can say something new behind it.
func TestRepeatsInAnOutageCostLittle(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n := f.gateway(func(o *gateway.Options) {
		o.Limits.Connection.Messages = limits.Rate{PerSecond: 0.0001, Burst: 12} // Hello, a JoinRoom of four, six posts, and half a post
		o.Limits.Backlog = 40
	})
	a := hello(t, n.addr)
	a.join(5, "ada")
	f.cut(n)
	said := make(map[talk.UUID]string)
	var order []talk.UUID
	for _, text := range []string{"one", "two", "three", "four", "five"} {
		id := a.post(5, text)
		if got := expect[talk.Accepted](a).ID; got != id {
			t.Fatalf("accepted %s, posted %s", got, id)
		}
		said[id], order = text, append(order, id)
	}
	for _, id := range order {
		a.say(talk.Entry{Kind: talk.KindPosted, RoomID: 5, Author: a.uuid, Name: "ada", Text: said[id], ID: id, Round: 1})
	}
	last := newID(4)
	a.say(talk.Entry{Kind: talk.KindPosted, RoomID: 5, Author: a.uuid, Name: "ada", Text: "six", ID: last, Round: 1})
	for expect[talk.Accepted](a).ID != last {
	}
	f.mend(n)
	for expect[talk.Stored](a).ID != last {
	}
	f.wantLog(5, "one", "two", "three", "four", "five", "six")
}
