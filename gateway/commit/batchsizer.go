package commit

import (
	"sync/atomic"
	"time"
)

// maxBatchSize is the most entries that a drain appends at once.
const maxBatchSize = MaxBatch

// quickAnswer is an append after which twice as much would still take no more than
// half of stepTimeout.
const quickAnswer = stepTimeout / 4

// batchSizer says how many entries a drain or a lane gives to the store at once. A call that
// is not answered in time has stored nothing, as far as anybody knows, and would not
// do better the next time: so it is halved then, down to one entry, and grows again
// with every quick answer. A store may take long for however little: so it grows, too,
// after many answers that came in time. All drains of a node share one: it tells of
// the store.
type batchSizer struct {
	halvings atomic.Int32
	inTime   atomic.Int32 // full batches in a row that were answered in time, and not quickly
}

// growAfter is how many of them there are before more is tried.
const growAfter = 30

func (p *batchSizer) size() int { return max(1, maxBatchSize>>p.halvings.Load()) }

// tooLong notes that n entries were not stored in time. Drains that were at it
// together are one lesson.
func (p *batchSizer) tooLong(n int) {
	h := p.halvings.Load()
	p.inTime.Store(0)
	if n > 1 && n <= maxBatchSize>>h {
		p.halvings.CompareAndSwap(h, h+1)
	}
}

// took notes how long n entries took.
func (p *batchSizer) took(n int, d time.Duration) {
	h := p.halvings.Load()
	if h == 0 || n < maxBatchSize>>h || d >= quickAnswer && p.inTime.Add(1) < growAfter {
		return
	}
	p.inTime.Store(0)
	p.halvings.CompareAndSwap(h, h-1)
}

// learn notes how a call with n entries went, which began then. late: its time is over.
func (p *batchSizer) learn(n int, began time.Time, err error, late bool) {
	switch {
	case err == nil:
		p.took(n, time.Since(began))
	case late:
		p.tooLong(n)
	}
}
