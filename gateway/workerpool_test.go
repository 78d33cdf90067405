package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/gateway"
	"tuitalk/talk"
)

// TestRoomsAreEnteredWhileTheyClose: joins wait for the only worker, and while they
// do so their rooms have been empty for long enough and are closed. (The end of
// each room stood in the same queue behind the joins that waited for it.)
func TestRoomsAreEnteredWhileTheyClose(t *testing.T) {
	t.Parallel()
	const rooms = 5
	n, g := startGated(t, func(o *gateway.Options) {
		tiny(o)
		o.RoomLinger, o.RecentCount = time.Millisecond, 1
	})
	visitor := hello(t, n.addr)
	for room := range int32(rooms) {
		visitor.join(room+1, "visitor")
	}
	visitor.join(100, "visitor")
	visitor.postStored(100, "one more, so that the first is not in memory")
	first := hello(t, n.addr)
	var later []*peer
	for range rooms {
		later = append(later, hello(t, n.addr))
	}
	var ends atomic.Int32
	closed := make(chan struct{})
	reached, free := make(chan struct{}), make(chan struct{})
	g.set(func(_ context.Context, op string, room int32) error {
		switch {
		case op == "Unsubscribe" && room <= rooms:
			if ends.Add(1) == rooms {
				close(closed)
			}
		case op == "EntryAt" && room == 100:
			close(reached)
			<-free
		}
		return nil
	})
	first.say(talk.JoinRoom{RoomID: 100, UUID: first.uuid, Username: "first", Resume: true, AfterSeq: 1, AfterID: newID(4)})
	awaitStep(t, "the join that keeps the worker", reached)
	for i, p := range later {
		p.say(talk.JoinRoom{RoomID: int32(i + 1), UUID: p.uuid, Username: "later"})
	}
	select {
	case <-closed:
	case <-time.After(2 * time.Second): // they never were, or the machine is busy; the join has a deadline
	}
	close(free)
	for _, p := range later { // on a busy machine the first one's time may be over
		expect[talk.Joined](p)
	}
}

// TestUnsubscribeThatHangs keeps nobody out for long, also not of its own room.
func TestUnsubscribeThatHangs(t *testing.T) {
	t.Parallel()
	n, g := startGated(t, func(o *gateway.Options) {
		tiny(o)
		o.RoomLinger = time.Millisecond
	})
	visitor, next := hello(t, n.addr), hello(t, n.addr)
	visitor.join(1, "visitor")
	reached, _ := g.hold(t, false, func(op string, _ int32) bool { return op == "Unsubscribe" })
	visitor.join(2, "visitor")
	awaitStep(t, "the end of the room", reached)
	next.join(1, "next")
	next.postStored(1, "here")
}

// TestClassesDoNotStarveEachOther: every worker of a class waits for the store, and
// more work waits for them. People come in and talk all the same.
func TestClassesDoNotStarveEachOther(t *testing.T) {
	t.Parallel()
	const held = 9 // its room
	site := make(chan struct{})
	n, g := startGated(t, func(o *gateway.Options) {
		o.Site = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-site })
	})
	t.Cleanup(func() { close(site) })
	var busy []*peer
	for range 20 {
		p := hello(t, n.addr)
		p.join(held, "busy")
		busy = append(busy, p)
	}
	// deaf: no worker comes back before the end
	reached, _ := g.hold(t, true, func(op string, room int32) bool { return room == held && op != "Move" })
	for _, p := range busy {
		p.say(talk.Fetch{RoomID: held, Limit: 10, BeforeSeq: 10})
	}
	awaitStep(t, "the first fetch", reached)
	for range 10 {
		go func() {
			if resp, err := http.Get("http://" + n.addr + "/"); err == nil {
				_ = resp.Body.Close()
			}
		}()
	}
	p := hello(t, n.addr)
	p.join(1, "honest")
	p.postStored(1, "hello")
}

// TestWorkThatWaitsTooLong is refused, with the advice to try again.
func TestWorkThatWaitsTooLong(t *testing.T) {
	t.Parallel()
	n, g := startGated(t, func(o *gateway.Options) {
		tiny(o)
		o.Work.History.MaxWait, o.Work.Opening.MaxWait = time.Second, time.Second
	})
	one, two, three := hello(t, n.addr), hello(t, n.addr), hello(t, n.addr)
	one.join(1, "one")
	two.join(1, "two")
	opening := make(chan struct{})
	opens := sync.OnceFunc(func() { close(opening) })
	// deaf: the worker does not come back even when its time is over
	reached, release := g.hold(t, true, func(op string, room int32) bool {
		if op == "Room" && room == 2 {
			opens()
			return true
		}
		return op == "After" && room == 1
	})
	one.say(talk.Fetch{RoomID: 1, Limit: 10, BeforeSeq: 10})
	awaitStep(t, "the first fetch", reached)
	two.say(talk.Fetch{RoomID: 1, Limit: 10, BeforeSeq: 10})
	if e := expect[talk.Error](two); !e.Retry || e.RetryMS == 0 {
		t.Errorf("the second fetch was answered with %+v", e)
	}
	one.say(talk.JoinRoom{RoomID: 2, UUID: one.uuid, Username: "one"})
	awaitStep(t, "the first join", opening)
	three.say(talk.JoinRoom{RoomID: 3, UUID: three.uuid, Username: "three"})
	if e := expect[talk.Error](three); !e.Retry {
		t.Errorf("the second join was answered with %+v", e)
	}
	if n.metric(t, "tuitalk_work_expired_total", "") < 2 {
		t.Error("the metric does not count them")
	}
	release()
	two.postStored(1, "still here")
}

// TestSubscribeThatHangs keeps people out of rooms on that part of the bus only, and
// the node says that it is behind.
func TestSubscribeThatHangs(t *testing.T) {
	t.Parallel()
	n, g := startGated(t, func(o *gateway.Options) {
		tiny(o)
		o.Work.Opening.MaxWait = 6 * time.Second
	})
	host, guest := hello(t, n.addr), hello(t, n.addr)
	host.join(1, "host")
	reached, release := g.hold(t, true, func(op string, room int32) bool { return op == "Subscribe" && room >= 100 })
	for room := range int32(5) {
		p := hello(t, n.addr)
		p.say(talk.JoinRoom{RoomID: 100 + room, UUID: p.uuid, Username: "waits"})
	}
	awaitStep(t, "the first subscription", reached)
	guest.join(1, "guest")
	guest.postStored(1, "the open room goes on")
	awaitTrue(t, "the news of it", func() bool { return strings.Contains(n.server.Ready(), "class opening") })
	if why := n.server.Stuck(); why != "" {
		t.Error(why)
	}
	release()
	awaitTrue(t, "the end of it", func() bool { return n.server.Ready() == "" })
}

// TestStoreThatNeverAnswersAJoin: without a spool there is no provisional membership; the
// client is told to come back.
func TestStoreThatNeverAnswersAJoin(t *testing.T) {
	t.Parallel()
	n, g := startGated(t, func(o *gateway.Options) { o.RequestWait = time.Second })
	p := hello(t, n.addr)
	_, release := g.hold(t, true, func(op string, room int32) bool { return op == "Move" && room == 1 })
	p.say(talk.JoinRoom{RoomID: 1, UUID: p.uuid, Username: "p"})
	if e := expect[talk.Error](p); !e.Retry {
		t.Errorf("answered with %+v", e)
	}
	if code, _ := p.expectClose(); code != 1013 {
		t.Errorf("closed with %d", code)
	}
	release()
}

// TestEverythingAtOnce drives all classes together against one worker each, short
// queues, a slow store that now and then says nothing at all, and rooms that close
// as soon as they are empty: every request is answered, or its connection closed.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	const clients, rooms, length = 16, 40, 4 * time.Second
	n, g := startGated(t, func(o *gateway.Options) {
		tiny(o)
		for _, p := range []*gateway.Pool{&o.Work.Enter, &o.Work.Opening, &o.Work.Live, &o.Work.History, &o.Work.Site} {
			p.Queue, p.MaxWait = 8, time.Second
		}
		o.RoomLinger, o.RequestWait = time.Millisecond, 5*time.Second
		o.RecentCount = 4
	})
	g.set(func(ctx context.Context, op string, room int32) error {
		if op == "Renew" || op == "Publish" {
			return nil // a bus never waits there
		}
		pause := time.Duration(len(op)*int(room)%7) * time.Millisecond
		if time.Now().UnixNano()%97 == 0 {
			pause = time.Minute
		}
		select {
		case <-time.After(pause):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	var wg sync.WaitGroup
	answered := make([]int, clients)
	end := time.Now().Add(length)
	for i := range clients {
		wg.Go(func() {
			for at := i; time.Now().Before(end); at++ {
				answered[i] += visit(t, n.addr, int32(at*7%rooms+1))
			}
		})
	}
	wg.Wait()
	g.open()
	total := 0
	for _, a := range answered {
		total += a
	}
	if total == 0 {
		t.Error("nobody was served at all")
	}
	t.Logf("%d requests were answered as asked", total)
	for end := time.Now().Add(patience); !talks(t, n.addr); {
		if time.Now().After(end) {
			t.Fatal("nobody can talk, although the store answers again")
		}
	}
}

// talks tells whether somebody who comes can join and talk.
func talks(t *testing.T, addr string) bool {
	p := hello(t, addr)
	defer p.ws.CloseNow()
	p.say(talk.JoinRoom{RoomID: 1, UUID: p.uuid, Username: "after"})
	for {
		switch m, _ := p.tryHear(patience); m.(type) {
		case talk.Joined:
			p.postStored(1, "it goes on")
			return true
		case talk.Error, nil:
			return false // turned away, or closed
		}
	}
}

// visit comes, asks for everything that a client can ask for, and goes. It returns
// how many requests were done; each that is not answered fails the test.
func visit(t *testing.T, addr string, room int32) (done int) {
	resp, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + addr + "/")
	if err != nil {
		t.Errorf("the page: %v", err)
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	p := hello(t, addr)
	defer p.ws.CloseNow()
	asks := []struct {
		ask  talk.Message
		done func(talk.Message) bool
	}{
		{talk.JoinRoom{RoomID: room, UUID: p.uuid, Username: "guest"}, answers[talk.Joined]},
		{talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: p.uuid, Text: "hi", ID: newID(4)}, answers[talk.Stored]},
		{talk.Fetch{RoomID: room, Limit: 5, BeforeSeq: 1 << 40}, answers[talk.History]},
		{talk.JoinRoom{RoomID: room + 1, UUID: p.uuid, Username: "guest"}, answers[talk.Joined]},
		{talk.ChangeName{UUID: p.uuid, Username: "guest2", ID: newID(4)}, nil},
		{talk.Fetch{RoomID: room, Limit: 5, FetchBefore: uint64(time.Now().Unix())}, answers[talk.History]},
		{talk.LeaveRoom{RoomID: room + 1, UUID: p.uuid}, nil},
	}
	for _, a := range asks {
		b, err := talk.Append(nil, p.form, a.ask)
		if err != nil {
			t.Error(err)
			return done
		}
		if p.tryWrite(1, b) != nil {
			return done // closed
		}
		for a.done != nil {
			m, err := p.tryHear(patience)
			if err != nil {
				if isTimeout(err) {
					t.Errorf("%T was not answered", a.ask)
				}
				return done
			}
			if a.done(m) {
				done++
				break
			}
			if _, refused := m.(talk.Error); refused {
				break
			}
		}
	}
	return done
}

func answers[M talk.Message](m talk.Message) bool {
	h, ok := m.(M)
	if history, is := any(h).(talk.History); ok && is {
		return !history.More
	}
	return ok
}
