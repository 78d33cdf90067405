package measure

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/procfs"
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
func NewWatch() *Watch { return &Watch{at: time.Now(), cpu: ProcessCPU()} }

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
	cpu := ProcessCPU()
	s := Self{CPU: float64(cpu-w.cpu) / span}
	for i, work := range w.counts {
		done := work()
		s.Busy = max(s.Busy, min(1, float64(done-w.loops[i])/span))
		w.loops[i] = done
	}
	w.at, w.cpu = now, cpu
	return s, s.look()
}

// ProcessCPU is the processor time that this process has used.
func ProcessCPU() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0 // cannot be: the arguments are right
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// look adds what the process has in memory, and which files are open.
func (s *Self) look() error {
	p, err := procfs.Self()
	if err != nil {
		return fmt.Errorf("find this process: %w", err)
	}
	stat, err := p.Stat()
	if err != nil {
		return fmt.Errorf("read the memory in use: %w", err)
	}
	s.RSS = int64(stat.ResidentMemory())
	if s.Files, err = p.FileDescriptorsLen(); err != nil {
		return fmt.Errorf("count the open files: %w", err)
	}
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return fmt.Errorf("read the limit on open files: %w", err)
	}
	s.MaxOpen = int(min(r.Cur, 1<<31-1))
	return nil
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
	self, err := procfs.Self()
	if err == nil {
		self, err = self.Thread(tid)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("find a thread: %w", err)
	}
	stat, err := self.Schedstat()
	if err != nil {
		return 0, 0, fmt.Errorf("read what a thread has done: %w", err)
	}
	return time.Duration(stat.RunningNanoseconds), time.Duration(stat.WaitingNanoseconds), nil
}
