package gateway_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tuitalk/client"
	"tuitalk/gateway"
	"tuitalk/talk"
)

// person is a user with the program that people have, who loads no older history.
type person struct {
	t       *testing.T
	session *client.Session
	driver  *client.Driver
}

func newPerson(t *testing.T, addr string, room int32) *person {
	t.Helper()
	s, err := client.New(client.Config{Servers: []string{"ws://" + addr + "/ws"}, Name: "bob", Room: room, History: -1}, client.State{})
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t, s, client.NewDriver(s, client.NewDialer(), nil)}
	t.Cleanup(p.driver.Close)
	p.driver.Handle(client.Start{})
	return p
}

// until lets the program go on until something is so.
func (p *person) until(what string, done func() bool) {
	p.t.Helper()
	late := time.After(patience)
	for !done() {
		select {
		case ev := <-p.driver.Events():
			p.driver.Handle(ev)
		case <-late:
			p.t.Fatalf("waited in vain for %s; shown are %q of %d members", what, p.shown(), p.session.MemberCount())
		}
	}
}

// shown are the posts in the log that is shown.
func (p *person) shown() (texts []string) {
	log := p.session.Log()
	for i := range log.Len() {
		if e := log.At(i); e.Kind == talk.KindPosted {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// TestWhoIsToldOfAGapGoesOnBehindIt: somebody who has nothing of a room comes to a gateway
// that cannot ask the store. What is stored from then on, elsewhere too, he is shown when
// the gateway has its store again, each entry once, and he is told who is there.
func TestWhoIsToldOfAGapGoesOnBehindIt(t *testing.T) {
	t.Parallel()
	const room, kept = 5, 4
	f := newSpoolFleet(t)
	few := func(o *gateway.Options) { o.RecentCount, o.ResumeMax = kept, 100 }
	n, other := f.gateway(few), f.gateway(few)
	w := hello(t, other.addr)
	w.join(room, "witness")
	for i := range 2 * kept {
		w.postStored(room, fmt.Sprint("old ", i))
	}
	time.Sleep(3200 * time.Millisecond) // longer than clocks may differ
	f.cut(n)
	p := newPerson(t, n.addr, room)
	p.until("the room to let him in", func() bool { return p.session.Status().Phase == client.Online })
	var want []string
	for i := range 3 * kept {
		want = append(want, fmt.Sprint("new ", i))
		w.postStored(room, want[i])
	}
	f.mend(n)
	w.postStored(room, "after")
	want = append(want, "after")
	p.until("the last entry", func() bool { return slices.Contains(p.shown(), "after") })
	p.until("the list of members", func() bool { return p.session.MemberCount() == 2 })
	if got := p.shown(); !slices.Equal(got, want) {
		t.Errorf("he is shown %q, want %q", got, want)
	}
}
