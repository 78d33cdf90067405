package virtualuser

import (
	"errors"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// keepTime takes a turn whenever something is due, until the loop is stopped. It
// sleeps in the kernel, on a thread of its own: Go's timers are up to a
// millisecond late.
func (l *loop) keepTime() {
	runtime.LockOSThread() // its thread ends with it
	const exact = 1        // nanoseconds that the kernel may add to a sleep
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, exact, 0, 0, 0); err != nil {
		l.group.cfg.Logf("posts may be made 50 µs late: %v", err)
	}
	l.pacerThread.Store(int64(unix.Gettid()))
	for {
		now := l.clock.now()
		l.mu.Lock()
		if l.stopped {
			l.mu.Unlock()
			return
		}
		l.at(now)
		if !now.Before(l.due) {
			l.turn()
		}
		due := l.due
		l.mu.Unlock()
		sleep(due.Sub(l.clock.now()))
	}
}

func sleep(d time.Duration) {
	if d <= 0 {
		runtime.Gosched()
		return
	}
	for left := unix.NsecToTimespec(int64(d)); ; {
		if err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &left, &left); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
