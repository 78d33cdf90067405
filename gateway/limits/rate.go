package limits

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// Rate is a token bucket's size. The zero value is no bound.
type Rate struct {
	PerSecond float64 // tokens that grow back
	Burst     float64 // tokens when full
}

// longestFill is how long an empty bucket may take to fill.
const longestFill = 365 * 24 * time.Hour

// validate tells why a rate cannot be.
func (r Rate) validate() error {
	switch {
	case !(r.PerSecond >= 0) || !(r.Burst >= 0) || r.PerSecond > 0 && r.Burst < 1: // and what is no number
		return fmt.Errorf("a rate of %g a second with a burst of %g cannot be: neither is negative, and a burst has at least 1", r.PerSecond, r.Burst)
	case r.PerSecond > 0 && r.Burst/r.PerSecond > longestFill.Seconds():
		return fmt.Errorf("a burst of %g at a rate of %g a second would take more than a year to grow back: raise the rate, or lower the burst", r.Burst, r.PerSecond)
	}
	return nil
}

// span is how long n tokens take to grow back; 0 without a bound. More than fit
// count as those that fit: else they would never be let through.
func (r Rate) span(n float64) time.Duration {
	if r.PerSecond <= 0 {
		return 0
	}
	return time.Duration(min(n, max(r.Burst, 1)) / r.PerSecond * float64(time.Second))
}

// window is how long an empty bucket takes to fill.
func (r Rate) window() time.Duration { return r.span(math.MaxFloat64) }

// Rates bound messages and their bytes.
type Rates struct{ Messages, Bytes Rate }

// Cost is what a message takes.
type Cost struct{ Messages, Bytes float64 }

// meter is a token bucket in one word: when it will be full again. The zero value
// is full. All methods may be called from everywhere.
type meter struct{ fullAt atomic.Int64 }

// debt is how far from full it is, as the time that it takes to fill.
func (m *meter) debt(now time.Duration) time.Duration {
	return max(0, time.Duration(m.fullAt.Load())-now)
}

// wait is how long until span can be taken from a bucket of so wide a window.
func (m *meter) wait(now, span, window time.Duration) time.Duration {
	if span <= 0 {
		return 0
	}
	return max(0, m.debt(now)+span-window)
}

// take takes span, whether it is there or not. What is missing is a debt, which
// grows up to most.
func (m *meter) take(now, span, most time.Duration) {
	for span > 0 {
		old := m.fullAt.Load()
		debt := max(0, time.Duration(old)-now)
		if m.fullAt.CompareAndSwap(old, int64(now+max(debt, min(debt+span, most)))) {
			return
		}
	}
}

// budget is a bucket for messages and one for their bytes.
type budget struct{ messages, bytes meter }

func (b *budget) wait(now time.Duration, r *Rates, c Cost) time.Duration {
	return max(
		b.messages.wait(now, r.Messages.span(c.Messages), r.Messages.window()),
		b.bytes.wait(now, r.Bytes.span(c.Bytes), r.Bytes.window()))
}

func (b *budget) take(now time.Duration, r *Rates, c Cost, debt time.Duration) {
	b.messages.take(now, r.Messages.span(c.Messages), r.Messages.window()+debt)
	b.bytes.take(now, r.Bytes.span(c.Bytes), r.Bytes.window()+debt)
}

// full tells whether nothing has been taken that has not grown back.
func (b *budget) full(now time.Duration) bool {
	return b.messages.debt(now) == 0 && b.bytes.debt(now) == 0
}
