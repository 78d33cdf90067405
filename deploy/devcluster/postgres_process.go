package devcluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// spawn starts a program as the server's user, in a process group of its own,
// its output appended to the log. The kernel kills it when this process ends.
func (p *Postgres) spawn(name string, args ...string) (*process, error) {
	out, err := os.OpenFile(p.LogFile(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.options.Dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: p.user}
	p.procs.do(func() { err = cmd.Start() })
	if err != nil {
		return nil, err
	}
	server := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(server.done)
		_ = cmd.Wait() // how it ended is in its log
	}()
	return server, nil
}

// State tells what the kernel says of the server: Running, Stopped or Dead.
func (p *Postgres) State() string { return p.process().state() }

// Kill ends all processes of the server at once with SIGKILL, as a loss of
// power would, and waits until they are gone.
func (p *Postgres) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kill()
}

func (p *Postgres) kill() error {
	if p.server == nil {
		return nil
	}
	family, err := p.signalAll(syscall.SIGKILL)
	<-p.server.done
	for _, child := range family {
		awaitState(child.pid, child.start, "Z", "X")
	}
	p.server, p.frozen = nil, false
	if err != nil {
		return fmt.Errorf("kill postgres: %w", err)
	}
	return nil
}

// Freeze stops all processes of the server with SIGSTOP: its kernel still
// accepts connections and data, but nothing answers.
func (p *Postgres) Freeze() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil || p.server.exited() {
		return errors.New("freeze postgres: it does not run")
	}
	p.frozen = true
	if _, err := p.signalAll(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("freeze postgres: %w", err)
	}
	return nil
}

// Thaw wakes a server that Freeze stopped.
func (p *Postgres) Thaw() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		return errors.New("thaw postgres: it does not run")
	}
	p.frozen = false
	if _, err := p.signalAll(syscall.SIGCONT); err != nil {
		return fmt.Errorf("thaw postgres: %w", err)
	}
	return nil
}

// signalAll sends a signal to the server's children, which it returns, and then
// to the server. The server is stopped before, so that it starts no more of
// them; each has a process group of its own, so they are found by their parent.
func (p *Postgres) signalAll(s syscall.Signal) ([]child, error) {
	if err := p.server.signal(syscall.SIGSTOP); errors.Is(err, os.ErrProcessDone) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	awaitState(p.server.pid(), "", "T", "Z", "X")
	family, err := children(p.server.pid())
	errs := []error{err}
	for _, c := range family {
		if err := syscall.Kill(c.pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, err)
		}
	}
	if err := p.server.signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		errs = append(errs, err)
	}
	return family, errors.Join(errs...)
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
