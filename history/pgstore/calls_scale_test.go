//go:build integration && nightly

package pgstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"tuitalk/history"
	"tuitalk/talk"
)

const (
	largeRoom  = 0
	middleRoom = 4 // every 90th entry: no two on the same page
)

func (m *scale) measureReads() {
	for i, room := range []int32{largeRoom, middleRoom} {
		of, head := []string{"large room", "middle room"}[i], m.heads[i].Seq
		m.measureBefore("Before, head, "+of, room, func() int64 { return head + 1 })
		m.measureBefore("Before, middle, "+of, room, func() int64 { return 101 + rand.Int64N(head-100) })
		m.measureBefore("Before, oldest, "+of, room, func() int64 { return 101 })
	}
	ctx, s := m.t.Context(), m.store
	m.measure("After, oldest", 0, 200, func() func() error {
		return func() error {
			entries, err := s.After(ctx, largeRoom, 0, 100)
			return errors.Join(err, wantPage(entries, largeRoom))
		}
	})
	m.explain(afterQuery, largeRoom, 0, 100)
	seconds := int(m.town) / townPerSecond
	middle := func() int64 { return int64(townStart + seconds/4 + rand.IntN(seconds/2)) }
	m.measure("SpanBefore, middle", 0, 200, func() func() error {
		return func() error {
			first, last, err := s.SpanBefore(ctx, largeRoom, uint64(middle()), 100)
			return errors.Join(err, want(first > 0 && last-first >= 99, "a span of 100"))
		}
	})
	m.explain(spanQuery, largeRoom, middle(), 100)
	m.measure("EntryAt", 0, 400, func() func() error {
		return func() error {
			_, ok, err := s.EntryAt(ctx, largeRoom, 1+rand.Int64N(m.heads[0].Seq))
			return errors.Join(err, want(ok, "an id"))
		}
	})
	m.explain(entryAtQuery, largeRoom, 1+rand.Int64N(m.heads[0].Seq))
	m.measureHeads()
}

func (m *scale) measureBefore(name string, room int32, before func() int64) {
	m.measure(name, 0, 200, func() func() error {
		return func() error {
			entries, _, err := m.store.Before(m.t.Context(), room, before(), 100)
			return errors.Join(err, wantPage(entries, room))
		}
	})
	m.explain(beforeQuery, room, before(), 100)
}

func (m *scale) measureHeads() {
	rooms := make([]int32, 1000)
	for i := range rooms {
		rooms[i] = m.room(rand.IntN(int(m.town)))
	}
	m.measure("Heads of 1,000 rooms", 0, 100, func() func() error {
		return func() error {
			heads, err := m.store.Heads(m.t.Context(), rooms)
			return errors.Join(err, want(!slices.Contains(heads, history.Head{}), "all heads"))
		}
	})
	m.explain(headsQuery, array(len(rooms), func(i int) int32 { return rooms[i] }))
}

// measureAppends begins right after a checkpoint, when the first write of each
// page puts all of it into the write-ahead log. In the last row that is so for
// every page that a call writes: it cannot become worse.
func (m *scale) measureAppends() {
	m.checkpoint()
	m.measureAppend("Append 500", 500, 40, func() []talk.Entry { return m.posts(500) })
	m.measureAppend("Append 50", 50, 100, func() []talk.Entry { return m.posts(50) })
	m.measureAppend("Append 1", 1, 300, func() []talk.Entry { return m.posts(1) })
	m.measureRepeats()
	m.measureAppend("Append 500, 500 rooms, at worst", 500, 20, func() []talk.Entry {
		m.checkpoint()
		return m.scattered(500)
	})
}

func (m *scale) checkpoint() {
	if _, err := m.conn.Exec(m.t.Context(), `CHECKPOINT`); err != nil {
		m.t.Fatal(err)
	}
}

func (m *scale) measureAppend(name string, n, calls int, posts func() []talk.Entry) {
	m.measure(name, n, calls, func() func() error {
		batch := posts()
		return func() error {
			results, err := m.store.Append(m.t.Context(), batch)
			for _, r := range results {
				err = errors.Join(err, r.Err, want(!r.Repeat, "a new entry"))
			}
			return err
		}
	})
	m.explainAppend(posts)
}

// measureRepeats sends old entries once more.
func (m *scale) measureRepeats() {
	known := func() []talk.Entry {
		old, _, err := m.store.Before(m.t.Context(), largeRoom, 2+rand.Int64N(m.heads[0].Seq/2), 1)
		if err != nil || len(old) != 1 {
			m.t.Fatalf("%d old entries; %v", len(old), err)
		}
		return old
	}
	m.measure("Append 1 that is known", 0, 300, func() func() error {
		old := known()
		return func() error {
			results, err := m.store.Append(m.t.Context(), old)
			return errors.Join(err, want(err == nil && results[0].Repeat && results[0].Seq == old[0].Seq, "the first one's seq"))
		}
	})
	m.explainAppend(known)
}

func want(ok bool, what string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("it did not give %s", what)
}

// wantPage wants 100 entries of a room without a hole.
func wantPage(entries []talk.Entry, room int32) error {
	for i, e := range entries {
		if e.RoomID != room || e.Seq != entries[0].Seq+int64(i) {
			return fmt.Errorf("entry %d is %d of room %d", i, e.Seq, e.RoomID)
		}
	}
	return want(len(entries) == 100, "100 entries")
}
