package gateway

import (
	"fmt"
	"runtime/debug"
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

// workerPools are the classes of work.
type workerPools struct{ enter, opening, live, history, site, closing *sched.Pool }

// closingPool: while a room waits for its end it is open, so that nobody waits.
var closingPool = sched.Capacity{Workers: 1, Queue: 1 << 10, MaxWait: 5 * time.Second}

func newWorkerPools(s *Server) workerPools {
	w := &s.opts.Work
	return workerPools{
		enter:   s.newWorkerPool(workEnter, w.Enter),
		opening: s.newWorkerPool(workOpening, w.Opening),
		live:    s.newWorkerPool(workLive, w.Live),
		history: s.newWorkerPool(workHistory, w.History),
		site:    s.newWorkerPool(workSite, w.Site),
		closing: s.newWorkerPool(workClosing, closingPool),
	}
}

func (ps *workerPools) all() []*sched.Pool {
	return []*sched.Pool{ps.enter, ps.opening, ps.live, ps.history, ps.site, ps.closing}
}

// newWorkerPool returns the pool of a class.
func (s *Server) newWorkerPool(class workClass, size Pool) *sched.Pool {
	return sched.NewPool(sched.PoolConfig{
		Class: string(class), Capacity: size, Clock: s.clock, Loops: s.loops, Survives: s.survives,
		Refused: func() { s.metrics.workRefused.WithLabelValues(string(class)).Inc() },
		Expired: func() { s.metrics.workExpired.WithLabelValues(string(class)).Inc() },
	})
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
