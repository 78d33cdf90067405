package sched

import (
	"container/heap"
	"sync"
	"time"
)

// Timers runs short things at their time, on one goroutine with one timer for
// all connections and rooms together. What it runs must not block.
type Timers struct {
	mu    sync.Mutex
	items timerHeap
	busy  bool // an item is being done
	loop  *Loop
	woken chan struct{} // capacity 1
	ended chan struct{}
	wg    sync.WaitGroup
}

type timer struct {
	at time.Time
	do func()
}

type timerHeap []timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h timerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)        { *h = append(*h, x.(timer)) }
func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = timer{}
	*h = (*h)[:last]
	return x
}

// NewTimers returns a queue that is yet to be started.
func NewTimers(ls *Loops) *Timers {
	return &Timers{loop: ls.Add("agenda"), woken: make(chan struct{}, 1), ended: make(chan struct{})}
}

// Start begins to run what is due, on a goroutine that vital makes of it.
func (a *Timers) Start(vital func(*Loop, func()) func()) { a.wg.Go(vital(a.loop, a.run)) }

// Stop ends it; what is still planned does not happen.
func (a *Timers) Stop() {
	close(a.ended)
	a.wg.Wait()
}

// After plans do for a time from now.
func (a *Timers) After(d time.Duration, do func()) {
	if a.push(timer{time.Now().Add(d), do}) {
		select {
		case a.woken <- struct{}{}:
		default:
		}
	}
}

// push adds an item; true if it is the next one now.
func (a *Timers) push(it timer) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	heap.Push(&a.items, it)
	a.expectNext()
	return a.items[0].at.Equal(it.at)
}

// expectNext notes when the next item is due. Call with mu held.
func (a *Timers) expectNext() {
	switch {
	case a.busy:
	case len(a.items) == 0:
		a.loop.End()
	default:
		a.loop.Expect(max(0, time.Until(a.items[0].at)))
	}
}

// next takes the first item if its time has come; else it tells for how long there
// is nothing to do.
func (a *Timers) next() (do func(), wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	wait = time.Hour
	if len(a.items) > 0 {
		wait = time.Until(a.items[0].at)
	}
	if a.busy = wait <= 0; !a.busy {
		a.expectNext()
		return nil, wait
	}
	a.loop.Begin()
	return heap.Pop(&a.items).(timer).do, 0
}

func (a *Timers) run() {
	defer a.loop.End()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		do, wait := a.next()
		if do != nil {
			do()
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-a.woken:
		case <-a.ended:
			return
		}
	}
}
