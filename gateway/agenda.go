package gateway

import (
	"container/heap"
	"sync"
	"time"
)

// agenda runs short things at their time, on one goroutine with one timer for
// all connections and rooms together. What it runs must not block.
type agenda struct {
	mu    sync.Mutex
	items items
	woken chan struct{} // capacity 1
	ended chan struct{}
	wg    sync.WaitGroup
}

type item struct {
	at time.Time
	do func()
}

type items []item

func (h items) Len() int           { return len(h) }
func (h items) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h items) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *items) Push(x any)        { *h = append(*h, x.(item)) }
func (h *items) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = item{}
	*h = (*h)[:last]
	return x
}

func newAgenda() *agenda {
	return &agenda{woken: make(chan struct{}, 1), ended: make(chan struct{})}
}

func (a *agenda) start() { a.wg.Go(a.run) }

// stop ends it; what is still planned does not happen.
func (a *agenda) stop() {
	close(a.ended)
	a.wg.Wait()
}

// after plans do for a time from now.
func (a *agenda) after(d time.Duration, do func()) {
	if a.push(item{time.Now().Add(d), do}) {
		select {
		case a.woken <- struct{}{}:
		default:
		}
	}
}

// push adds an item; true if it is the next one now.
func (a *agenda) push(it item) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	heap.Push(&a.items, it)
	return a.items[0].at.Equal(it.at)
}

func (a *agenda) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := time.Hour
		for {
			a.mu.Lock()
			if len(a.items) == 0 {
				a.mu.Unlock()
				break
			}
			if wait = time.Until(a.items[0].at); wait > 0 {
				a.mu.Unlock()
				break
			}
			it := heap.Pop(&a.items).(item)
			a.mu.Unlock()
			it.do()
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
