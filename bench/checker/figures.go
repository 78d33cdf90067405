package checker

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"
)

// window is the time that figures ascribe to a fault: until the next one begins
// after this one was undone (or began, if it was not), or else to the end.
type window struct {
	Fault
	from, to  int64
	blackouts []time.Duration
	delays    []time.Duration
	notBack   int
	unheard   int
}

// gatherFaults puts the marks of all recorders in order.
func (c *check) gatherFaults() {
	for _, rec := range c.recordings {
		offset := rec.Offset.Microseconds()
		for _, f := range rec.Faults {
			f.At += offset
			if f.Over != 0 {
				f.Over += offset
			}
			c.faults = append(c.faults, window{Fault: f, from: f.At, to: math.MaxInt64})
		}
	}
	slices.SortStableFunc(c.faults, func(a, b window) int { return cmp.Compare(a.from, b.from) })
	for i := range c.faults {
		w := &c.faults[i]
		rest := c.faults[i+1:]
		next := sort.Search(len(rest), func(j int) bool { return rest[j].from >= max(w.Over, w.from+1) })
		if next < len(rest) {
			w.to = rest[next].from
		}
	}
	if len(c.faults) > 0 {
		c.gatherSaid()
	}
}

// windowsAt lists the faults in whose window a time is.
func (c *check) windowsAt(at int64) (in []int32) {
	for i := range c.faults {
		if c.faults[i].from <= at && at < c.faults[i].to {
			in = append(in, int32(i))
		}
	}
	return in
}

// figures sums up.
func (c *check) figures() {
	for _, seats := range c.seats {
		for _, s := range seats {
			c.addOutages(s)
		}
	}
	sent, shown := c.flow.slots()
	for i := range c.faults {
		w := &c.faults[i]
		f := FaultFigures{
			Fault: w.Fault, Blackout: distOf(w.blackouts), Blackouts: w.blackouts, Delay: distOf(w.delays),
			NotBack: w.notBack, Unheard: w.unheard,
		}
		end := min(w.to, c.flow.last+1)
		f.Sent, f.Shown = sent.count(w.from, end), shown.count(w.from, end)
		f.QuietSent, f.QuietShown = sent.quiet(w.from, end), shown.quiet(w.from, end)
		c.judgeFault(i, w, sent)
		c.report.Faults = append(c.report.Faults, f)
	}
}

// unknownSpan is for how long there must have been load after a fault of which
// nobody says when it was over.
const unknownSpan = int64(5 * time.Second / time.Microsecond)

// judgeFault tells whether a fault was one, with people talking meanwhile.
func (c *check) judgeFault(i int, w *window, sent slots) {
	if !w.Held {
		c.unsound("fault %d (%s) did not take hold: %s", i+1, w.What, w.Evidence)
	}
	over := w.Over
	if over <= w.from {
		over = w.from + unknownSpan
	}
	if quiet := sent.quiet(w.from, over); quiet > c.opts.Silence {
		c.unsound("nobody sent anything for %v while fault %d (%s) lasted", quiet, i+1, w.What)
	}
}

// distOf sums up times, by the nearest rank.
func distOf(times []time.Duration) Dist {
	if len(times) == 0 {
		return Dist{}
	}
	slices.Sort(times)
	rank := func(part float64) time.Duration {
		return times[max(0, int(math.Ceil(part*float64(len(times))))-1)]
	}
	return Dist{Count: len(times), Median: rank(0.5), P99: rank(0.99), Max: times[len(times)-1]}
}
