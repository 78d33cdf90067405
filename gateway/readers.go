package gateway

import "sync"

// readers run what waits for the store or the bus on behalf of connections.
type readers struct {
	tasks chan func()
	ended chan struct{}
	wg    sync.WaitGroup
	count int
}

// maxTasks bounds what waits for a reader.
const maxTasks = 1 << 16

func newReaders(count int) *readers {
	return &readers{tasks: make(chan func(), maxTasks), ended: make(chan struct{}), count: count}
}

func (r *readers) start() {
	for range r.count {
		r.wg.Go(func() {
			for {
				select {
				case f := <-r.tasks:
					f()
				case <-r.ended:
					return
				}
			}
		})
	}
}

// submit queues f; false when too much waits.
func (r *readers) submit(f func()) bool {
	select {
	case r.tasks <- f:
		return true
	default:
		return false
	}
}

// stop waits for what is running; what is queued is dropped with its connections.
func (r *readers) stop() {
	close(r.ended)
	r.wg.Wait()
}
