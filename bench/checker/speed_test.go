package checker

import (
	"sync"
	"testing"
)

// million is a history of more than a million events, with faults.
var million = sync.OnceValue(func() []byte {
	return history(11, shape{clients: 200, rooms: 4, steps: 80_000, post: 20, pump: 30, deliver: 100, flap: 6, outage: 1})
})

func BenchmarkDecode(b *testing.B) {
	data := million()
	rec, err := Decode(data)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = Decode(data)
	}
	b.ReportMetric(float64(len(data))/float64(len(rec.Events)), "B/event")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rec.Events)), "ns/event")
}

func BenchmarkCheck(b *testing.B) {
	rec, err := Decode(million())
	if err != nil {
		b.Fatal(err)
	}
	if report := Check(lenient, rec); report.Err() != nil {
		b.Fatal(report)
	}
	b.ReportAllocs()
	for b.Loop() {
		Check(lenient, rec)
	}
	b.ReportMetric(float64(len(rec.Events)), "events")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rec.Events)), "ns/event")
}

func BenchmarkWrite(b *testing.B) {
	rec, err := Decode(million())
	if err != nil {
		b.Fatal(err)
	}
	w := NewWriter()
	var spare []byte
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		e := &rec.Events[i%len(rec.Events)]
		if verbs[e.Verb].fields == "cte" {
			w.Entry(rec.Entries[e.Entry])
		}
		w.Event(*e)
		if w.Len() > 1<<16 {
			spare = w.Take(spare)
		}
		i++
	}
}
