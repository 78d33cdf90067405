package fanouttest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"tuitalk/fanout"
	"tuitalk/talk"
)

// Make opens one bus, with a node for each handler. The test closes them; a
// node that is closed twice answers ErrClosed.
type Make func(t *testing.T, handlers ...fanout.Handler) []fanout.Bus

// Run puts a bus through the contract of fanout.Bus.
func Run(t *testing.T, open Make) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Make)
	}{
		{"delivers to who subscribed", testDelivers},
		{"keeps the order of a publisher", testOrder},
		{"subscribes once", testShared},
		{"stops after unsubscribe", testUnsubscribed},
		{"spares the publisher", testNotSelf},
		{"reports an overflow", testOverflow},
		{"hands over what was published", testFaithful},
		{"many rooms", testManyRooms},
		{"close waits", testClose},
		{"everything at once", testConcurrent},
		{"heeds a cancelled context", testCancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}

// nodes opens a bus of n nodes that the test closes at its end.
func nodes(t *testing.T, open Make, n int) ([]fanout.Bus, []*Recorder) {
	t.Helper()
	recorders := make([]*Recorder, n)
	handlers := make([]fanout.Handler, n)
	for i := range recorders {
		recorders[i] = NewRecorder()
		handlers[i] = recorders[i]
	}
	buses := open(t, handlers...)
	if len(buses) != n {
		t.Fatalf("%d nodes opened, want %d", len(buses), n)
	}
	t.Cleanup(func() {
		for i, bus := range buses {
			if err := bus.Close(); err != nil && !errors.Is(err, fanout.ErrClosed) {
				t.Errorf("close: %v", err)
			}
			recorders[i].Check(t)
			if busy := recorders[i].Busy(); busy != 0 {
				t.Errorf("%d deliveries under way after close", busy)
			}
		}
	})
	return buses, recorders
}

// Note makes a note of one entry.
func Note(room int32, seq int64) *fanout.Note {
	return &fanout.Note{Room: room, Entries: []talk.Entry{{
		Kind:     talk.KindPosted,
		RoomID:   room,
		Author:   talk.UUID{1, 2, 3},
		ID:       talk.UUID{4, byte(seq >> 16), byte(seq >> 8), byte(seq)},
		Name:     "ada",
		Text:     fmt.Sprintf("entry %d", seq),
		UnixTime: 1_700_000_000 + uint64(seq),
		Seq:      seq,
	}}}
}

func seqs(notes []*fanout.Note) []int64 {
	list := make([]int64, len(notes))
	for i, n := range notes {
		list[i] = n.Entries[0].Seq
	}
	return list
}

func subscribe(t *testing.T, bus fanout.Bus, room int32) {
	t.Helper()
	if err := bus.Subscribe(t.Context(), room); err != nil {
		t.Fatalf("subscribe to room %d: %v", room, err)
	}
}

func publish(t *testing.T, bus fanout.Bus, note *fanout.Note) {
	t.Helper()
	if err := bus.Publish(t.Context(), note); err != nil {
		t.Fatalf("publish to room %d: %v", note.Room, err)
	}
}

func testDelivers(t *testing.T, open Make) {
	buses, got := nodes(t, open, 3)
	for i, room := range []int32{1, 0, -1, math.MaxInt32, math.MinInt32} {
		subscribe(t, buses[0], room)
		subscribe(t, buses[1], room)
		publish(t, buses[2], Note(room, int64(i+1)))
		for n := range 2 {
			if s := seqs(got[n].AwaitNotes(t, room, 1)); s[0] != int64(i+1) {
				t.Errorf("node %d, room %d: got seq %d, want %d", n, room, s[0], i+1)
			}
		}
	}
	if !buses[0].Healthy() {
		t.Error("the bus delivers and is not healthy")
	}
	if n := got[2].Count(); n != 0 {
		t.Errorf("%d notes came to a node that never subscribed", n)
	}
}

func testOrder(t *testing.T, open Make) {
	const publishers, each = 3, 2000
	buses, got := nodes(t, open, publishers+1)
	subscribe(t, buses[publishers], 7)
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				note := Note(7, int64(p*each+i+1))
				if err := buses[p].Publish(t.Context(), note); err != nil {
					t.Errorf("publish: %v", err)
				}
			}
		})
	}
	wg.Wait()
	r := got[publishers]
	r.await(t, "all notes, or that some are lost", func() bool { // as a busy machine may lose a connection
		return len(r.notes[7]) >= publishers*each || r.lost[7] > 0
	})
	last := make([]int64, publishers)
	for _, seq := range seqs(r.Notes(7)) {
		p := (seq - 1) / each
		if seq <= last[p] {
			t.Fatalf("publisher %d: seq %d came behind %d", p, seq, last[p])
		}
		last[p] = seq
	}
}

func testShared(t *testing.T, open Make) {
	buses, got := nodes(t, open, 3)
	for range 3 {
		subscribe(t, buses[0], 5)
	}
	subscribe(t, buses[2], 5)
	publish(t, buses[1], Note(5, 1))
	publish(t, buses[1], Note(5, 2))
	if s := seqs(got[0].AwaitNotes(t, 5, 2)); !reflect.DeepEqual(s, []int64{1, 2}) {
		t.Errorf("got %v, want each once", s)
	}
	if err := buses[0].Unsubscribe(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	publish(t, buses[1], Note(5, 3))
	got[2].AwaitNotes(t, 5, 3)
	subscribe(t, buses[0], 5)
	publish(t, buses[1], Note(5, 4))
	if s := seqs(got[0].AwaitNotes(t, 5, 3)); !reflect.DeepEqual(s, []int64{1, 2, 4}) {
		t.Errorf("got %v, want 1, 2, 4: one unsubscribe ends all", s)
	}
}

// A publish may still be under way when it returns. So that a note is certain to
// have passed while nobody was subscribed, another node waits for it.
func testUnsubscribed(t *testing.T, open Make) {
	buses, got := nodes(t, open, 3)
	subscribe(t, buses[2], 9)
	if err := buses[0].Unsubscribe(t.Context(), 9); err != nil {
		t.Errorf("unsubscribe from what was never subscribed: %v", err)
	}
	for seq := int64(1); seq < 200; seq += 2 {
		subscribe(t, buses[0], 9)
		publish(t, buses[1], Note(9, seq))
		got[0].AwaitNotes(t, 9, int(seq+1)/2)
		if err := buses[0].Unsubscribe(t.Context(), 9); err != nil {
			t.Fatal(err)
		}
		publish(t, buses[1], Note(9, seq+1))
		got[2].AwaitNotes(t, 9, int(seq+1))
	}
	for _, seq := range seqs(got[0].Notes(9)) {
		if seq%2 == 0 {
			t.Errorf("note %d came after unsubscribe", seq)
		}
	}
}

func testNotSelf(t *testing.T, open Make) {
	buses, got := nodes(t, open, 2)
	subscribe(t, buses[0], 3)
	subscribe(t, buses[1], 3)
	for i := range 100 {
		publish(t, buses[i%2], Note(3, int64(i)))
	}
	for n := range 2 {
		for _, seq := range seqs(got[n].AwaitNotes(t, 3, 50)) {
			if int(seq%2) == n {
				t.Errorf("node %d got its own note %d", n, seq)
			}
		}
	}
	if n := got[0].LostCount(3) + got[1].LostCount(3); n != 0 {
		t.Errorf("%d losses where nothing was lost", n)
	}
}

func testOverflow(t *testing.T, open Make) {
	buses, got := nodes(t, open, 2)
	subscribe(t, buses[0], 4)
	release := got[0].Hold()
	defer release()
	publish(t, buses[1], Note(4, 1))
	<-got[0].Entered

	large := Note(4, 2)
	large.Entries[0].Text = strings.Repeat("x", talk.MaxTextBytes)
	for i := range 500 {
		e := large.Entries[0]
		e.Seq = int64(i + 2)
		large.Entries = append(large.Entries, e)
	}
	// More than any queue on the way may hold; who publishes never waits for
	// the handler, which is held.
	before := got[0].LostCount(4)
	for range 64 << 20 / large.Size() {
		if err := buses[1].Publish(t.Context(), large); errors.Is(err, fanout.ErrClosed) {
			t.Fatal(err)
		}
	}
	release()
	got[0].AwaitLost(t, 4, before)

	seen := len(got[0].Notes(4))
	subscribe(t, buses[0], 44)
	publish(t, buses[1], Note(44, 1))
	got[0].AwaitNotes(t, 44, 1)
	publish(t, buses[1], Note(4, 1000))
	got[0].await(t, "delivery to go on", func() bool {
		notes := got[0].notes[4]
		return len(notes) > seen && notes[len(notes)-1].Entries[0].Seq == 1000
	})
}

func testFaithful(t *testing.T, open Make) {
	buses, got := nodes(t, open, 2)
	id := func(b byte) talk.UUID { return talk.MakeUUID(8, [16]byte{b, 0xff}) }
	notes := []*fanout.Note{
		{Room: -6, Entries: []talk.Entry{
			{Kind: talk.KindJoined, RoomID: -6, Author: id(1), Name: "ada", UnixTime: 1, ID: id(2), Seq: 1},
			{Kind: talk.KindRenamed, RoomID: -6, Author: id(1), Name: "bob", Text: "ada", UnixTime: 1, ID: id(3), Seq: 2},
			{Kind: talk.KindPosted, RoomID: -6, Author: id(1), Name: "b\u0301ø", Text: "a\nb\x01\U0001F469\u200d\U0001F680 " + strings.Repeat("é", 2000),
				UnixTime: math.MaxUint32, ID: id(4), Seq: math.MaxInt64, SentAt: 1_700_000_000},
			{Kind: talk.KindLeft, RoomID: -6, Author: id(1), Name: "bob", UnixTime: math.MaxUint64, ID: id(5), Seq: 4},
		}},
		{Room: -6, Entries: []talk.Entry{{Kind: talk.KindPosted, RoomID: -6, Author: id(9), Text: "waits", ID: id(8), SentAt: 5, Pending: true}}},
		{Room: -6, Gone: []fanout.Gone{{Author: id(1), ID: id(2)}, {Author: id(3), ID: id(4)}}},
		{Room: -6, Stored: []fanout.Stored{{Author: id(1), ID: id(2), Seq: math.MaxInt64}}},
		{Room: -6, Count: 100_000},
	}
	subscribe(t, buses[0], -6)
	for _, n := range notes {
		publish(t, buses[1], n)
	}
	for i, n := range got[0].AwaitNotes(t, -6, len(notes)) {
		if !reflect.DeepEqual(n, notes[i]) {
			t.Errorf("published %+v\ngot       %+v", notes[i], n)
		}
	}
}

func testManyRooms(t *testing.T, open Make) {
	const rooms, workers = 10_000, 64
	buses, got := nodes(t, open, 2)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for room := w; room < rooms; room += workers {
				if err := buses[0].Subscribe(t.Context(), int32(room)); err != nil {
					t.Errorf("subscribe to room %d: %v", room, err)
				}
			}
		})
	}
	wg.Wait()
	for room := range rooms {
		publish(t, buses[1], Note(int32(room), int64(room+1)))
	}
	got[0].AwaitCount(t, rooms)
	for room := range rooms {
		if s := seqs(got[0].Notes(int32(room))); len(s) != 1 || s[0] != int64(room+1) {
			t.Fatalf("room %d: got %v", room, s)
		}
	}
}

func testClose(t *testing.T, open Make) {
	buses, got := nodes(t, open, 2)
	subscribe(t, buses[0], 2)
	release := got[0].Hold()
	defer release()
	publish(t, buses[1], Note(2, 1))
	<-got[0].Entered
	publish(t, buses[1], Note(2, 2))

	closed := make(chan int)
	go func() {
		if err := buses[0].Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		closed <- got[0].Busy()
	}()
	for buses[0].Publish(t.Context(), Note(2, 3)) == nil {
	}
	release()
	if busy := <-closed; busy != 0 {
		t.Error("close returned while a delivery was under way")
	}
	count := got[0].Count()

	if err := buses[0].Publish(t.Context(), Note(2, 4)); !errors.Is(err, fanout.ErrClosed) {
		t.Errorf("publish after close: %v", err)
	}
	if err := buses[0].Subscribe(t.Context(), 2); !errors.Is(err, fanout.ErrClosed) {
		t.Errorf("subscribe after close: %v", err)
	}
	if err := buses[0].Unsubscribe(t.Context(), 2); !errors.Is(err, fanout.ErrClosed) {
		t.Errorf("unsubscribe after close: %v", err)
	}
	if err := buses[0].Close(); !errors.Is(err, fanout.ErrClosed) {
		t.Errorf("close after close: %v", err)
	}
	if buses[0].Healthy() {
		t.Error("a closed bus is healthy")
	}
	publish(t, buses[1], Note(2, 5))
	if n := got[0].Count(); n != count {
		t.Errorf("%d deliveries after close", n-count)
	}
}

func testConcurrent(t *testing.T, open Make) {
	const workers, steps, rooms = 6, 300, 20
	buses, got := nodes(t, open, 3)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			bus := buses[w%len(buses)]
			for i := range steps {
				room := int32((w*7 + i*13) % rooms)
				var err error
				switch i % 3 {
				case 0:
					err = bus.Subscribe(t.Context(), room)
				case 1:
					err = bus.Publish(t.Context(), Note(room, int64(i)))
				case 2:
					err = bus.Unsubscribe(t.Context(), room)
				}
				if err != nil {
					t.Errorf("step %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	for room := range int32(rooms) {
		subscribe(t, buses[0], room)
		seen := len(got[0].Notes(room))
		publish(t, buses[1], Note(room, int64(steps)))
		got[0].await(t, "the last note", func() bool {
			notes := got[0].notes[room]
			return len(notes) > seen && notes[len(notes)-1].Entries[0].Seq == steps
		})
	}
}

func testCancelled(t *testing.T, open Make) {
	buses, _ := nodes(t, open, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := buses[0].Subscribe(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("subscribe: %v, want %v", err, context.Canceled)
	}
}
