package coordinator

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"
	"time"

	"tuitalk/bench/measure"
)

func sampleAt(at, posted int64, open int, latency time.Duration) *measure.Sample {
	s := &measure.Sample{At: at}
	s.Posted, s.Open = posted, open
	s.Latency.Record(latency, posted)
	return s
}

// seen is what a test wants to know of merged seconds.
func seen(all []measure.Sample) (text [][3]int64) {
	for i := range all {
		text = append(text, [3]int64{all[i].At, all[i].Posted, int64(all[i].Open)})
	}
	return text
}

func TestMerge(t *testing.T) {
	m := merge{workers: 2}
	step := func(share int, s *measure.Sample, want ...[3]int64) {
		t.Helper()
		if got := seen(m.add(share, s)); !reflect.DeepEqual(got, want) {
			t.Errorf("worker %d at %d: got %v, want %v", share, s.At, got, want)
		}
	}
	step(0, sampleAt(10, 1, 5, time.Millisecond))
	step(1, sampleAt(10, 2, 7, time.Second), [3]int64{10, 3, 12})
	step(1, sampleAt(11, 4, 7, time.Second))
	step(1, sampleAt(12, 8, 7, time.Second))
	step(0, sampleAt(11, 16, 5, time.Second), [3]int64{11, 20, 12}) // in order, though 12 began before
	step(0, sampleAt(12, 32, 5, time.Second), [3]int64{12, 40, 12})
	// a worker that is silent is waited for, but not for ever, and what it did
	// meanwhile is not lost
	step(0, sampleAt(13, 1, 5, time.Second))
	step(0, sampleAt(14, 2, 5, time.Second))
	step(0, sampleAt(15, 4, 5, time.Second))
	step(0, sampleAt(16, 8, 5, time.Second), [3]int64{13, 1, 5})
	step(1, sampleAt(13, 100, 7, time.Second), [3]int64{14, 102, 12})
	if got := seen(m.rest()); !reflect.DeepEqual(got, [][3]int64{{15, 4, 5}, {16, 8, 5}}) {
		t.Errorf("the rest is %v", got)
	}
}

func TestAMergedSecondIsNotChangedAnyMore(t *testing.T) {
	m := merge{workers: 1}
	first := m.add(0, sampleAt(10, 1, 5, time.Millisecond))
	m.add(0, sampleAt(10, 1, 5, time.Millisecond)) // late
	m.rest()
	if n := first[0].Latency.Count(); n != 1 || first[0].Posted != 1 {
		t.Errorf("it has %d latencies now", n)
	}
}

// mergeMany merges so many seconds of two workers, as they come over a line, and
// gives what is kept of them.
func mergeMany(t *testing.T, length int64) (seconds []measure.Sample) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 3))
	m := merge{workers: 2}
	for at := range length {
		for share := range 2 {
			s := measure.Sample{At: at + 1}
			for _, h := range []*measure.Hist{&s.Latency, &s.Service, &s.Stored, &s.Late, &s.Joined} {
				for range 1000 {
					h.Record(time.Duration(rng.ExpFloat64()*float64(10*time.Millisecond)), 1)
				}
			}
			text, err := json.Marshal(Tick{Sample: s})
			if err != nil {
				t.Fatal(err)
			}
			var told Tick
			if err := json.Unmarshal(text, &told); err != nil {
				t.Fatal(err)
			}
			seconds = append(seconds, m.add(share, &told.Sample)...)
		}
	}
	return seconds
}

// A soak has thousands of seconds, of which nothing but a few percentiles is asked
// any more.
func TestASecondThatIsOverTakesLittleMemory(t *testing.T) {
	const length = 20
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	seconds := mergeMany(t, length)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / length; len(seconds) != length || each > 16<<10 {
		t.Errorf("each of %d seconds takes %d bytes", len(seconds), each)
	}
	if last := &seconds[length-1]; last.Latency.Count() != 2000 || last.Latency.At(50) < time.Millisecond {
		t.Errorf("of 2,000 latencies there are %d, the median is %v", last.Latency.Count(), last.Latency.At(50))
	}
}

func TestWholeHasTheLatenciesOfWhatCameLate(t *testing.T) {
	seconds := []measure.Sample{
		*sampleAt(9, 1000, 3, time.Minute), *sampleAt(10, 10, 5, time.Millisecond), *sampleAt(11, 20, 6, time.Millisecond),
		*sampleAt(12, 5, 7, 10*time.Second),
	}
	w := whole(seconds, 10, 12)
	if w.Posted != 30 || w.Open != 6 || w.Latency.Count() != 35 || w.Latency.Max() < 9*time.Second || w.Latency.Max() > 11*time.Second {
		t.Errorf("%d posted, %d open, %d latencies up to %v", w.Posted, w.Open, w.Latency.Count(), w.Latency.Max())
	}
}

func TestASecondSampleOfOneWorkerAddsNoConnections(t *testing.T) {
	m := merge{workers: 2}
	m.add(0, sampleAt(10, 1, 5, time.Millisecond))
	m.add(0, sampleAt(10, 2, 5, time.Millisecond))
	if got := seen(m.add(1, sampleAt(10, 4, 7, time.Millisecond))); !reflect.DeepEqual(got, [][3]int64{{10, 7, 12}}) {
		t.Errorf("got %v", got)
	}
}

func TestOneBusySecondOfManyIsNotTheRun(t *testing.T) {
	var seconds []measure.Sample
	for at := range int64(150) {
		s := sampleAt(at, 1, 1, time.Millisecond)
		s.Self.Busy = 0.5
		if at == 70 {
			s.Self.Busy = 1
		}
		seconds = append(seconds, *s)
	}
	if got := whole(seconds, 0, 150).Self.Busy; got != 0.5 {
		t.Errorf("of 150 seconds, one of them full, busy is %v", got)
	}
	if got := whole(seconds, 60, 80).Self.Busy; got != 1 {
		t.Errorf("of 20 seconds, one of them full, busy is %v", got)
	}
}
