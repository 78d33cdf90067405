package compare

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
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

// busy is how long a processor has been at work, for whomever.
func busy(cpu int) (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("read what processor %d does: %w", cpu, err)
	}
	_, rest, _ := bytes.Cut(text, fmt.Appendf(nil, "\ncpu%d ", cpu))
	line, _, ok := bytes.Cut(rest, []byte{'\n'})
	if !ok {
		return 0, fmt.Errorf("read what processor %d does: it is not in /proc/stat", cpu)
	}
	const idle, waiting, stolen = 3, 4, 7 // of the line's fields; the later ones are parts of the first
	var ticks int64
	for i, field := range bytes.Fields(line)[:stolen+1] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read what processor %d does: %w", cpu, err)
		}
		if i != idle && i != waiting {
			ticks += n
		}
	}
	return time.Duration(ticks) * tick, nil
}

// tick is the unit of /proc/stat.
const tick = 10 * time.Millisecond

// memory is what processes hold, in bytes: pages that several share are divided
// among them.
func memory(pids []int) (int64, error) {
	var sum int64
	for _, pid := range pids {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
		if err != nil {
			return 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
		}
		_, rest, ok := bytes.Cut(text, []byte("\nPss:"))
		fields := bytes.Fields(rest)
		if !ok || len(fields) == 0 {
			return 0, fmt.Errorf("read the memory of process %d: no Pss in smaps_rollup", pid)
		}
		kb, err := strconv.ParseInt(string(fields[0]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
		}
		sum += kb << 10
	}
	return sum, nil
}
