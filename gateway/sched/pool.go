package sched

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// maxTaskWait bounds what one task may wait for: a store that says nothing must
// not keep a worker from what can be done without it.
const maxTaskWait = 2 * time.Second

// Why a task was not done.
var (
	ErrTooLate  = errors.New("it has waited for too long")
	ErrPanicked = errors.New("it has panicked")
	ErrStopped  = errors.New("this gateway is going away")
)

// task is a piece of work that may wait for the store or the bus.
//
// MUST lines:
//   - run waits for nothing but the store and the bus, and for these with its
//     context; never for another task, of whichever class;
//   - unless run has returned, fail is called, once, with the reason: whoever
//     waits for the task is told there. It waits for nothing at all.
type task struct {
	run     func(ctx context.Context)
	fail    func(why error)
	network netip.Prefix // of who asks for it; the zero one for what nobody asks for
	queued  int64        // coarse time
}

// Capacity is that of one class of work.
type Capacity struct {
	Workers int
	Queue   int           // tasks that wait; what comes on top is refused at once
	MaxWait time.Duration // what has waited for longer is refused instead of done
}

// Valid tells whether anything would be done with it.
func (c Capacity) Valid() bool { return c.Workers > 0 && c.Queue > 0 && c.MaxWait >= time.Second }

// PoolConfig is what a Pool works with.
type PoolConfig struct {
	Class string // of what it does, for operators
	Capacity
	Clock *Clock
	Loops *Loops
	// Survives runs f, and tells whether it returned: it has panicked otherwise.
	Survives func(f func()) (returned bool)
	Refused  func() // a task was not taken, as too many wait
	Expired  func() // a task has waited for too long
}

// Pool does the tasks of one class. Networks take turns; of one the oldest is
// first.
type Pool struct {
	cfg PoolConfig

	mu      sync.Mutex
	wake    *sync.Cond
	queue   taskQueue
	stopped bool

	wg sync.WaitGroup
}

// NewPool returns one that is yet to be started.
func NewPool(cfg PoolConfig) *Pool {
	p := &Pool{cfg: cfg}
	p.wake = sync.NewCond(&p.mu)
	return p
}

// Start begins to work. Tasks wait for the store and the bus with ctx, but no longer than
// maxTaskWait.
func (p *Pool) Start(ctx context.Context) {
	for i := range p.cfg.Workers {
		l := p.cfg.Loops.Add(fmt.Sprintf("worker %d of class %s", i, p.cfg.Class))
		p.wg.Go(func() { p.work(ctx, l) })
	}
}

// Submit queues a task that nobody asks for; false, and nothing more happens, when too
// many wait.
func (p *Pool) Submit(run func(context.Context), fail func(error)) bool {
	return p.SubmitFor(netip.Prefix{}, run, fail)
}

// SubmitFor queues a task for somebody of a network.
func (p *Pool) SubmitFor(network netip.Prefix, run func(context.Context), fail func(error)) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || p.queue.full(network, p.cfg.Queue) {
		p.cfg.Refused()
		return false
	}
	p.queue.push(task{run, fail, network, p.cfg.Clock.Coarse()})
	p.wake.Signal()
	return true
}

// work is a worker.
func (p *Pool) work(ctx context.Context, l *Loop) {
	ctx = l.Context(ctx)
	for {
		t, ok := p.next()
		if !ok {
			return
		}
		l.Begin()
		if p.cfg.Clock.Coarse()-t.queued > int64(p.cfg.MaxWait) {
			p.giveUp(t, ErrTooLate)
		} else {
			p.do(ctx, t)
		}
		l.End()
	}
}

// next waits for a task; ok is false once the pool is stopped.
func (p *Pool) next() (t task, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.queue.count == 0 && !p.stopped {
		p.wake.Wait()
	}
	if p.stopped {
		return task{}, false
	}
	return p.queue.pop(p.cfg.Clock.Coarse()), true
}

// do runs a task. A panic fails this one alone.
func (p *Pool) do(ctx context.Context, t task) {
	ctx, cancel := context.WithTimeout(ctx, maxTaskWait)
	defer cancel()
	if p.cfg.Survives(func() { t.run(ctx) }) {
		return
	}
	p.giveUp(t, ErrPanicked)
}

// giveUp tells the owner of a task that it is not done.
func (p *Pool) giveUp(t task, why error) {
	if why == ErrTooLate {
		p.cfg.Expired()
	}
	p.cfg.Survives(func() { t.fail(why) })
}

// Expire gives up what has waited for too long, also while all workers are busy.
func (p *Pool) Expire(now int64) {
	for _, t := range p.takeOlder(now - int64(p.cfg.MaxWait)) {
		p.giveUp(t, ErrTooLate)
	}
}

func (p *Pool) takeOlder(than int64) []task {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.takeOlder(than)
}

// Waited is how long somebody has waited for his turn, and how many tasks wait.
func (p *Pool) Waited(now int64) (longest time.Duration, count int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.waited(now), p.queue.count
}

// Stop ends the workers behind what they do now, and gives up the rest. It waits
// for them.
func (p *Pool) Stop() {
	for _, t := range p.shut() {
		p.giveUp(t, ErrStopped)
	}
	p.wg.Wait()
}

func (p *Pool) shut() []task {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.wake.Broadcast()
	return p.queue.takeAll()
}

// Capacity is what the pool may have.
func (p *Pool) Capacity() Capacity { return p.cfg.Capacity }

// Class is what it does, for operators.
func (p *Pool) Class() string { return p.cfg.Class }
