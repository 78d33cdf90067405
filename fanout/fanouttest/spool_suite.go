package fanouttest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"

	"tuitalk/fanout"
	"tuitalk/talk"
)

// SpoolCap is how many entries a partition of the spools under test takes.
const SpoolCap = 1200

// RunSpool puts a spool through the contract of fanout.Spool. Each call of open
// returns an empty one that takes SpoolCap entries a partition.
func RunSpool(t *testing.T, open func(t *testing.T) fanout.Spool) {
	for _, c := range []struct {
		name string
		test func(*testing.T, fanout.Spool)
	}{
		{"keeps entries in order", testSpoolOrder},
		{"takes an entry once", testSpoolRepeat},
		{"refuses beyond its cap", testSpoolFull},
		{"removes an entry with its id", testSpoolRemove},
		{"serves several drains", testSpoolDrains},
		{"adds nothing behind a hole", testSpoolLost},
		{"adds nothing behind a repeat that hides a hole", testSpoolLostBehindRepeat},
		{"adds nothing behind several of which one is lost", testSpoolLostOneOfSeveral},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// PendingEntry makes an entry as it goes into the spool.
func PendingEntry(room int32, author byte, n int) talk.Entry {
	e := talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: talk.UUID{author}, Name: "ada",
		Text: fmt.Sprintf("entry %d", n), UnixTime: 1_700_000_000, SentAt: 1_700_000_000, Pending: true}
	binary.BigEndian.PutUint64(e.ID[8:], uint64(n))
	return e
}

func pendingEntries(room int32, from, to int) []talk.Entry {
	var all []talk.Entry
	for n := from; n < to; n++ {
		all = append(all, PendingEntry(room, 1, n))
	}
	return all
}

func addAll(t *testing.T, s fanout.Spool, entries []talk.Entry) {
	t.Helper()
	for i, err := range s.Add(t.Context(), entries) {
		if err != nil {
			t.Fatalf("add entry %d: %v", i, err)
		}
	}
}

// readAll reads a partition page by page.
func readAll(t *testing.T, s fanout.Spool, partition, page int) []fanout.Spooled {
	t.Helper()
	var all []fanout.Spooled
	var after fanout.SpoolID
	for {
		some, err := s.Read(t.Context(), partition, after, page)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
		if len(some) < page {
			return all
		}
		after = some[len(some)-1].ID
	}
}

func depth(t *testing.T, s fanout.Spool, partition int) int64 {
	t.Helper()
	depths, err := s.Depths(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(depths) != s.Partitions() {
		t.Fatalf("%d depths of %d partitions", len(depths), s.Partitions())
	}
	return depths[partition]
}

func testSpoolOrder(t *testing.T, s fanout.Spool) {
	var all []talk.Entry
	for n := range 300 {
		for _, room := range []int32{1, 2, -3} {
			all = append(all, PendingEntry(room, byte(n%2), n))
		}
	}
	for i := 0; i < len(all); i += 90 {
		addAll(t, s, all[i:i+90])
	}
	for _, room := range []int32{1, 2, -3} {
		part := s.Partition(room)
		if part < 0 || part >= s.Partitions() {
			t.Fatalf("room %d is in partition %d of %d", room, part, s.Partitions())
		}
		n := 0
		for _, got := range readAll(t, s, part, 7) {
			if got.Entry.RoomID != room {
				continue
			}
			if want := PendingEntry(room, byte(n%2), n); got.Err != nil || got.Entry != want {
				t.Fatalf("room %d: got %+v, %v, want %+v", room, got.Entry, got.Err, want)
			}
			n++
		}
		if n != 300 {
			t.Errorf("room %d: %d entries, want 300", room, n)
		}
	}
}

func testSpoolRepeat(t *testing.T, s fanout.Spool) {
	e := PendingEntry(1, 1, 1)
	addAll(t, s, []talk.Entry{e, e})
	again := e
	again.Text, again.SentAt = "changed", e.SentAt+9
	addAll(t, s, []talk.Entry{again})
	stranger := e
	stranger.Author = talk.UUID{2}
	elsewhere := e
	elsewhere.RoomID = 2
	addAll(t, s, []talk.Entry{stranger, elsewhere})

	found := 0
	for _, got := range readAll(t, s, s.Partition(1), 10) {
		if got.Entry == e {
			found++
		}
		if got.Entry == again {
			t.Error("a repeat replaced the first")
		}
	}
	if found != 1 {
		t.Errorf("the entry is there %d times, want once", found)
	}
	var total int64
	for p := range s.Partitions() {
		total += depth(t, s, p)
	}
	if total != 3 {
		t.Errorf("%d entries, want 3: the same id of another author or room is another entry", total)
	}
}

func testSpoolFull(t *testing.T, s fanout.Spool) {
	results := s.Add(t.Context(), pendingEntries(1, 0, SpoolCap+10))
	for i, err := range results {
		if i < SpoolCap && err != nil || i >= SpoolCap && !errors.Is(err, fanout.ErrSpoolFull) {
			t.Fatalf("entry %d of %d: %v", i, SpoolCap, err)
		}
	}
	if d := depth(t, s, s.Partition(1)); d != SpoolCap {
		t.Errorf("depth %d, want %d", d, SpoolCap)
	}
	addAll(t, s, pendingEntries(1, 0, 10)) // repeats need no space
	first := readAll(t, s, s.Partition(1), SpoolCap)[0]
	if err := s.Remove(t.Context(), s.Partition(1), first.ID); err != nil {
		t.Fatal(err)
	}
	addAll(t, s, pendingEntries(1, SpoolCap, SpoolCap+1))
}

func testSpoolRemove(t *testing.T, s fanout.Spool) {
	part := s.Partition(5)
	if err := s.Remove(t.Context(), part, "1-1"); err != nil {
		t.Errorf("remove what is not there: %v", err)
	}
	addAll(t, s, pendingEntries(5, 0, 1100))
	var ids []fanout.SpoolID
	for i, e := range readAll(t, s, part, 600) {
		if i != 500 {
			ids = append(ids, e.ID)
		}
	}
	for range 2 {
		if err := s.Remove(t.Context(), part, ids...); err != nil {
			t.Fatal(err)
		}
		if left := readAll(t, s, part, 10); len(left) != 1 || left[0].Entry != PendingEntry(5, 1, 500) {
			t.Fatalf("left: %+v", left)
		}
	}
	// Its id went with it: the same entry is new again, and comes last.
	addAll(t, s, pendingEntries(5, 0, 1))
	if all := readAll(t, s, part, 10); len(all) != 2 || all[1].Entry != PendingEntry(5, 1, 0) {
		t.Errorf("after adding a removed entry again: %+v", all)
	}
}

// testSpoolDrains drains one partition by several at once, each stopping after
// every step in turn as if it had died, into a store that knows its ids.
func testSpoolDrains(t *testing.T, s fanout.Spool) {
	const total = 1000
	part := s.Partition(9)
	addAll(t, s, pendingEntries(9, 0, total))
	var mu sync.Mutex
	var log []talk.Entry
	stored := make(map[talk.UUID]bool)
	store := func(e talk.Entry) {
		mu.Lock()
		defer mu.Unlock()
		if !stored[e.ID] {
			stored[e.ID] = true
			log = append(log, e)
		}
	}
	var drains sync.WaitGroup
	for d := range 3 {
		drains.Go(func() {
			for round := d; ; round++ {
				some, err := s.Read(t.Context(), part, "", 50)
				if err != nil {
					t.Error(err)
				}
				if err != nil || len(some) == 0 {
					return
				}
				die := round % 3
				if die == 0 {
					some = some[:len(some)/2+1]
				}
				for _, e := range some {
					store(e.Entry)
				}
				if die == 1 {
					continue
				}
				ids := make([]fanout.SpoolID, len(some))
				for i, e := range some {
					ids[i] = e.ID
				}
				if err := s.Remove(t.Context(), part, ids...); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	drains.Wait()
	if len(log) != total {
		t.Fatalf("%d entries stored, want %d", len(log), total)
	}
	for n, e := range log {
		if e != PendingEntry(9, 1, n) {
			t.Fatalf("entry %d is %+v", n, e)
		}
	}
	if d := depth(t, s, part); d != 0 {
		t.Errorf("%d entries are left", d)
	}
}

// testSpoolLost: the end of a partition gets lost, and more is added.
func testSpoolLost(t *testing.T, s fanout.Spool) {
	const more = 1100 // that no implementation adds in one go
	part := s.Partition(5)
	addAll(t, s, pendingEntries(5, 0, 4))
	behind := func(n int) talk.Entry { return PendingEntry(5, 1, n) }
	for i, err := range s.Add(t.Context(), pendingEntries(5, 3, 5), behind(3)) {
		if err != nil {
			t.Fatalf("entry %d behind one that is there: %v", i, err)
		}
	}
	for i, e := range readAll(t, s, part, 10) {
		if i >= 2 { // 2, 3 and 4 are lost
			if err := s.Remove(t.Context(), part, e.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	near := int32(6)
	for s.Partition(near) != part {
		near++
	}
	mixed := append([]talk.Entry{PendingEntry(near, 1, 0)}, pendingEntries(5, 5, more)...)
	results := s.Add(t.Context(), append(mixed, PendingEntry(near, 1, 1)), behind(4))
	for i, err := range results {
		if lost := errors.Is(err, fanout.ErrSpoolLost); lost != (i > 0 && i < len(results)-1) || !lost && err != nil {
			t.Fatalf("entry %d behind one that is lost: %v", i, err)
		}
	}
	if d := depth(t, s, part); d != 4 {
		t.Errorf("depth %d, want 2 of the one room and 2 of the other", d)
	}
	addAll(t, s, pendingEntries(5, 0, more)) // all that he has of the room
	n := 0
	for _, got := range readAll(t, s, part, 500) {
		if got.Entry.RoomID == 5 {
			if want := PendingEntry(5, 1, n); got.Entry != want {
				t.Fatalf("entry %d is %+v", n, got.Entry)
			}
			n++
		}
	}
	if n != more {
		t.Errorf("%d entries, want %d", n, more)
	}
}

// testSpoolLostOneOfSeveral: who adds names the last entry of each author, and the end
// of the partition gets lost; which of them that is, he cannot know.
func testSpoolLostOneOfSeveral(t *testing.T, s fanout.Spool) {
	first, last, next := PendingEntry(5, 1, 0), PendingEntry(5, 2, 1), PendingEntry(5, 3, 2)
	addAll(t, s, []talk.Entry{first, last})
	all := readAll(t, s, s.Partition(5), 10)
	if err := s.Remove(t.Context(), s.Partition(5), all[1].ID); err != nil {
		t.Fatal(err)
	}
	for _, behind := range [][]talk.Entry{{first, last}, {last, first}} {
		if err := s.Add(t.Context(), []talk.Entry{next}, behind...)[0]; !errors.Is(err, fanout.ErrSpoolLost) {
			t.Fatalf("behind %q and %q: %v", behind[0].Text, behind[1].Text, err)
		}
	}
	addAll(t, s, []talk.Entry{first, last})
	if err := s.Add(t.Context(), []talk.Entry{next}, last, first)[0]; err != nil {
		t.Fatalf("behind two that are there: %v", err)
	}
}

// testSpoolLostBehindRepeat: the last entry of a room gets lost, and who adds more
// begins with what is there: one entry, or more than any implementation adds in one go.
func testSpoolLostBehindRepeat(t *testing.T, s fanout.Spool) {
	const more = 3
	for room, there := range map[int32]int{5: 1, 6: SpoolCap/2 - more} {
		part := s.Partition(room)
		addAll(t, s, pendingEntries(room, 0, there+1))
		all := readAll(t, s, part, SpoolCap)
		if err := s.Remove(t.Context(), part, all[len(all)-1].ID); err != nil {
			t.Fatal(err)
		}
		repeats, fresh := pendingEntries(room, 0, there), pendingEntries(room, there+1, there+more)
		for i, err := range s.Add(t.Context(), append(repeats, fresh...), PendingEntry(room, 1, there)) {
			if i < there && err != nil || i >= there && !errors.Is(err, fanout.ErrSpoolLost) {
				t.Fatalf("room %d: entry %d of which %d are there, behind one that is lost: %v", room, i, there, err)
			}
		}
		// All that he has of the room, once more with an early one behind.
		addAll(t, s, append(pendingEntries(room, 0, there+1), append(pendingEntries(room, 0, 1), fresh...)...))
		n := 0
		for _, got := range readAll(t, s, part, SpoolCap) {
			if got.Entry.RoomID != room {
				continue
			}
			if want := PendingEntry(room, 1, n); got.Entry != want {
				t.Fatalf("room %d: entry %d is %+v", room, n, got.Entry)
			}
			n++
		}
		if n != there+more {
			t.Errorf("room %d: %d entries, want %d", room, n, there+more)
		}
	}
}
