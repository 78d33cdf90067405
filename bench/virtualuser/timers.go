package virtualuser

import (
	"container/heap"
	"time"
)

// wakeUp is when a virtual user wants a tick.
type wakeUp struct {
	at    time.Time
	place int // in the queue, from 1; 0: none is wanted
}

// timers are the virtual users by when they want a tick.
type timers struct{ queue timerQueue }

// soonest is when the next tick is wanted; ok is false if none is.
func (t *timers) soonest() (at time.Time, ok bool) {
	if len(t.queue) == 0 {
		return time.Time{}, false
	}
	return t.queue[0].wake.at, true
}

// set asks for one tick of p; the zero time for none.
func (t *timers) set(p *user, at time.Time) {
	queued := p.wake.place > 0
	p.wake.at = at
	switch {
	case at.IsZero() && queued:
		heap.Remove(&t.queue, p.wake.place-1)
	case at.IsZero():
	case queued:
		heap.Fix(&t.queue, p.wake.place-1)
	default:
		heap.Push(&t.queue, p)
	}
}

// pop takes the soonest one out if its time has come; else nil.
func (t *timers) pop(now time.Time) *user {
	if at, ok := t.soonest(); !ok || at.After(now) {
		return nil
	}
	return heap.Pop(&t.queue).(*user)
}

// timerQueue is a heap, the soonest first.
type timerQueue []*user

var _ heap.Interface = (*timerQueue)(nil)

func (q timerQueue) Len() int           { return len(q) }
func (q timerQueue) Less(i, j int) bool { return q[i].wake.at.Before(q[j].wake.at) }

func (q timerQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].wake.place, q[j].wake.place = i+1, j+1
}

func (q *timerQueue) Push(p any) {
	*q = append(*q, p.(*user))
	p.(*user).wake.place = len(*q)
}

func (q *timerQueue) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	p.wake.place = 0
	return p
}
