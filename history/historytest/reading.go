package historytest

import (
	"fmt"
	"math"
	"slices"

	"tuitalk/history"
	"tuitalk/talk"
)

// fill appends n entries to a room, at the seconds that times gives them.
func (e *env) fill(room int32, times ...int64) []talk.Entry {
	e.Helper()
	for i, at := range times {
		e.SetTime(at)
		e.append(e.store(), Post(room, "ada", fmt.Sprint(room, "/", i), fmt.Sprint(i+1)))
	}
	return e.log(room)
}

func seqs(entries []talk.Entry) []int64 {
	s := make([]int64, len(entries))
	for i, entry := range entries {
		s[i] = entry.Seq
	}
	return s
}

func from(a, b int64) []int64 {
	s := []int64{}
	for ; a <= b; a++ {
		s = append(s, a)
	}
	return s
}

func readAfter(e *env) {
	log := e.fill(1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	e.fill(0, 1)
	e.fill(2, 1)
	for _, q := range []struct {
		room  int32
		after int64
		limit int
		want  []int64
	}{
		{1, 0, 100, from(1, 10)}, {1, 0, 3, from(1, 3)}, {1, 3, 3, from(4, 6)}, {1, 9, 3, from(10, 10)}, {1, 10, 3, nil},
		{1, math.MaxInt64, 3, nil}, {1, -5, 2, from(1, 2)}, {1, math.MinInt64, 2, from(1, 2)}, {1, 0, 0, nil}, {1, 0, -1, nil},
		{9, 0, 5, nil}, {2, 0, 5, from(1, 1)}, {1, 0, math.MaxInt32, from(1, 10)},
	} {
		got, err := e.store().After(e.ctx, q.room, q.after, q.limit)
		if err != nil {
			e.Fatal(err)
		}
		if !slices.Equal(seqs(got), q.want) {
			e.Errorf("%+v: %v", q, seqs(got))
		}
		for _, entry := range got {
			if q.room == 1 && entry != log[entry.Seq-1] {
				e.Errorf("%+v: entry %d differs", q, entry.Seq)
			}
		}
	}
}

func readBefore(e *env) {
	log := e.fill(1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	e.fill(0, 1, 1)
	for _, q := range []struct {
		room     int32
		before   int64
		limit    int
		want     []int64
		complete bool
	}{
		{1, 0, 3, from(8, 10), false}, {1, -3, 3, from(8, 10), false}, {1, 8, 3, from(5, 7), false}, {1, 3, 3, from(1, 2), true},
		{1, 4, 3, from(1, 3), true}, {1, 5, 3, from(2, 4), false}, {1, 1, 3, nil, true}, {1, 0, 10, from(1, 10), true},
		{1, 0, 11, from(1, 10), true}, {1, 99, 2, from(9, 10), false}, {1, math.MaxInt64, 1, from(10, 10), false},
		{9, 0, 5, nil, true}, {1, 0, 0, nil, false}, {0, 2, 5, from(1, 1), true},
	} {
		got, complete, err := e.store().Before(e.ctx, q.room, q.before, q.limit)
		if err != nil {
			e.Fatal(err)
		}
		if !slices.Equal(seqs(got), q.want) || complete != q.complete {
			e.Errorf("%+v: %v, complete %v", q, seqs(got), complete)
		}
		for _, entry := range got {
			if q.room == 1 && entry != log[entry.Seq-1] {
				e.Errorf("%+v: entry %d differs", q, entry.Seq)
			}
		}
	}
}

func spanBefore(e *env) {
	e.fill(1, 100, 100, 101, 103, 103, 103, 103, 104, 105, 105)
	e.fill(0, 103)
	e.fill(2, 0, 0, 5)
	e.fill(3, 50, 50, 50) // a clock that stands still
	for _, q := range []struct {
		room        int32
		before      uint64
		limit       int
		first, last int64
	}{
		{1, 106, 1, 9, 10}, {1, 106, 2, 9, 10}, {1, 106, 3, 8, 10},
		{1, 106, 4, 4, 10}, {1, 106, 7, 4, 10}, {1, 106, 8, 3, 10},
		{1, 106, 9, 1, 10}, {1, 106, 10, 1, 10}, {1, 106, 500, 1, 10},
		{1, 105, 1, 8, 8}, {1, 104, 1, 4, 7}, {1, 103, 1, 3, 3}, {1, 102, 1, 3, 3},
		{1, 101, 1, 1, 2}, {1, 100, 1, 1, 0}, {1, 0, 1, 1, 0}, {1, math.MaxUint64, 1, 9, 10}, {1, math.MaxInt64, 1, 9, 10},
		{1, math.MaxInt64 + 1, 3, 8, 10}, {1, 106, 0, 9, 10}, {1, 106, -7, 9, 10}, {1, 106, math.MaxInt, 1, 10},
		{9, 106, 5, 1, 0}, {2, 5, 1, 1, 2}, {2, 6, 1, 3, 3}, {2, 1, 9, 1, 2},
		{3, 51, 1, 1, 3}, {3, 50, 1, 1, 0}, {3, math.MaxUint64, 2, 1, 3},
	} {
		first, last, err := e.store().SpanBefore(e.ctx, q.room, q.before, q.limit)
		if err != nil {
			e.Fatal(err)
		}
		if first != q.first || last != q.last {
			e.Errorf("%+v: %d to %d", q, first, last)
		}
	}
	for limit := 1; limit <= 6; limit++ {
		e.pageByTime(1, 10, limit)
	}
}

// spanBeforeDenseSecond: however many entries a second has, they are all found,
// and those around it are not lost.
func spanBeforeDenseSecond(e *env) {
	const dense = 5000
	e.fill(1, 98, 99, 99)
	e.SetTime(100)
	entries := make([]talk.Entry, dense)
	for i := range entries {
		entries[i] = Post(1, "ada", fmt.Sprint("dense/", i), "text")
	}
	e.append(e.store(), entries...)
	e.SetTime(101)
	e.append(e.store(), Post(1, "ada", "behind", "text"))
	for _, limit := range []int{1, 2, 500} {
		e.pageByTime(1, dense+4, limit)
	}
}

// pageByTime reads a room as the original's clients do: each page before the
// second of the oldest entry so far. Nothing is missing and nothing is twice.
func (e *env) pageByTime(room int32, total int64, limit int) {
	e.Helper()
	var all []talk.Entry
	before := uint64(math.MaxUint64)
	for {
		first, last, err := e.store().SpanBefore(e.ctx, room, before, limit)
		if err != nil {
			e.Fatal(err)
		}
		if last == 0 {
			break
		}
		page, err := e.store().After(e.ctx, room, first-1, int(last-first+1))
		if err != nil {
			e.Fatal(err)
		}
		all = append(page, all...)
		before = page[0].UnixTime
	}
	if !slices.Equal(seqs(all), from(1, total)) {
		e.Errorf("limit %d: %d entries instead of %d, or not in order", limit, len(all), total)
	}
}

func headsAndRoom(e *env) {
	e.fill(1, 5, 6, 7)
	e.fill(-4, 9)
	rooms, one := []int32{9, 1, -4, 1, 10}, history.Head{Seq: 3, ID: UUID("1/2"), UnixTime: 7}
	heads, err := e.store().Heads(e.ctx, rooms)
	if err != nil || !slices.Equal(heads, []history.Head{{}, one, {Seq: 1, ID: UUID("-4/0"), UnixTime: 9}, one, {}}) {
		e.Errorf("heads of %v: %v, %v", rooms, heads, err)
	}
	if heads, err := e.store().Heads(e.ctx, nil); err != nil || len(heads) != 0 {
		e.Errorf("heads of nothing: %v, %v", heads, err)
	}
	for room, want := range map[int32]history.Room{
		1:  {HeadSeq: 3, HeadID: UUID("1/2"), HeadTime: 7},
		-4: {HeadSeq: 1, HeadID: UUID("-4/0"), HeadTime: 9},
		10: {},
	} {
		got, err := e.store().Room(e.ctx, room, 5)
		if err != nil || got.HeadSeq != want.HeadSeq || got.HeadID != want.HeadID || got.HeadTime != want.HeadTime || got.Count != 0 || len(got.Members) != 0 {
			e.Errorf("room %d: %+v, %v; want %+v", room, got, err, want)
		}
	}
}

func entryAt(e *env) {
	e.fill(1, 5, 6)
	for _, q := range []struct {
		room int32
		seq  int64
		want history.Head
		ok   bool
	}{
		{1, 1, history.Head{Seq: 1, ID: UUID("1/0"), UnixTime: 5}, true}, {1, 2, history.Head{Seq: 2, ID: UUID("1/1"), UnixTime: 6}, true},
		{1, 3, history.Head{}, false}, {1, 0, history.Head{}, false}, {1, -1, history.Head{}, false}, {2, 1, history.Head{}, false},
		{1, math.MaxInt64, history.Head{}, false},
	} {
		entry, ok, err := e.store().EntryAt(e.ctx, q.room, q.seq)
		if err != nil || entry != q.want || ok != q.ok {
			e.Errorf("room %d, seq %d: %v, %v, %v", q.room, q.seq, entry, ok, err)
		}
	}
}
