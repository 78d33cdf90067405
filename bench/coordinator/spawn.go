package coordinator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"tuitalk/bench/tlsconfig"
)

// KeyVariable is the environment variable of the key.
const KeyVariable = "TUITALK_BENCH_KEY"

// Listening is what a worker prints in front of its address when it listens.
const Listening = "listening on "

// stopTimeout is how long a worker may take to end after it was told to.
const stopTimeout = 10 * time.Second

// spawner starts workers here. The kernel ends a child with the thread that
// started it, so one goroutine with a thread of its own starts them all, and
// lives until they have ended.
type spawner struct {
	orders chan func()
	done   chan struct{}
	all    []*process
}

func newSpawner() *spawner {
	s := &spawner{orders: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		runtime.LockOSThread() // the thread ends with this goroutine
		for order := range s.orders {
			order()
		}
	}()
	return s
}

// close ends what was started, if it does not end by itself, and waits for it.
func (s *spawner) close() {
	late := time.After(stopTimeout)
	for _, p := range s.all {
		_ = p.stdin.Close() // which tells it to end
		select {
		case <-p.done:
		case <-late:
			_ = p.cmd.Process.Kill()
			<-p.done
		}
	}
	close(s.orders)
	<-s.done
}

// process is a worker that was started here. One goroutine takes its errors and
// waits for its end.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer // closed: it ends
	addr  string    // where it listens
	done  chan struct{}

	mu   sync.Mutex
	last string // line of its errors
	end  error  // how it ended
}

// start runs a worker and returns when it listens.
func (s *spawner) start(ctx context.Context, program []string, key string) (*process, error) {
	cmd := exec.Command(program[0], append(program[1:], "-once", "-listen", "127.0.0.1:0")...)
	cmd.Env = append(os.Environ(), KeyVariable+"="+key)
	// in a group of its own, so that Ctrl-C is for this process only
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, stdin: stdin, done: make(chan struct{})}
	cmd.Stderr = p
	started := make(chan error)
	s.orders <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start a worker: %w", tlsconfig.Innermost(err))
	}
	s.all = append(s.all, p)
	says := make(chan string, 1)
	go p.wait(stdout, says)
	select {
	case line := <-says:
		addr, ok := strings.CutPrefix(strings.TrimSpace(line), Listening)
		if !ok {
			<-p.done
			return nil, fmt.Errorf("a worker did not start: %s", p.ended())
		}
		p.addr = addr
		return p, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-time.After(dialPatience):
		return nil, errors.New("a worker was started, but does not listen")
	}
}

// wait tells the first line, reads on so that the pipe never fills, and waits
// for the end.
func (p *process) wait(stdout io.Reader, says chan<- string) {
	defer close(p.done)
	in := bufio.NewReader(stdout)
	line, err := in.ReadString('\n')
	says <- line
	if err == nil {
		_, _ = io.Copy(io.Discard, in) // nothing of it is wanted
	}
	err = p.cmd.Wait()
	p.mu.Lock()
	p.end = err
	p.mu.Unlock()
}

// Write takes what the process writes to its standard error, of which the last
// line is kept.
func (p *process) Write(b []byte) (int, error) {
	if lines := strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' }); len(lines) > 0 {
		p.mu.Lock()
		p.last = lines[len(lines)-1]
		p.mu.Unlock()
	}
	return len(b), nil
}

// ended says how a process ended that is about to; "" if it lives, or is none of
// ours.
func (p *process) ended() string {
	if p == nil {
		return ""
	}
	select {
	case <-p.done:
	case <-time.After(time.Second):
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	how := "it simply ended"
	if p.end != nil {
		how = p.end.Error()
	}
	if p.last != "" {
		how += ": " + p.last
	}
	return how
}
