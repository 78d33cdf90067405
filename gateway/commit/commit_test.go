package commit

import (
	"log/slog"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway/sched"
	"tuitalk/history"
	"tuitalk/talk"
)

// alone is what a Committer works with that has no rooms, no spool and no store yet.
func alone(t *testing.T) Config {
	t.Helper()
	clock := sched.NewClock(time.Now())
	loops := sched.NewLoops(clock)
	return Config{
		Lanes: 1, QueueBytes: 16 << 20, MaxMoves: 1000, Store: storeThatIsUp{}, Rooms: &noRooms{}, Metrics: uncounted{},
		Clock: clock, Loops: loops, Timers: sched.NewTimers(loops), Log: slog.New(slog.DiscardHandler), Failpoint: func(string) {},
	}
}

func unwatched(_ *sched.Loop, f func()) func() { return f }

type storeThatIsUp struct{}

func (storeThatIsUp) Up() bool       { return true }
func (storeThatIsUp) Outages() int64 { return 0 }
func (storeThatIsUp) Note(error)     {}

type uncounted struct{}

func (uncounted) Count(Counter, int)          {}
func (uncounted) Appended(int, time.Duration) {}
func (uncounted) Moved(int, time.Duration)    {}

// noRooms has no room here, and notes how many entries were placed.
type noRooms struct{ placed int }

func (r *noRooms) Get(int32) Room                          { return nil }
func (r *noRooms) List() []Room                            { return nil }
func (r *noRooms) Place(_ int32, entries []talk.Entry)     { r.placed += len(entries) }
func (r *noRooms) ShowAccepted(int32, []talk.Entry)        {}
func (r *noRooms) Replayed([]talk.Entry, []history.Result) {}
func (r *noRooms) Withdraw(int32, []fanout.Gone)           {}

// original is a client of the original's forms, of which a post that may be stored is
// offered again.
type original struct{}

func (original) MustFollow(*Post) (superseded, behind bool, name string) { return false, false, "ada" }
func (original) Repeats() bool                                           { return false }
func (original) Retained(uint64)                                         {}
func (original) RefuseBehindRetained()                                   {}
func (original) Stored(*Post, history.Result)                            {}
func (original) Accepted(*Post)                                          {}
func (original) SendAgain(*Post, talk.Code, string)                      {}
func (original) Unclear()                                                {}

// TestAckingIsManySteps: a commit may be for many rooms, each of thousands, and whoever
// looks whether its lane makes progress must see that between them.
func TestAckingIsManySteps(t *testing.T) {
	t.Parallel()
	cfg := alone(t)
	rooms := &noRooms{}
	cfg.Rooms = rooms
	c := New(cfg)
	entries, results := make([]talk.Entry, 6), make([]history.Result, 6)
	posts := make([]Post, 6)
	for i := range entries {
		entries[i].RoomID, results[i].Seq = int32(i%3), int64(i+1)
		posts[i].From = original{}
	}
	steps := 0
	c.ackPosts(posts, entries, results, func() { steps++ })
	if steps != 3 || rooms.placed != 6 {
		t.Errorf("%d steps for three rooms, and %d entries are placed", steps, rooms.placed)
	}
}
