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

func readBeforeTime(e *env) {
	e.fill(1, 100, 100, 101, 103, 103, 103, 103, 104, 105, 105)
	e.fill(0, 103)
	e.fill(2, 0, 0, 5)
	for _, q := range []struct {
		room     int32
		before   uint64
		limit    int
		want     []int64
		complete bool
	}{
		{1, 106, 1, from(9, 10), false}, {1, 106, 2, from(9, 10), false}, {1, 106, 3, from(8, 10), false},
		{1, 106, 4, from(4, 10), false}, {1, 106, 7, from(4, 10), false}, {1, 106, 8, from(3, 10), false},
		{1, 106, 9, from(1, 10), true}, {1, 106, 10, from(1, 10), true}, {1, 106, 500, from(1, 10), true},
		{1, 105, 1, from(8, 8), false}, {1, 104, 1, from(4, 7), false}, {1, 103, 1, from(3, 3), false}, {1, 102, 1, from(3, 3), false},
		{1, 101, 1, from(1, 2), true}, {1, 100, 1, nil, true}, {1, 0, 1, nil, true}, {1, math.MaxUint64, 1, from(9, 10), false},
		{1, 106, 0, nil, false}, {9, 106, 5, nil, true}, {2, 5, 1, from(1, 2), true}, {2, 6, 1, from(3, 3), false}, {2, 1, 9, from(1, 2), true},
	} {
		got, complete, err := e.store().BeforeTime(e.ctx, q.room, q.before, q.limit)
		if err != nil {
			e.Fatal(err)
		}
		if !slices.Equal(seqs(got), q.want) || complete != q.complete {
			e.Errorf("%+v: %v, complete %v", q, seqs(got), complete)
		}
	}
	e.pageByTime(1, 10)
}

// pageByTime reads a room as the original's clients do: each page before the
// second of the oldest entry so far. Nothing is missing and nothing is twice.
func (e *env) pageByTime(room int32, total int64) {
	e.Helper()
	for limit := 1; limit <= 6; limit++ {
		var all []talk.Entry
		before, complete := uint64(math.MaxUint64), false
		for !complete {
			page, done, err := e.store().BeforeTime(e.ctx, room, before, limit)
			if err != nil {
				e.Fatal(err)
			}
			if len(page) == 0 && !done {
				e.Fatalf("limit %d: an empty page that is not the last, before %d", limit, before)
			}
			all, complete = append(page, all...), done
			if len(page) > 0 {
				before = page[0].UnixTime
			}
		}
		if !slices.Equal(seqs(all), from(1, total)) {
			e.Errorf("limit %d: %v", limit, seqs(all))
		}
	}
}

func headsAndRoom(e *env) {
	e.fill(1, 5, 6, 7)
	e.fill(-4, 9)
	rooms := []int32{9, 1, -4, 1, 10}
	heads, err := e.store().Heads(e.ctx, rooms)
	if err != nil || !slices.Equal(heads, []int64{0, 3, 1, 3, 0}) {
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

func idAt(e *env) {
	e.fill(1, 5, 6)
	for _, q := range []struct {
		room int32
		seq  int64
		want talk.UUID
		ok   bool
	}{
		{1, 1, UUID("1/0"), true}, {1, 2, UUID("1/1"), true}, {1, 3, talk.UUID{}, false}, {1, 0, talk.UUID{}, false},
		{1, -1, talk.UUID{}, false}, {2, 1, talk.UUID{}, false}, {1, math.MaxInt64, talk.UUID{}, false},
	} {
		id, ok, err := e.store().IDAt(e.ctx, q.room, q.seq)
		if err != nil || id != q.want || ok != q.ok {
			e.Errorf("room %d, seq %d: %v, %v, %v", q.room, q.seq, id, ok, err)
		}
	}
}
