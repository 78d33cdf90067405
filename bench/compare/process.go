package compare

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"tuitalk/bench/measure"
)

// cpuTime is how long processes have been on a processor: utime and stime of
// /proc/PID/stat, from the clock behind them, which is finer than their ticks.
func cpuTime(pids []int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		const scheduled = 2 // the kind of clock: time on a processor
		var t unix.Timespec
		if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
			return 0, fmt.Errorf("read the processor time of process %d: %w", pid, err)
		}
		sum += time.Duration(t.Nano())
	}
	return sum, nil
}

// memory is what processes hold, in bytes: pages that several share are divided
// among them.
func memory(pids []int) (sum int64, err error) {
	for _, pid := range pids {
		pss, err := measure.Pss(pid)
		if err != nil {
			return 0, err
		}
		sum += pss
	}
	return sum, nil
}
