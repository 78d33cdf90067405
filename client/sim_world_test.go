package client

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"tuitalk/talk"
)

// world is a fleet, a network and some users in virtual time. Everything in it
// follows from its seed.
type world struct {
	rng     *rand.Rand
	now     time.Time
	agenda  agenda
	order   int64 // of the agenda's entries
	steps   int
	faults  bool // while they last
	bug     bug
	fleet   *fleet
	users   []*simUser
	errs    []string
	verbose bool
}

// bug is what a deliberately broken fleet does, once.
type bug uint8

const (
	noBug bug = iota
	losesOne
	doublesOne
	reordersOne
	lastBug = reordersOne
)

// maxSteps bounds a run: more means that somebody is busy without end.
const maxSteps = 400_000

func newWorld(seed uint64) *world {
	w := &world{
		rng:    rand.New(rand.NewPCG(seed, 0x7a11)),
		now:    time.Unix(1_700_000_000, 0),
		faults: true,
	}
	w.fleet = newFleet(w)
	return w
}

func (w *world) fail(format string, args ...any) {
	if len(w.errs) < 10 {
		w.errs = append(w.errs, fmt.Sprintf(format, args...))
	}
}

func (w *world) logf(format string, args ...any) {
	if w.verbose {
		fmt.Printf("%9.3f  %s\n", float64(w.now.UnixMilli()-1_700_000_000_000)/1000, fmt.Sprintf(format, args...))
	}
}

// chance is true once in n times, while faults last.
func (w *world) chance(n int) bool { return w.faults && w.rng.IntN(n) == 0 }

func (w *world) upTo(most time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(most) + 1))
}

func (w *world) secret() (s talk.Secret) {
	for i := range s {
		s[i] = byte(w.rng.Uint32())
	}
	return s
}

func (w *world) uuid() talk.UUID {
	var b [16]byte
	for i := range b {
		b[i] = byte(w.rng.Uint32())
	}
	return talk.MakeUUID(8, b)
}

// appointment is something that will happen.
type appointment struct {
	at    time.Time
	order int64
	do    func()
}

type agenda []appointment

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].order < a[j].order
	}
	return a[i].at.Before(a[j].at)
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(appointment)) }
func (a *agenda) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	(*a)[last] = appointment{}
	*a = (*a)[:last]
	return x
}

func (w *world) at(t time.Time, do func()) {
	w.order++
	heap.Push(&w.agenda, appointment{t, w.order, do})
}

func (w *world) after(d time.Duration, do func()) { w.at(w.now.Add(d), do) }

// run lets time pass.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for len(w.agenda) > 0 && !w.agenda[0].at.After(end) && len(w.errs) == 0 {
		next := heap.Pop(&w.agenda).(appointment)
		if next.at.After(w.now) {
			w.now = next.at
		}
		if w.steps++; w.steps > maxSteps {
			w.fail("busy without end: %d steps", w.steps)
			return
		}
		next.do()
	}
	w.now = end
}

// wire is one connection between a user and a gateway. What is sent on it
// arrives in order, or not at all once it is cut.
type wire struct {
	w    *world
	user *simUser
	life int // of the user, who may have started anew
	conn ConnID
	seat *seat // the gateway's side; nil until it has opened

	cut      bool // nothing arrives any more
	gone     bool // the user's side has hung up or seen the end
	up, down time.Time
}

// inOrder is when something sent now arrives behind what was sent before.
func (x *wire) inOrder(last *time.Time) time.Time {
	delay := 200*time.Microsecond + x.w.upTo(3*time.Millisecond)
	if x.w.chance(40) {
		delay += x.w.upTo(400 * time.Millisecond)
	}
	at := x.w.now.Add(delay)
	if !at.After(*last) {
		at = last.Add(1)
	}
	*last = at
	return at
}

// toGateway sends a message up; nil hangs up.
func (x *wire) toGateway(m talk.Message) {
	x.w.at(x.inOrder(&x.up), func() {
		if x.cut || x.seat == nil {
			return
		}
		if m == nil {
			x.cut = true
			x.seat.gone()
			return
		}
		x.seat.receive(m)
	})
}

// toUser sends a message down.
func (x *wire) toUser(m talk.Message) {
	x.w.at(x.inOrder(&x.down), func() {
		if !x.cut {
			x.user.fromWire(x, Received{x.conn, m})
		}
	})
}

// close ends the connection from the gateway's side, behind what was sent.
func (x *wire) close(code int, reason string) {
	x.seat.gone()
	x.w.at(x.inOrder(&x.down), func() {
		if !x.cut {
			x.cut = true
			x.user.fromWire(x, Closed{x.conn, code, reason})
		}
	})
}

// sever cuts the connection at this moment: what is under way is lost. When it
// is silent nobody is told.
func (x *wire) sever(silent bool) {
	if x.cut {
		return
	}
	x.cut = true
	if s := x.seat; s != nil {
		x.w.after(x.w.upTo(3*time.Second), s.gone)
	}
	if !silent {
		x.w.after(x.w.upTo(20*time.Millisecond), func() { x.user.fromWire(x, Closed{Conn: x.conn}) })
	}
}
