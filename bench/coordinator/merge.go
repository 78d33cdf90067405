package coordinator

import (
	"slices"

	"tuitalk/bench/measure"
)

// tardy is how many seconds a worker may be behind the others with its sample. What comes
// later is counted in the next second that is complete.
const tardy = 3

// merge puts the samples of workers together, second by second. It belongs to
// one goroutine. A second that was given out is never changed.
type merge struct {
	workers int
	open    []second // ascending
	given   int64    // the last that was given out
}

type second struct {
	at     int64
	sample measure.Sample
	from   map[int]bool // shares
}

// add takes a sample, and gives the seconds that are complete with it.
func (m *merge) add(share int, s *measure.Sample) (complete []measure.Sample) {
	at := max(s.At, m.given+1)
	i, ok := slices.BinarySearchFunc(m.open, at, func(o second, at int64) int { return int(o.at - at) })
	if !ok {
		m.open = slices.Insert(m.open, i, second{at: at, from: map[int]bool{}})
	}
	o := &m.open[i]
	if o.from[share] { // it was late with one: things stand as in the later one
		var later measure.Sample
		later.Counts, later.Latency, later.Service = s.Counts, s.Latency, s.Service
		later.Stored, later.Late, later.Joined = s.Stored, s.Late, s.Joined
		o.sample.Add(&later)
	} else {
		o.sample.Add(s)
	}
	o.sample.At, o.from[share] = at, true
	newest := m.open[len(m.open)-1].at
	for len(m.open) > 0 && (len(m.open[0].from) == m.workers || newest-m.open[0].at >= tardy) {
		complete = append(complete, m.take())
	}
	return complete
}

// rest gives out what is not complete and will not be any more.
func (m *merge) rest() (all []measure.Sample) {
	for len(m.open) > 0 {
		all = append(all, m.take())
	}
	return all
}

func (m *merge) take() measure.Sample {
	first := m.open[0]
	m.open = m.open[1:]
	m.given = first.at
	_ = first.sample.Pack() // what cannot be packed only takes more memory
	return first.sample
}

// whole sums up the measured time. The times of what was measured and came only
// afterwards, while everybody was brought up to date, belong to it; the counts
// do not, or a target that is behind would seem to do more than it does.
func whole(seconds []measure.Sample, from, to int64) (w measure.Sample) {
	for i := range seconds {
		s := &seconds[i]
		switch {
		case s.At < from:
		case s.At < to:
			w.Follow(s)
		default:
			w.Latency.Add(&s.Latency)
			w.Service.Add(&s.Service)
			w.Stored.Add(&s.Stored)
		}
	}
	w.Self.Busy = usualBusy(seconds, from, to)
	return w
}

// usualBusy is how busy the loops were in all but one of a hundred seconds: one
// busy second says nothing of an hour, and everything of a minute.
func usualBusy(seconds []measure.Sample, from, to int64) float64 {
	var all []float64
	for i := range seconds {
		if s := &seconds[i]; from <= s.At && s.At < to {
			all = append(all, s.Self.Busy)
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)-1-len(all)/100]
}
