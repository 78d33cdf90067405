package measure

import (
	"fmt"
	"time"
)

// When the generator itself is what limits or blurs a measurement.
const (
	maxLate      = 5 * time.Millisecond
	maxLateShare = 0.1 // of the latency
	maxBusy      = 0.9
	maxFiles     = 0.98 // of what may be open
)

// Bottleneck says in one sentence why a sample tells of the generator and not of
// the target; "" if it does not.
//
// Late posts are in the latency, which counts from the intended time. They are
// no matter while they are few: not later than 5 ms in 99 of 100 cases, or a
// tenth of the median latency, whichever is more.
func Bottleneck(s *Sample) string {
	bound := max(maxLate, time.Duration(maxLateShare*float64(s.Latency.At(50))))
	late := s.Late.At(99)
	switch {
	case s.Self.MaxOpen > 0 && float64(s.Self.Files) > maxFiles*float64(s.Self.MaxOpen):
		return fmt.Sprintf("the generator has %d files open of the %d that it may: use more workers, or raise the limit (ulimit -n)",
			s.Self.Files, s.Self.MaxOpen)
	case s.Late.Count() > 0 && late > bound:
		return fmt.Sprintf("the generator was the bottleneck: one post in a hundred was made %s late or more (bound: %s)",
			rounded(late), rounded(bound))
	case s.Self.Busy > maxBusy:
		return fmt.Sprintf("the generator was the bottleneck: its busiest loop was at work or waited for a processor %.0f%% of the time (bound: %.0f%%)",
			100*s.Self.Busy, 100*maxBusy)
	}
	return ""
}

func rounded(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}
