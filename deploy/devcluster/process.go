package devcluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// procStarter starts processes that end with this one. The kernel ties a child to
// the thread that started it, so one goroutine with a thread of its own starts
// them all.
type procStarter struct {
	orders chan func()
	done   chan struct{}
}

func newProcStarter() *procStarter {
	s := &procStarter{orders: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		runtime.LockOSThread()
		for order := range s.orders {
			order()
		}
		// The thread ends with this goroutine, and what it started with it.
	}()
	return s
}

// close ends the process starter; every process it started must have ended.
func (s *procStarter) close() {
	close(s.orders)
	<-s.done
}

// do runs f on the process starter's thread.
func (s *procStarter) do(f func()) {
	done := make(chan struct{})
	s.orders <- func() {
		defer close(done)
		f()
	}
	<-done
}

// start runs a program in a process group of its own, its output appended to a file.
func (s *procStarter) start(log, name string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	s.orders <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how it ended is in its log
	}()
	return p, nil
}

// process is a started program; its goroutine waits for the end.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// signalGroup signals the program and what it started, unless that chose a group
// of its own.
func (p *process) signalGroup(s syscall.Signal) error { return syscall.Kill(-p.pid(), s) }

// state tells what the kernel says of it; nil is dead.
func (p *process) state() string {
	switch {
	case p == nil || p.exited():
		return Dead
	case p.frozen():
		return Stopped
	}
	return Running
}

func (p *process) exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// frozen tells whether the kernel has stopped the process.
func (p *process) frozen() bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid()))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(data), ") ")
	return strings.HasPrefix(state, "T")
}

// tail returns the last lines of a log.
func tail(name string) string {
	const most = 5
	text, err := os.ReadFile(name)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "; ")
}

// child is a process, told apart from a later one with the same number by when
// it started.
type child struct {
	pid   int
	start string // clock ticks since boot
}

// children lists the processes whose parent is pid.
func children(pid int) (found []child, err error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if f := statFields(n); f != nil && f[statParent] == strconv.Itoa(pid) {
			found = append(found, child{pid: n, start: f[statStart]})
		}
	}
	return found, nil
}

// Indices into /proc/pid/stat behind the program's name (proc(5)).
const (
	statState  = 0
	statParent = 1
	statStart  = 19
)

// statFields returns nil if there is no such process.
func statFields(pid int) []string {
	stat := readString(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= statStart {
		return nil
	}
	return fields
}

// awaitState waits until a process that was sent a signal is in one of the
// states (proc(5)), is gone, or is another one than that which started at start.
func awaitState(pid int, start string, states ...string) {
	for {
		f := statFields(pid)
		if f == nil || (start != "" && f[statStart] != start) || slices.Contains(states, f[statState]) {
			return
		}
		time.Sleep(time.Millisecond) // nothing tells when another's child ends or stops
	}
}

func readString(name string) string {
	b, _ := os.ReadFile(name) // what is missing says nothing
	return string(b)
}
