package virtualuser

import (
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tuitalk/bench/measure"
)

// Witness is a thread that sleeps for a millisecond again and again, and knows how
// late it was woken: so a test can tell a busy machine from a slow program. It has
// nothing to do with what is tested.
type Witness struct {
	done chan struct{}
	all  sync.WaitGroup

	mu   sync.Mutex
	late measure.Hist
}

// StartWitness begins; End ends it.
func StartWitness() *Witness {
	w := &Witness{done: make(chan struct{})}
	w.all.Go(func() {
		runtime.LockOSThread()                             // its thread ends with it
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // without it all is 50 µs late
		for {
			select {
			case <-w.done:
				return
			default:
			}
			due := time.Now().Add(time.Millisecond)
			sleep(time.Until(due))
			late := time.Since(due)
			w.mu.Lock()
			w.late.Record(late, 1)
			w.mu.Unlock()
		}
	})
	return w
}

// Late is how late it was in so many of 100 cases, at most.
func (w *Witness) Late(percentile float64) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.late.At(percentile)
}

// End may be called once.
func (w *Witness) End() {
	close(w.done)
	w.all.Wait()
}
