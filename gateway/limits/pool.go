package limits

import (
	"sync/atomic"
	"time"
)

const (
	// reserved is the share of a pool's burst that is for those who draw less
	// than their fair share.
	reserved = 0.5
	// slack is how far ahead of its fair share somebody may be and still counts
	// as below it: people type in spurts.
	slack = 4 * time.Second
	// maxAhead bounds what is remembered of who took more than that.
	maxAhead = 4 * slack
	// maxDebt bounds how far more is taken than there is: by askers at the same
	// moment, and by charges.
	maxDebt = 30 * time.Second
	// era is for how long who draws counts as active.
	era = 4 * time.Second
	// maxTurn bounds how long somebody above his share waits before he asks again.
	maxTurn = 2 * time.Second
)

// pool is a budget that several share.
type pool struct {
	budget
	eraNow         atomic.Int64
	current, prior atomic.Int64 // who drew in this era, and in the one before
}

// draw is what one of them has taken of a pool, as if it had its fair share only.
type draw struct {
	messages, bytes meter
	era             atomic.Int64
}

// active is among how many the pool is shared. It is right within an era.
func (p *pool) active() time.Duration {
	return time.Duration(max(1, p.current.Load(), p.prior.Load()))
}

// note counts somebody as active.
func (p *pool) note(now time.Duration, d *draw) {
	e := int64(now/era) + 1
	if d.era.Load() == e {
		return
	}
	if was := p.eraNow.Load(); was < e && p.eraNow.CompareAndSwap(was, e) {
		count := p.current.Swap(0)
		if was != e-1 {
			count = 0
		}
		p.prior.Store(count)
	}
	if d.era.Swap(e) != e {
		p.current.Add(1)
	}
}

// wait is how long until d may take c from the pool.
func (p *pool) wait(now time.Duration, r *Rates, d *draw, c Cost) time.Duration {
	p.note(now, d)
	return max(
		p.waitFor(now, &p.messages, &d.messages, r.Messages, c.Messages),
		p.waitFor(now, &p.bytes, &d.bytes, r.Bytes, c.Bytes))
}

func (p *pool) waitFor(now time.Duration, all, own *meter, r Rate, n float64) time.Duration {
	span, window := r.span(n), r.window()
	ahead := own.debt(now) > slack
	if ahead {
		window = max(span, time.Duration(float64(window)*(1-reserved)))
	}
	w := all.wait(now, span, window)
	if w > 0 && ahead {
		// as many as they are wait together: each comes back about when it is his turn
		w = max(w, min(p.active()*span, maxTurn))
	}
	return w
}

// take takes c from the pool, for d.
func (p *pool) take(now time.Duration, r *Rates, d *draw, c Cost) {
	p.budget.take(now, r, c, maxDebt)
	active := p.active()
	d.messages.take(now, active*r.Messages.span(c.Messages), maxAhead)
	d.bytes.take(now, active*r.Bytes.span(c.Bytes), maxAhead)
}
