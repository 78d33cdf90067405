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
	// moment, and by charges, which only those pay who are above their share.
	maxDebt = 30 * time.Second
	// era is for how long who draws counts as active.
	era = 4 * time.Second
	// maxTurn bounds how long somebody above his share waits before he asks again.
	maxTurn = 2 * time.Second
	// leastTurn is how long everybody waits at least who has to: many who wait must not
	// ask all the time.
	leastTurn = 5 * time.Millisecond
)

// pool is a budget that several share.
type pool struct {
	budget
	crowd          budget // what was taken of it by those above their fair share, or without asking
	forgives       bool   // crowd has no debt: those who share the pool share nothing else
	eraNow         atomic.Int64
	current, prior atomic.Int64 // who drew in this era, and in the one before
}

// draw is what one of them has taken of a pool, as if it had its fair share only.
type draw struct {
	messages, bytes meter
	era             atomic.Int64
}

// share is a client's part in a pool.
type share struct {
	level Level
	pool  *pool
	rates *Rates
	drawn *draw
}

func (s *share) wait(now time.Duration, c Cost) time.Duration {
	return s.pool.wait(now, s.rates, s.drawn, c)
}

func (s *share) take(now time.Duration, c Cost, asked bool) {
	s.pool.take(now, s.rates, s.drawn, c, asked)
}

// shares are a client's parts in what its address may say, or read of older history, the
// network around that if there is one, and the process: each is drawn from the next.
func (t *Table) shares(c *Client, read bool) (all [3]share, n int) {
	cfg, process, drawn := &t.cfg, &t.said, &c.taken
	rates := [...]*Rates{&cfg.Address, &cfg.Network, &cfg.Process}
	if read {
		process, drawn = &t.read, &c.readTaken
		rates = [...]*Rates{&cfg.HistoryAddress, &cfg.HistoryNetwork, &cfg.History}
	}
	levels := [...]Level{LevelAddress, LevelNetwork}
	for a := c.address; a != nil; a = a.network {
		p := &a.said
		if read {
			p = &a.read
		}
		all[n] = share{levels[n], &p.pool, rates[n], drawn}
		drawn = &p.taken
		n++
	}
	all[n] = share{LevelProcess, process, rates[2], drawn}
	return all, n + 1
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
		p.waitFor(now, &p.messages, &p.crowd.messages, &d.messages, r.Messages, c.Messages),
		p.waitFor(now, &p.bytes, &p.crowd.bytes, &d.bytes, r.Bytes, c.Bytes))
}

// waitFor gives more of what is reserved to who has taken less: with a bound at the
// fair share, those who flood would stand at it, and take all of it there.
func (p *pool) waitFor(now time.Duration, all, crowd, own *meter, r Rate, n float64) time.Duration {
	span, window, debt, active := r.span(n), r.window(), own.debt(now), p.active()
	share := min(1, debt.Seconds()/slack.Seconds())
	if active == 1 && debt <= slack {
		share = 0 // nobody else is here
	}
	w := all.wait(now, span, max(span, window-time.Duration(share*reserved*float64(window))))
	if debt > slack {
		w = max(w, crowd.wait(now, span, max(span, unreserved(window))))
	}
	if w > 0 {
		// as many as they are wait together: each comes back about when it is his turn,
		// and only who has taken little does so sooner
		w = max(w, leastTurn, time.Duration(min(1, 4*share)*float64(min(active*span, maxTurn))))
	}
	return w
}

// unreserved is what somebody above his fair share may take of a window.
func unreserved(window time.Duration) time.Duration {
	return time.Duration(float64(window) * (1 - reserved))
}

// take takes c from the pool, for d. asked: it is there. What is taken without asking
// takes nothing of what is reserved, and is a debt of those above their fair share.
func (p *pool) take(now time.Duration, r *Rates, d *draw, c Cost, asked bool) {
	if !asked {
		p.note(now, d)
	}
	p.takeFor(now, &p.messages, &p.crowd.messages, &d.messages, r.Messages, c.Messages, asked)
	p.takeFor(now, &p.bytes, &p.crowd.bytes, &d.bytes, r.Bytes, c.Bytes, asked)
}

func (p *pool) takeFor(now time.Duration, all, crowd, own *meter, r Rate, n float64, asked bool) {
	span, window := r.span(n), r.window()
	own.take(now, p.active()*span, maxAhead)
	if asked {
		all.take(now, span, window+maxDebt)
	} else {
		all.take(now, span, unreserved(window))
	}
	if asked && own.debt(now) <= slack {
		return
	}
	if !p.forgives {
		window += maxDebt
	}
	crowd.take(now, span, window)
}

// full tells whether nothing has been taken that has not grown back.
func (p *pool) full(now time.Duration) bool { return p.budget.full(now) && p.crowd.full(now) }
