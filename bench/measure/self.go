package measure

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Watch watches this process. Its methods may be called from anywhere.
type Watch struct {
	mu     sync.Mutex
	at     time.Time
	cpu    time.Duration   // used until at
	loops  []time.Duration // each loop's work until at
	counts []func() time.Duration
}

// NewWatch begins to watch.
func NewWatch() *Watch { return &Watch{at: time.Now(), cpu: processCPU()} }

// Loop adds an event loop: work is how long it has been at work so far.
func (w *Watch) Loop(work func() time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts = append(w.counts, work)
	w.loops = append(w.loops, work())
}

// Read tells how the process is now, and what it used since the last Read.
func (w *Watch) Read() (Self, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	span := float64(now.Sub(w.at))
	if span <= 0 {
		span = 1
	}
	cpu := processCPU()
	s := Self{CPU: float64(cpu-w.cpu) / span}
	for i, work := range w.counts {
		done := work()
		s.Busy = max(s.Busy, min(1, float64(done-w.loops[i])/span))
		w.loops[i] = done
	}
	w.at, w.cpu = now, cpu
	var err error
	if s.RSS, err = residentBytes(); err != nil {
		return s, err
	}
	s.Files, s.MaxOpen, err = openFiles()
	return s, err
}

func processCPU() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0 // cannot be: the arguments are right
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func residentBytes() (int64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("read the memory in use: %w", err)
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0, fmt.Errorf("read the memory in use: %q", b)
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the memory in use: %w", err)
	}
	return pages * int64(os.Getpagesize()), nil
}

// openFiles counts the open files. Kernels since 6.2 have the number as the size
// of the directory; the others have to be asked for the names, which takes
// milliseconds when there are many.
func openFiles() (open, limit int, err error) {
	const dir = "/proc/self/fd"
	info, err := os.Stat(dir)
	if err != nil {
		return 0, 0, fmt.Errorf("count the open files: %w", err)
	}
	if open = int(info.Size()); open == 0 {
		d, err := os.Open(dir)
		if err != nil {
			return 0, 0, fmt.Errorf("count the open files: %w", err)
		}
		names, err := d.Readdirnames(-1)
		_ = d.Close() // it was only read
		if err != nil {
			return 0, 0, fmt.Errorf("count the open files: %w", err)
		}
		open = len(names) - 1 // the directory itself
	}
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 0, 0, fmt.Errorf("read the limit on open files: %w", err)
	}
	return open, int(min(r.Cur, 1<<31-1)), nil
}

// RaiseFiles raises the limit on open files as far as it goes without rights,
// and returns it.
func RaiseFiles() (int, error) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 0, fmt.Errorf("read the limit on open files: %w", err)
	}
	if r.Cur < r.Max {
		r.Cur = r.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
			return 0, fmt.Errorf("raise the limit on open files to %d: %w", r.Max, err)
		}
	}
	return int(min(r.Cur, 1<<31-1)), nil
}

// ThreadWork is how long a thread of this process has been running, and how long
// it has waited for a processor although it had something to do.
func ThreadWork(tid int) (ran, waited time.Duration, err error) {
	b, err := os.ReadFile("/proc/self/task/" + strconv.Itoa(tid) + "/schedstat")
	if err != nil {
		return 0, 0, fmt.Errorf("read what a thread has done: %w", err)
	}
	if _, err := fmt.Sscan(string(b), (*int64)(&ran), (*int64)(&waited)); err != nil {
		return 0, 0, fmt.Errorf("read what a thread has done: %w", err)
	}
	return ran, waited, nil
}
