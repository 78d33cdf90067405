package gateway

import (
	"context"
	"math"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tuitalk/gateway/limits"
	"tuitalk/history"
	"tuitalk/talk"
)

// longSecond is a store with a room of so many long entries of the same second.
type longSecond struct {
	history.Store // the rest is not asked
	entries       int64
	read          int // bytes
	reads         int
	failing       bool
}

func (s *longSecond) SpanBefore(context.Context, int32, uint64, int) (first, last int64, err error) {
	return 1, s.entries, nil
}

func (s *longSecond) Before(_ context.Context, _ int32, before int64, limit int) ([]talk.Entry, bool, error) {
	s.reads++
	if s.failing {
		return nil, false, history.ErrUnavailable
	}
	var entries []talk.Entry
	for seq := max(1, before-int64(limit)); seq < before; seq++ {
		e := talk.Entry{Kind: talk.KindPosted, RoomID: 1, Seq: seq, Name: "ada", Text: strings.Repeat("z", talk.MaxTextBytes)}
		entries = append(entries, e)
		s.read += entryBytes(&e)
	}
	return entries, before-int64(limit) <= 1, nil
}

// historyReader is a connection of the original's form whose client reads all at once.
type historyReader struct {
	*conn
	t *testing.T
}

const (
	readPerSecond = 1000
	readAtOnce    = 128 << 10
)

// readHistory runs do in a bubble with a server that has little budget for what is
// read back.
func readHistory(t *testing.T, store *longSecond, do func(s *Server, r *historyReader)) {
	synctest.Test(t, func(t *testing.T) {
		s := keeperServer(t, store)
		cfg := limits.Config{MaxConns: 10, History: limits.Rates{Bytes: limits.Rate{PerSecond: readPerSecond, Burst: readAtOnce}}}
		s.limits = limits.New(cfg)
		s.timers.Start(s.vital)
		s.work.history.Start(s.ctx)
		r := &historyReader{conn: &conn{srv: s}, t: t}
		r.user.form, r.user.uuid = talk.JSON, newUUID()
		do(s, r)
		s.timers.Stop()
		s.work.history.Stop()
	})
}

func (r *historyReader) ask(limit int64) {
	r.t.Helper()
	r.locked(func(*user) {
		if e := r.fetch(talk.Fetch{RoomID: 1, Limit: limit, FetchBefore: math.MaxUint64}); e.Code != "" {
			r.t.Fatalf("refused: %+v", e)
		}
	})
}

// wait lets so much time pass, in which the client takes what comes, and tells whether
// the answer is at its end.
func (r *historyReader) wait(d time.Duration) (ended bool) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(time.Second, time.Until(end)))
		synctest.Wait()
		r.out.Drop(false, r.srv.pump)
		r.resumeBacklog()
		synctest.Wait()
	}
	r.locked(func(u *user) { ended = u.fetch == nil })
	return ended
}

// TestFetchNeverEscapesItsBudget: an answer that the budgets hold up for longer than
// they may gets no more than they let through, also where it goes on later; and it ends.
func TestFetchNeverEscapesItsBudget(t *testing.T) {
	store := &longSecond{entries: 1000}
	readHistory(t, store, func(s *Server, r *historyReader) {
		r.ask(1)
		const minutes = 10
		ended := r.wait(minutes * time.Minute)
		first := pieceEntries * (talk.MaxTextBytes + 3 + entryOverhead) // nobody knew how long they are
		if most := first + readAtOnce + minutes*60*readPerSecond; store.read > most {
			t.Errorf("%d bytes are read in %d minutes, at most %d may be", store.read, minutes, most)
		}
		if !ended {
			t.Error("the answer has neither come nor been given up")
		}
	})
}

// TestFetchHearsInTimeThatItWaits: who waits for the budgets to let the first piece
// through hears that they do not when historyGiveUp is over, however long they want.
func TestFetchHearsInTimeThatItWaits(t *testing.T) {
	store := &longSecond{entries: 1000}
	readHistory(t, store, func(s *Server, r *historyReader) {
		for range 100 { // others, who leave nothing
			other := &conn{srv: s}
			s.limits.AskHistory(s.clock.Elapsed(), &other.account, readAtOnce/32)
		}
		r.ask(500)
		if r.wait(historyGiveUp - time.Second) {
			t.Error("it was given up too early")
		}
		if !r.wait(2 * time.Second) {
			t.Errorf("there is neither an answer nor an error after %v", historyGiveUp)
		}
		if store.reads != 0 {
			t.Errorf("%d pieces are read", store.reads)
		}
	})
}

// TestFetchPaysForEachTry: a read that fails has cost the store as much as another.
func TestFetchPaysForEachTry(t *testing.T) {
	store := &longSecond{entries: 1000}
	readHistory(t, store, func(s *Server, r *historyReader) {
		s.limits = limits.New(limits.Config{MaxConns: 10, History: limits.Rates{Bytes: limits.Rate{PerSecond: 32 << 10, Burst: 1 << 20}}})
		r.ask(1)
		synctest.Wait()
		store.failing = true
		r.wait(20 * time.Second)
		if store.reads > 2+(1<<20+20*32<<10)/pieceBytes {
			t.Errorf("%d times it was tried to read in 20 s", store.reads)
		}
	})
}

// TestFetchPaysForWhatIsRead: what was read and does not fit in a piece is paid for, too.
func TestFetchPaysForWhatIsRead(t *testing.T) {
	const perSecond = 32 << 10
	store := &longSecond{entries: 200}
	readHistory(t, store, func(s *Server, r *historyReader) {
		s.limits = limits.New(limits.Config{MaxConns: 10, HistoryAddress: limits.Rates{Bytes: limits.Rate{PerSecond: perSecond, Burst: 16 * perSecond}}})
		s.limits.Accept(s.clock.Elapsed(), &r.account, netip.MustParseAddr("192.0.2.1"), false)
		r.ask(1)
		r.wait(6 * time.Second)
		if store.reads != 1 { // three pieces were read, for one that came
			t.Errorf("%d times it was read within 6 s", store.reads)
		}
		r.wait(15 * time.Second)
		if store.reads == 1 {
			t.Error("the answer does not go on")
		}
	})
}
