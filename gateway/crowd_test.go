package gateway_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"tuitalk/talk"
)

// TestThousandConnections: 10 rooms of 100 (with -short 3) talk all at once, each client on a
// connection of its own; everybody hears everything once, in order, without a
// gap, and what was heard is what the history has.
func TestThousandConnections(t *testing.T) {
	const members, texts = 100, 1
	rooms := 10
	if testing.Short() {
		rooms = 3
	}
	n := start(t, nil)
	crowd := make([][members]*peer, rooms)
	inParallel(rooms, func(r int) {
		for m := range members {
			p := hello(t, n.addr)
			p.join(int32(r), fmt.Sprintf("m%d", m))
			crowd[r][m] = p
		}
	})
	if got := n.metric(t, "tuitalk_connections", ""); got != float64(rooms*members) {
		t.Fatalf("%v connections are open", got)
	}
	var all sync.WaitGroup
	for r := range rooms {
		for m := range members {
			p := crowd[r][m]
			all.Go(func() { p.converse(int32(r), m, members, texts) })
		}
	}
	all.Wait()
	for r := range rooms {
		compareWithHistory(t, n, int32(r), members*texts)
	}
}

func inParallel(n int, do func(i int)) {
	limit := make(chan struct{}, 4*runtime.NumCPU())
	var wg sync.WaitGroup
	for i := range n {
		limit <- struct{}{}
		wg.Go(func() {
			do(i)
			<-limit
		})
	}
	wg.Wait()
}

// converse posts its texts and listens until it has heard those of everybody.
func (p *peer) converse(room int32, me, members, texts int) {
	said := map[talk.UUID]string{}
	for i := range texts {
		text := fmt.Sprintf("%d/%d", me, i)
		said[p.post(room, text)] = text
	}
	next := make([]int, members) // the text that comes next from each
	last, round := int64(0), int32(0)
	for heard := 0; heard < members*texts; {
		m, err := p.tryHear(2 * patience)
		if err != nil {
			p.t.Errorf("room %d, member %d: after %d texts: %v", room, me, heard, err)
			return
		}
		if refused, ok := m.(talk.Error); ok { // it took too long on a busy machine
			if !refused.Retry || said[refused.ID] == "" {
				p.t.Errorf("room %d, member %d: after %d texts: %+v", room, me, heard, refused)
				return
			}
			time.Sleep(time.Duration(refused.RetryMS) * time.Millisecond)
			round++ // it may be refused more than once
			p.say(talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: p.uuid, Text: said[refused.ID], ID: refused.ID, Round: round})
			continue
		}
		e, ok := m.(talk.Entry)
		if !ok {
			continue
		}
		if last != 0 && e.Seq != last+1 {
			p.t.Errorf("room %d, member %d: entry %d after %d", room, me, e.Seq, last)
			return
		}
		last = e.Seq
		if e.Kind != talk.KindPosted {
			continue
		}
		var from, number int
		if _, err := fmt.Sscanf(e.Text, "%d/%d", &from, &number); err != nil || number != next[from] {
			p.t.Errorf("room %d, member %d: heard %q, want number %d of it", room, me, e.Text, next[from])
			return
		}
		next[from]++
		heard++
	}
}

func compareWithHistory(t *testing.T, n *node, room int32, want int) {
	t.Helper()
	entries, _, err := n.store.Before(t.Context(), room, 0, 2000)
	if err != nil {
		t.Fatal(err)
	}
	posts := 0
	for i, e := range entries {
		if e.Seq != int64(i)+1 {
			t.Fatalf("room %d: the history has seq %d at place %d", room, e.Seq, i+1)
		}
		if e.Kind == talk.KindPosted {
			posts++
		}
	}
	if posts != want {
		t.Errorf("room %d: the history has %d posts, want %d", room, posts, want)
	}
}
