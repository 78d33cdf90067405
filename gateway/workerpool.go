package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"tuitalk/gateway/sched"
)

// workClass is what a piece of work is for. Each class has workers and a queue of
// its own, so that none can starve another. It is also the metric's label.
type workClass string

const (
	workEnter   workClass = "enter"   // joins and resumes
	workOpening workClass = "opening" // the opening of rooms
	workLive    workClass = "live"    // what members miss: catch-up, gaps, heads, rooms to be verified
	workHistory workClass = "history" // older entries, asked for by Fetch
	workSite    workClass = "site"    // the page
	workClosing workClass = "closing" // the end of the subscriptions of idle rooms
)

var workClasses = []workClass{workEnter, workOpening, workLive, workHistory, workSite, workClosing}

// maxTaskWait bounds what one task may wait for: a store that says nothing must
// not keep a worker from what can be done without it.
const maxTaskWait = 2 * time.Second

// Why a task was not done.
var (
	errTooLate  = errors.New("it has waited for too long")
	errPanicked = errors.New("it has panicked")
	errStopped  = errors.New("this gateway is going away")
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

// workerPool does the tasks of one class. Networks take turns; of one the oldest is
// first.
type workerPool struct {
	class workClass
	srv   *Server
	size  Pool

	mu      sync.Mutex
	wake    *sync.Cond
	queue   taskQueue
	stopped bool

	wg sync.WaitGroup
}

// workerPools are the classes of work.
type workerPools struct{ enter, opening, live, history, site, closing *workerPool }

// closingPool: while a room waits for its end it is open, so that nobody waits.
var closingPool = Pool{Workers: 1, Queue: 1 << 10, MaxWait: 5 * time.Second}

func newWorkerPools(s *Server) workerPools {
	w := &s.opts.Work
	return workerPools{
		enter:   newWorkerPool(s, workEnter, w.Enter),
		opening: newWorkerPool(s, workOpening, w.Opening),
		live:    newWorkerPool(s, workLive, w.Live),
		history: newWorkerPool(s, workHistory, w.History),
		site:    newWorkerPool(s, workSite, w.Site),
		closing: newWorkerPool(s, workClosing, closingPool),
	}
}

func (ps *workerPools) all() []*workerPool {
	return []*workerPool{ps.enter, ps.opening, ps.live, ps.history, ps.site, ps.closing}
}

func newWorkerPool(s *Server, class workClass, size Pool) *workerPool {
	p := &workerPool{class: class, srv: s, size: size}
	p.wake = sync.NewCond(&p.mu)
	return p
}

func (p *workerPool) start() {
	for i := range p.size.Workers {
		l := p.srv.loops.Add(fmt.Sprintf("worker %d of class %s", i, p.class))
		p.wg.Go(func() { p.work(l) })
	}
}

// submit queues a task that nobody asks for; false, and nothing more happens, when too
// many wait.
func (p *workerPool) submit(run func(context.Context), fail func(error)) bool {
	return p.submitFor(netip.Prefix{}, run, fail)
}

// submitFor queues a task for somebody of a network.
func (p *workerPool) submitFor(network netip.Prefix, run func(context.Context), fail func(error)) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || p.queue.full(network, p.size.Queue) {
		p.srv.metrics.workRefused.WithLabelValues(string(p.class)).Inc()
		return false
	}
	p.queue.push(task{run, fail, network, p.srv.clock.Coarse()})
	p.wake.Signal()
	return true
}

// work is a worker.
func (p *workerPool) work(l *sched.Loop) {
	ctx := l.Context(p.srv.ctx)
	for {
		t, ok := p.next()
		if !ok {
			return
		}
		l.Begin()
		if p.srv.clock.Coarse()-t.queued > int64(p.size.MaxWait) {
			p.giveUp(t, errTooLate)
		} else {
			p.do(ctx, t)
		}
		l.End()
	}
}

// next waits for a task; ok is false once the pool is stopped.
func (p *workerPool) next() (t task, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.queue.count == 0 && !p.stopped {
		p.wake.Wait()
	}
	if p.stopped {
		return task{}, false
	}
	return p.queue.pop(p.srv.clock.Coarse()), true
}

// do runs a task. A panic fails this one alone.
func (p *workerPool) do(ctx context.Context, t task) {
	ctx, cancel := context.WithTimeout(ctx, maxTaskWait)
	defer cancel()
	if p.srv.survives(func() { t.run(ctx) }) {
		return
	}
	p.giveUp(t, errPanicked)
}

// giveUp tells the owner of a task that it is not done.
func (p *workerPool) giveUp(t task, why error) {
	if why == errTooLate {
		p.srv.metrics.workExpired.WithLabelValues(string(p.class)).Inc()
	}
	p.srv.survives(func() { t.fail(why) })
}

// survives runs f and tells whether it returned: it has panicked otherwise.
func (s *Server) survives(f func()) (returned bool) {
	defer func() {
		if v := recover(); v != nil {
			s.metrics.panics.Inc()
			s.log.Error("panic; what was asked for fails, the others go on", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	f()
	return true
}

// expire gives up what has waited for too long, also while all workers are busy.
func (p *workerPool) expire(now int64) {
	for _, t := range p.takeOlder(now - int64(p.size.MaxWait)) {
		p.giveUp(t, errTooLate)
	}
}

func (p *workerPool) takeOlder(than int64) []task {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.takeOlder(than)
}

// waited is how long somebody has waited for his turn, and how many tasks wait.
func (p *workerPool) waited(now int64) (longest time.Duration, count int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.waited(now), p.queue.count
}

// stop ends the workers behind what they do now, and gives up the rest. It waits
// for them.
func (p *workerPool) stop() {
	for _, t := range p.shut() {
		p.giveUp(t, errStopped)
	}
	p.wg.Wait()
}

func (p *workerPool) shut() []task {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.wake.Broadcast()
	return p.queue.takeAll()
}
