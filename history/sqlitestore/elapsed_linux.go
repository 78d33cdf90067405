package sqlitestore

import (
	"time"

	"golang.org/x/sys/unix"
)

// elapsed is how long the machine runs, also while it slept, which Go's own monotonic
// clock leaves out: who wakes up would seem to have jumped.
func elapsed() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return time.Since(started) // a kernel that does not have it
	}
	return time.Duration(t.Nano())
}
