package virtualuser

import "time"

// wakeUp is when a person wants a tick.
type wakeUp struct {
	at    time.Time
	place int // in the heap, from 1; 0: none is wanted
}

// timers is a heap of persons by when they want a tick, the soonest first.
type timers struct{ heap []*user }

// soonest is when the next tick is wanted; ok is false if none is.
func (t *timers) soonest() (at time.Time, ok bool) {
	if len(t.heap) == 0 {
		return time.Time{}, false
	}
	return t.heap[0].wake.at, true
}

// set asks for one tick of p; the zero time for none.
func (t *timers) set(p *user, at time.Time) {
	switch {
	case at.IsZero():
		t.remove(p)
		return
	case p.wake.place == 0:
		t.heap = append(t.heap, p)
		p.wake.place = len(t.heap)
	}
	p.wake.at = at
	t.up(p.wake.place - 1)
	t.down(p.wake.place - 1)
}

// pop takes the soonest person out if its time has come; else nil.
func (t *timers) pop(now time.Time) *user {
	if len(t.heap) == 0 || t.heap[0].wake.at.After(now) {
		return nil
	}
	p := t.heap[0]
	t.remove(p)
	return p
}

func (t *timers) remove(p *user) {
	i := p.wake.place - 1
	if i < 0 {
		return
	}
	p.wake.place = 0
	last := len(t.heap) - 1
	moved := t.heap[last]
	t.heap[last] = nil
	t.heap = t.heap[:last]
	if moved != p {
		t.heap[i] = moved
		moved.wake.place = i + 1
		t.up(i)
		t.down(moved.wake.place - 1)
	}
}

func (t *timers) swap(i, j int) {
	h := t.heap
	h[i], h[j] = h[j], h[i]
	h[i].wake.place, h[j].wake.place = i+1, j+1
}

func (t *timers) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !t.heap[i].wake.at.Before(t.heap[parent].wake.at) {
			return
		}
		t.swap(i, parent)
		i = parent
	}
}

func (t *timers) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(t.heap); child++ {
			if t.heap[child].wake.at.Before(t.heap[least].wake.at) {
				least = child
			}
		}
		if least == i {
			return
		}
		t.swap(i, least)
		i = least
	}
}
