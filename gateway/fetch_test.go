package gateway_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway"
	"tuitalk/gateway/limits"
	"tuitalk/history"
	"tuitalk/history/sqlitestore"
	"tuitalk/talk"
)

// original are the two forms of the original's clients.
var original = map[string]talk.Form{"json": talk.JSON, "bincode": talk.Bincode}

// pastStore is a store of a test that sets the time and counts what is read.
type pastStore struct {
	history.Store
	now       atomic.Int64 // unix seconds
	most      atomic.Int64 // entries that one call returned
	bytes     atomic.Int64 // of text that all calls returned
	failEvery atomic.Int64 // every so many reads fail; 0: none
	reads     atomic.Int64
}

func openPast(t *testing.T) *pastStore {
	t.Helper()
	p := &pastStore{}
	p.now.Store(1000)
	s, err := sqlitestore.Open(filepath.Join(t.TempDir(), "talk.db"), sqlitestore.Options{
		Clock: func() time.Time { return time.Unix(p.now.Load(), 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	p.Store = s
	return p
}

func (p *pastStore) note(entries []talk.Entry, err error) ([]talk.Entry, error) {
	if n := p.failEvery.Load(); n > 0 && p.reads.Add(1)%n == 0 {
		return nil, fmt.Errorf("%w: as the test wants it", history.ErrUnavailable)
	}
	for i := range entries {
		p.bytes.Add(int64(len(entries[i].Text)))
	}
	for {
		most := p.most.Load()
		if int64(len(entries)) <= most || p.most.CompareAndSwap(most, int64(len(entries))) {
			return entries, err
		}
	}
}

func (p *pastStore) After(ctx context.Context, room int32, after int64, limit int) ([]talk.Entry, error) {
	return p.note(p.Store.After(ctx, room, after, limit))
}

func (p *pastStore) Before(ctx context.Context, room int32, before int64, limit int) ([]talk.Entry, bool, error) {
	entries, complete, err := p.Store.Before(ctx, room, before, limit)
	entries, err = p.note(entries, err)
	return entries, complete && err == nil, err
}

// fill stores posts, count in the next second, of so many bytes each. Their
// texts begin with numbers that go on over all calls.
func (p *pastStore) fill(t *testing.T, room int32, count, size int) {
	t.Helper()
	p.now.Add(1)
	heads, err := p.Heads(t.Context(), []int32{room})
	if err != nil {
		t.Fatal(err)
	}
	entries := make([]talk.Entry, count)
	for i := range entries {
		text := fmt.Sprintf("%d %s", heads[0].Seq+int64(i)+1, strings.Repeat("z", size))
		entries[i] = talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: newID(4), ID: newID(4), Name: "ada", Text: text[:size]}
	}
	if _, err := p.Append(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
}

// screen is the log of an original's client: it puts each History in front.
type screen struct {
	*peer
	log []talk.Entry
}

func (s *screen) show(m talk.Message) {
	switch m := m.(type) {
	case talk.Entry:
		s.log = append(s.log, m)
	case talk.History:
		var part []talk.Entry
		for _, e := range m.Text {
			part = append(part, e.(talk.Entry))
		}
		s.log = append(part, s.log...)
	}
}

func (s *screen) join(room int32, name string) {
	s.t.Helper()
	s.say(talk.JoinRoom{RoomID: room, UUID: s.uuid, Username: name, UnixTime: 1})
	for len(s.log) == 0 || s.log[len(s.log)-1].Author != s.uuid {
		s.show(s.hear())
	}
}

// fetch asks for what is before the first entry on the screen, and shows what
// comes until the answer is whole: at least limit entries and to the start of a
// second, which is where want says. It returns the entries that came.
func (s *screen) fetch(room int32, limit int64, want int) {
	s.t.Helper()
	before := uint64(math.MaxUint64)
	if len(s.log) > 0 {
		before = s.log[0].UnixTime
	}
	s.say(talk.Fetch{RoomID: room, Limit: limit, FetchBefore: before})
	for got, first := 0, true; first || got < want; first = false {
		m := s.hear()
		if e, ok := m.(talk.Error); ok {
			s.t.Fatalf("answered with %+v", e)
		}
		if h, ok := m.(talk.History); ok {
			got += len(h.Text)
		} else {
			first = true
		}
		s.show(m)
	}
}

// wantAll checks that the posts on the screen are those from first to last, in order.
func (s *screen) wantAll(first, last int) {
	s.t.Helper()
	next := first
	for _, e := range s.log {
		if e.Kind != talk.KindPosted {
			continue
		}
		if !strings.HasPrefix(e.Text, fmt.Sprint(next, " ")) {
			s.t.Fatalf("the screen shows %.12q where %d should be", e.Text, next)
		}
		next++
	}
	if next != last+1 {
		s.t.Fatalf("the screen shows posts %d to %d, not to %d", first, next-1, last)
	}
}

// TestFetchDenseSecond: an original's client gets through a second of 3,078
// entries of 4,000 bytes, from the newest entry of the room to the first, while
// others talk.
func TestFetchDenseSecond(t *testing.T) {
	t.Parallel()
	dense := 3078
	if testing.Short() {
		dense = 800
	}
	for name, form := range original {
		t.Run(name, func(t *testing.T) {
			store := openPast(t)
			for range 10 {
				store.fill(t, 1, 2, 20)
			}
			store.fill(t, 1, dense, talk.MaxTextBytes)
			store.fill(t, 1, 5, 20)
			store.now.Add(1)
			n := startOn(t, store, fanout.NewHub(), nil)
			s := &screen{peer: dial(t, n.addr, form)}
			s.join(1, "olga")
			other := hello(t, n.addr)
			other.join(1, "ben")
			stop, queued := watchQueued(n)
			s.fetch(1, 1, 5)
			other.post(1, fmt.Sprint(20+dense+6, " said meanwhile"))
			s.fetch(1, 1, dense)
			for _, want := range []int{6, 6, 6, 2} {
				s.fetch(1, 5, want)
			}
			stop()
			s.fetch(1, 1, 0)
			for s.log[len(s.log)-1].Kind != talk.KindPosted {
				s.show(s.hear())
			}
			s.wantAll(1, 20+dense+6)
			if most := queued.Load(); most > 512<<10 {
				t.Errorf("%d bytes were queued for one client", most)
			}
			if most := store.most.Load(); most > 256 {
				t.Errorf("one call returned %d entries", most)
			}
			t.Logf("at most %d bytes queued, %d entries a call", queued.Load(), store.most.Load())
		})
	}
}

// watchQueued looks all the time how much is queued for one connection.
func watchQueued(n *node) (stop func(), most *atomic.Int64) {
	most = new(atomic.Int64)
	ended := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-time.After(time.Millisecond):
				most.Store(max(most.Load(), int64(n.server.MostQueued())))
			}
		}
	})
	return func() { close(ended); wg.Wait() }, most
}

// TestFetchTwice: 600 short messages and /fetch 300 twice show each message
// once, in order.
func TestFetchTwice(t *testing.T) {
	t.Parallel()
	for name, form := range original {
		t.Run(name, func(t *testing.T) {
			store := openPast(t)
			for range 60 {
				store.fill(t, 1, 10, 12)
			}
			store.now.Add(1)
			s := &screen{peer: dial(t, startOn(t, store, fanout.NewHub(), nil).addr, form)}
			s.join(1, "olga")
			s.fetch(1, 300, 300)
			s.wantAll(301, 600)
			s.fetch(1, 300, 300)
			s.wantAll(1, 600)
		})
	}
}

// TestFetchByTime: the odd questions.
func TestFetchByTime(t *testing.T) {
	t.Parallel()
	store := openPast(t)
	store.fill(t, 1, 3, 20) // at 1001
	store.fill(t, 1, 2, 20) // at 1002
	store.now.Add(-1)
	store.fill(t, 2, 700, 200) // all at once
	n := startOn(t, store, fanout.NewHub(), nil)
	for name, form := range forms {
		p := arrive(t, n, form)
		p.join(9, name) // in none of the rooms that it asks for
		for _, q := range []struct {
			room   int32
			limit  int64
			before uint64
			want   int
		}{
			{1, 1, math.MaxUint64, 2}, {1, 1, 1 << 40, 2}, {1, 2, 1003, 2}, {1, 3, 1003, 5}, {1, 500, 1003, 5}, {1, 1, 1002, 3},
			{1, 1, 1001, 0}, {1, 1, 1, 0}, {1, 1, 0, 0}, {2, 1, math.MaxUint64, 700}, {2, 500, 1003, 700}, {2, 1, 1002, 0},
			{77, 1, math.MaxUint64, 0}, {77, 500, 0, 0}, {math.MinInt32, 1, 5, 0},
		} {
			p.say(talk.Fetch{RoomID: q.room, Limit: q.limit, FetchBefore: q.before})
			got := 0
			for first := true; first || got < q.want; first = false {
				got += len(expect[talk.History](p).Text)
			}
			if got != q.want {
				t.Errorf("%s: %+v: %d entries", name, q, got)
			}
		}
	}
}

// TestFetchExtended: a long answer is in order from the first frame to the last,
// and says what it is.
func TestFetchExtended(t *testing.T) {
	t.Parallel()
	store := openPast(t)
	store.fill(t, 1, 700, talk.MaxTextBytes)
	n := startOn(t, store, fanout.NewHub(), nil)
	p := hello(t, n.addr)
	p.join(2, "ada")
	for _, q := range []struct {
		ask         talk.Fetch
		first, last int64
	}{
		{talk.Fetch{Limit: 500, BeforeSeq: 701}, 201, 700}, {talk.Fetch{Limit: 500, BeforeSeq: math.MaxInt64}, 201, 700},
		{talk.Fetch{Limit: 500, BeforeSeq: 300}, 1, 299}, {talk.Fetch{Limit: 1, BeforeSeq: 2}, 1, 1},
		{talk.Fetch{Limit: 5, BeforeSeq: 1}, 1, 0}, {talk.Fetch{Limit: 10, BeforeSeq: 705}, 691, 700},
		{talk.Fetch{Limit: 1, FetchBefore: 5000}, 1, 700},
	} {
		q.ask.RoomID = 1
		p.say(q.ask)
		next, h := q.first, talk.History{More: true}
		for h.More {
			h = expect[talk.History](p)
			for _, m := range h.Text {
				if e := m.(talk.Entry); e.Seq != next {
					t.Fatalf("%+v: entry %d, want %d", q.ask, e.Seq, next)
				}
				next++
			}
			if h.RoomID != 1 || h.BeforeSeq != q.ask.BeforeSeq {
				t.Errorf("%+v: answered for room %d before %d", q.ask, h.RoomID, h.BeforeSeq)
			}
		}
		if next != q.last+1 || h.Complete != (q.first == 1) {
			t.Errorf("%+v: up to %d, complete %v", q.ask, next-1, h.Complete)
		}
	}
}

// TestFetchThatIsNotRead: who asks for much and reads nothing is closed as any
// slow reader, and costs no more than what was on its way.
func TestFetchThatIsNotRead(t *testing.T) {
	t.Parallel()
	const dense = 6000
	store := openPast(t)
	store.fill(t, 1, dense, talk.MaxTextBytes)
	n := startOn(t, store, fanout.NewHub(), func(o *gateway.Options) { o.SlowAfter = time.Second })
	p := dial(t, n.addr, talk.JSON)
	p.join(2, "olga")
	p.say(talk.Fetch{RoomID: 1, Limit: 1, FetchBefore: math.MaxUint64})
	for deadline := time.Now().Add(patience); n.metric(t, "tuitalk_closed_total", "slow") == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the client that reads nothing is still there")
		}
		if most := n.server.MostQueued(); most > 512<<10 {
			t.Fatalf("%d bytes are queued for it", most)
		}
	}
	// the kernel's buffers took some
	if read := store.bytes.Load(); read > dense*talk.MaxTextBytes/2 {
		t.Errorf("%d bytes of %d were read from the store for it", read, dense*talk.MaxTextBytes)
	}
}

// TestFetchThroughFailures: an answer by time goes on when the store is back;
// else the rest of a second would be lost to the original's clients.
func TestFetchThroughFailures(t *testing.T) {
	t.Parallel()
	store := openPast(t)
	store.fill(t, 1, 400, 100)
	n := startOn(t, store, fanout.NewHub(), nil)
	s := &screen{peer: dial(t, n.addr, talk.Bincode)}
	s.join(2, "olga")
	s.log = nil
	store.failEvery.Store(2)
	s.fetch(1, 1, 400)
	s.wantAll(1, 400)
}

// TestFetchEndsInAnotherRoom: what is left of an answer does not get into the
// log of the next room.
func TestFetchEndsInAnotherRoom(t *testing.T) {
	t.Parallel()
	store := openPast(t)
	store.fill(t, 1, 3000, talk.MaxTextBytes)
	n := startOn(t, store, fanout.NewHub(), nil)
	p := dial(t, n.addr, talk.JSON)
	p.join(1, "olga")
	p.say(talk.Fetch{RoomID: 1, Limit: 1, FetchBefore: math.MaxUint64})
	p.join(2, "olga")
	p.say(talk.Fetch{RoomID: 2, Limit: 1, FetchBefore: 0})
	if h := expect[talk.History](p); len(h.Text) > 0 {
		t.Errorf("in room 2 comes a History of room 1, with %.12q", h.Text[0].(talk.Entry).Text)
	}
}

// TestFetchPaysForWhatItReturns: after one entry there is room for more; after
// five hundred the next message waits.
func TestFetchPaysForWhatItReturns(t *testing.T) {
	t.Parallel()
	store := openPast(t)
	store.fill(t, 1, 500, 20)
	n := startOn(t, store, fanout.NewHub(), func(o *gateway.Options) {
		o.Limits.Connection.Messages, o.Limits.Backlog = limits.Rate{PerSecond: 0.001, Burst: 12}, 1
	})
	for limit, paid := range map[int64]bool{1: false, 500: true} {
		p := hello(t, n.addr)
		p.join(2, "ada")
		p.say(talk.Fetch{RoomID: 1, Limit: limit, BeforeSeq: 501})
		for h := (talk.History{More: true}); h.More; {
			h = expect[talk.History](p)
		}
		refused := false
		hear := func() {
			for {
				switch m := p.hear().(type) {
				case talk.Stored:
					return
				case talk.Error:
					refused = m.Code == talk.CodeFlood
					return
				}
			}
		}
		p.post(2, "one")
		if !paid { // one message may wait, and so may this one: the fetch ends behind its last frame
			hear()
		}
		p.post(2, "two")
		hear()
		if refused != paid {
			t.Errorf("a fetch of %d entries: the next messages were refused: %v", limit, refused)
		}
	}
}

// TestFetchWaitsForItsBudget: an answer that is longer than what may be read at once
// comes whole, as fast as it may.
func TestFetchWaitsForItsBudget(t *testing.T) {
	t.Parallel()
	store := openPast(t)
	store.fill(t, 1, 100, talk.MaxTextBytes)
	n := startOn(t, store, fanout.NewHub(), func(o *gateway.Options) {
		o.Limits.History.Bytes = limits.Rate{PerSecond: 256 << 10, Burst: 128 << 10}
	})
	s := &screen{peer: dial(t, n.addr, talk.Bincode)}
	s.join(2, "olga")
	s.log = nil
	s.fetch(1, 100, 100)
	s.wantAll(1, 100)
	if n.metric(t, "tuitalk_delayed_messages_total", "history") == 0 {
		t.Error("nothing had to wait")
	}
}
