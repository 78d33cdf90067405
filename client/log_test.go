package client

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"tuitalk/talk"
)

func TestLogAgainstASlice(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var log Log
	var want []talk.Entry
	first, last := int64(1000), int64(1000)
	for range 20_000 {
		switch n := rng.IntN(100); {
		case n < 50:
			e := textEntry(last)
			last++
			log.append(e)
			want = append(want, e)
		case n < 90:
			first--
			e := textEntry(first)
			log.prepend(e)
			want = append([]talk.Entry{e}, want...)
		case n < 99 && len(want) > 0:
			most := rng.IntN(2 * len(want))
			if log.trim(most, 1<<30) {
				first += int64(len(want) - most)
				want = want[len(want)-most:]
			}
		case n == 99 && rng.IntN(20) == 0:
			log.reset()
			want, first = nil, last
		}
		if log.Len() != len(want) {
			t.Fatalf("%d entries, not %d", log.Len(), len(want))
		}
		if len(want) > 0 {
			i := rng.IntN(len(want))
			if *log.At(i) != want[i] || *log.At(0) != want[0] || *log.At(len(want) - 1) != want[len(want)-1] {
				t.Fatalf("entry %d is %+v", i, *log.At(i))
			}
		}
	}
}

func TestLogTrimsBytes(t *testing.T) {
	var log Log
	total := 0
	for seq := int64(1); seq <= 500; seq++ {
		e := textEntry(seq)
		e.Text = strings.Repeat("x", int(seq))
		log.append(e)
		log.trim(1000, 10_000)
		total = 0
		for i := range log.Len() {
			total += len(log.At(i).Text)
		}
		if total > 10_000 || total != log.bytes {
			t.Fatalf("%d bytes, counted as %d", total, log.bytes)
		}
	}
	if total < 5000 {
		t.Errorf("only %d bytes are kept", total)
	}
}

// 100,000 entries of 80 bytes by few people fit in 64 MiB with room to spare.
func TestLogMemory(t *testing.T) {
	before := heapBytes()
	var log Log
	for seq := int64(1); seq <= 100_000; seq++ {
		e := textEntry(seq)
		e.Name = strings.Clone("some name that many have")
		e.Text = strings.Repeat("x", 80)
		log.append(e)
	}
	if used := heapBytes() - before; used > 24<<20 {
		t.Errorf("%d MiB", used>>20)
	}
	runtime.KeepAlive(&log)
}

func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestEntryAllocations(t *testing.T) {
	r := online(t)
	seq := int64(5)
	events := make([]Event, 2000)
	for i := range events {
		events[i] = Received{1, textEntry(seq + int64(i) + 1)}
	}
	i := 0
	if n := testing.AllocsPerRun(len(events)-1, func() {
		r.s.Handle(r.now, events[i])
		i++
	}); n > 1 {
		t.Errorf("%v allocations for an entry", n)
	}
}

func BenchmarkEntry(b *testing.B) {
	s, err := New(Config{Servers: []string{"ws://a"}, Room: 1, Keep: 1000, History: -1}, known())
	if err != nil {
		b.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	for _, ev := range []Event{
		Start{}, Opened{1}, Received{1, talk.Welcome{UUID: meID}}, Received{1, talk.Joined{RoomID: 1}},
	} {
		s.Handle(now, ev)
	}
	e := textEntry(1)
	seq := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		seq++
		e.Seq = seq
		s.Handle(now, Received{1, e})
	}
	if s.last != seq {
		b.Fatal("not shown")
	}
}
