package historytest

import (
	"fmt"

	"tuitalk/history"
	"tuitalk/talk"
)

// clockThatWasAhead: a room that was written while the clock was ahead goes on, no
// second of it grows for ever, and it can be mended.
func clockThatWasAhead(e *env) {
	const good, bad, after = 10_000, 900_000, 10_050
	e.fill(1, good, good+1, good+2, bad, bad)
	e.fill(2, good)
	e.SetTime(after)
	for n := range 5 {
		posts := make([]talk.Entry, 300)
		for i := range posts {
			posts[i] = Post(1, "ada", fmt.Sprint("after/", n, "/", i), "text")
		}
		for i, r := range e.append(e.store(), posts...) {
			if r.UnixTime < bad || r.UnixTime > bad+10 {
				e.Fatalf("entry %d of batch %d is of %d", i, n, r.UnixTime)
			}
		}
		e.move(0, history.Move{Action: history.Enter, Key: key(1, fmt.Sprint("user", n), "w"), Name: "bob"})
	}
	const total = 5 + 5*301
	e.wantSeconds(1, total, 0, bad+10)
	for _, limit := range []int{1, 100} {
		e.pageByTime(1, total, limit)
	}
	e.mend(1, total-3)
	e.mend(1, 0)
	e.mend(2, 0)
	e.mend(77, 0)
	log := e.wantSeconds(1, total, 0, after)
	if log[2].UnixTime != good+2 || log[3].UnixTime > good+4 {
		e.Errorf("mended to %d, %d, …", log[2].UnixTime, log[3].UnixTime)
	}
	e.SetTime(after + 5)
	if r := e.append(e.store(), Post(1, "ada", "mended", "text")); r[0].UnixTime != after+5 || r[0].Seq != total+1 {
		e.Errorf("afterwards: %+v", r[0])
	}
	e.pageByTime(1, total+1, 7)
}

// mend mends a room, and checks how many entries that changed.
func (e *env) mend(room int32, want int64) {
	e.Helper()
	if n, err := e.store().(history.Mender).Mend(e.ctx, room); err != nil || n != want {
		e.Errorf("mend room %d: %d entries, %v; want %d", room, n, err, want)
	}
}

// wantSeconds checks the times of a room: from to to, and of no second more
// entries than may be.
func (e *env) wantSeconds(room int32, total int, from, to uint64) []talk.Entry {
	e.Helper()
	log := e.log(room)
	if len(log) != total {
		e.Fatalf("%d entries, want %d", len(log), total)
	}
	seconds := map[uint64]int{}
	for _, entry := range log {
		seconds[entry.UnixTime]++
		if entry.UnixTime < from || entry.UnixTime > to || seconds[entry.UnixTime] > history.FullSecond {
			e.Fatalf("entry %d is of %d, of which there are %d", entry.Seq, entry.UnixTime, seconds[entry.UnixTime])
		}
	}
	return log
}
