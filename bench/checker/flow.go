package checker

import (
	"math"
	"time"
)

// flow counts what was sent and shown over time.
type flow struct {
	sent, shown times
	last        int64 // of either
}

// times are those of many events, in no order.
type times []int64

// slots count events in slots of time.
type slots struct {
	from, width int64 // microseconds
	counts      []int32
}

const (
	slotWidth = 10_000  // microseconds
	maxSlots  = 1 << 22 // of longer runs the slots are wider
)

// slots counts both in slots that cover the whole run.
func (f *flow) slots() (sent, shown slots) {
	first := int64(math.MaxInt64)
	f.last = math.MinInt64
	for _, list := range []times{f.sent, f.shown} {
		for _, at := range list {
			first, f.last = min(first, at), max(f.last, at)
		}
	}
	if first > f.last {
		f.last = 0
		return slots{width: slotWidth}, slots{width: slotWidth}
	}
	width := max(slotWidth, uint64(f.last-first)/maxSlots+1)
	return f.sent.slots(first, f.last, int64(width)), f.shown.slots(first, f.last, int64(width))
}

func (t times) slots(first, last, width int64) slots {
	s := slots{from: first, width: width, counts: make([]int32, uint64(last-first)/uint64(width)+1)}
	for _, at := range t {
		s.counts[uint64(at-first)/uint64(width)]++
	}
	return s
}

// part is the range of slots of a time; those of a time without any are missing.
func (s slots) part(from, to int64) []int32 {
	last := s.from + int64(len(s.counts))*s.width
	from, to = min(max(from, s.from), last), min(max(to, s.from), last)
	i, j := (from-s.from)/s.width, (to-s.from+s.width-1)/s.width
	return s.counts[i:max(i, j)]
}

func (s slots) count(from, to int64) (n int) {
	for _, c := range s.part(from, to) {
		n += int(c)
	}
	return n
}

// quiet is the longest time without an event.
func (s slots) quiet(from, to int64) time.Duration {
	part := s.part(from, to)
	missing := max(0, to-from-int64(len(part))*s.width) // before the first slot, behind the last
	longest, run := missing, int64(0)
	for _, c := range part {
		run += s.width
		if c > 0 {
			run = 0
		}
		longest = max(longest, run)
	}
	return time.Duration(longest) * time.Microsecond
}
