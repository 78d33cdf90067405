package gateway

import "time"

// bucket is a token bucket. The zero value is full.
type bucket struct {
	used float64   // tokens taken and not yet grown back
	at   time.Time // when used was right
}

// take takes one token; if there is none, it tells when there will be.
func (b *bucket) take(now time.Time, perSecond, burst float64) (ok bool, at time.Time) {
	if perSecond <= 0 {
		return true, time.Time{}
	}
	if !b.at.IsZero() {
		b.used = max(0, b.used-now.Sub(b.at).Seconds()*perSecond)
	}
	b.at = now
	if b.used+1 > burst {
		return false, now.Add(time.Duration((b.used + 1 - burst) / perSecond * float64(time.Second)))
	}
	b.used++
	return true, time.Time{}
}

// charge takes tokens whether they are there or not: who comes next waits for
// them, though no longer than most tokens take.
func (b *bucket) charge(now time.Time, perSecond, burst, tokens, most float64) {
	if perSecond <= 0 {
		return
	}
	if !b.at.IsZero() {
		b.used = max(0, b.used-now.Sub(b.at).Seconds()*perSecond)
	}
	b.at = now
	b.used = min(b.used+tokens, max(b.used, burst+most))
}
