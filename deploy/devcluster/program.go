package devcluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// Program is one of our own programs as a process that can be killed, frozen
// and started again. Its methods may be called from several goroutines.
type Program struct {
	path string
	args []string
	log  string

	mu    sync.Mutex
	procs *procStarter
	run   *process // nil while it does not run
}

// notTranslated has the race detector leave out what SQLite was translated to from C, as
// the Makefile does for tests: nothing of ours is in it, and it would be most of what a
// gateway calculates.
const notTranslated = "-gcflags=modernc.org/sqlite/lib=-race=false"

// Build compiles a main package of this module into dir and returns the program's
// path. race builds it with the race detector. What go run has linked stays in the build
// cache, unlike what go build has: a dozen packages of tests want the same program.
func Build(dir, pkg string, race bool) (string, error) {
	out := filepath.Join(dir, filepath.Base(pkg))
	args := []string{"run", "-exec", "cp"}
	if race {
		args = append(args, "-race", notTranslated)
	}
	cmd := exec.Command("go", append(args, pkg, out)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, text)
	}
	return out, nil
}

// NewProgram describes a program; log is the file that its output is added to.
func NewProgram(log, path string, args ...string) *Program {
	return newProgram(newProcStarter(), log, path, args)
}

// newProgram takes over the process starter.
func newProgram(procs *procStarter, log, path string, args []string) *Program {
	return &Program{path: path, args: args, log: log, procs: procs}
}

// Start runs it. It is an error if it runs already.
func (p *Program) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil && !p.run.exited() {
		return fmt.Errorf("start %s: it runs already", filepath.Base(p.path))
	}
	run, err := p.procs.start(p.log, p.path, p.args...)
	if err != nil {
		return fmt.Errorf("start %s: %w", filepath.Base(p.path), err)
	}
	p.run = run
	return nil
}

// Kill ends it with SIGKILL and waits until it is gone.
func (p *Program) Kill() error { return p.end(syscall.SIGKILL) }

// Stop ends it with SIGTERM and waits until it is gone.
func (p *Program) Stop() error { return p.end(syscall.SIGTERM) }

// Terminate sends SIGTERM and waits until it is gone, or until ctx ends: a frozen
// one goes only when it is thawed.
func (p *Program) Terminate(ctx context.Context) error {
	p.mu.Lock()
	run := p.run
	p.mu.Unlock()
	if run == nil || run.exited() {
		return nil
	}
	if err := run.signal(syscall.SIGTERM); err != nil && !run.exited() {
		return fmt.Errorf("signal %s: %w", filepath.Base(p.path), err)
	}
	select {
	case <-run.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for %s to end: %w", filepath.Base(p.path), ctx.Err())
	}
}

func (p *Program) end(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return nil
	}
	if !p.run.exited() {
		if err := p.run.signal(s); err != nil && !p.run.exited() {
			return fmt.Errorf("signal %s: %w", filepath.Base(p.path), err)
		}
	}
	<-p.run.done
	p.run = nil
	return nil
}

// Freeze stops it with SIGSTOP and returns when it has stopped; it keeps its
// connections and answers nothing.
func (p *Program) Freeze() error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	if pid := p.PID(); pid != 0 {
		awaitState(pid, "", "T", "Z", "X")
	}
	return nil
}

// Thaw lets it go on after Freeze.
func (p *Program) Thaw() error { return p.signal(syscall.SIGCONT) }

func (p *Program) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return fmt.Errorf("signal %s: it does not run", filepath.Base(p.path))
	}
	return p.run.signal(s)
}

// Running tells whether the process lives.
func (p *Program) Running() bool { return p.State() != Dead }

// State tells what the kernel says of it: Running, Stopped or Dead.
func (p *Program) State() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run.state()
}

// PID is its process id, 0 while it does not run.
func (p *Program) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil || p.run.exited() {
		return 0
	}
	return p.run.pid()
}

// Log returns what the program has written so far.
func (p *Program) Log() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Close kills it if it runs, and releases what it holds.
func (p *Program) Close() error {
	err := p.Kill()
	p.procs.close()
	return err
}
