package devcluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// NginxOptions describes a balancer on this machine.
type NginxOptions struct {
	Dir      string   // for its configuration, logs and temporary files; is made if missing
	Gateways []string // host:port of each
	Port     int      // on 127.0.0.1; default a free one
	Workers  int      // processes, default 2
	Program  string   // default nginx from PATH, else /usr/sbin/nginx
	// Unlimited takes away what one address may have, for load tests: here
	// everybody has the same.
	Unlimited bool
}

// Nginx is a real Nginx with the configuration of deploy/nginx. Its methods may
// be called from several goroutines; Close ends it, and so does the end of this
// process.
type Nginx struct {
	opts  NginxOptions
	procs *procStarter

	mu     sync.Mutex
	master *process     // nil before the first start and after Kill or Stop
	reaper *groupReaper // of master
}

// nginxTimeout is how long a start or a reload may take.
const nginxTimeout = 30 * time.Second

// StartNginx starts a balancer and returns when it takes connections.
func StartNginx(ctx context.Context, opts NginxOptions) (*Nginx, error) {
	if opts.Dir == "" || len(opts.Gateways) == 0 {
		return nil, errors.New("start nginx: it needs a directory and gateways")
	}
	if opts.Workers == 0 {
		opts.Workers = 2
	}
	var err error
	if opts.Program, err = nginxProgram(opts.Program); err != nil {
		return nil, err
	}
	if opts.Dir, err = filepath.Abs(opts.Dir); err != nil {
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	n := &Nginx{opts: opts, procs: newProcStarter()}
	if err := n.startOnFreePort(ctx); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

func (n *Nginx) startOnFreePort(ctx context.Context) error {
	if n.opts.Port != 0 {
		return n.Start(ctx)
	}
	const attempts = 5 // somebody else may be faster
	var err error
	for range attempts {
		if n.opts.Port, err = FreePort(); err != nil {
			return fmt.Errorf("start nginx: %w", err)
		}
		if err = n.Start(ctx); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

// Addr is where it listens.
func (n *Nginx) Addr() string { return loopback(n.opts.Port) }

// LogFile is where it writes what it finds wrong.
func (n *Nginx) LogFile() string { return filepath.Join(n.opts.Dir, "error.log") }

func (n *Nginx) confFile() string { return filepath.Join(n.opts.Dir, "nginx.conf") }
func (n *Nginx) pidFile() string  { return filepath.Join(n.opts.Dir, "nginx.pid") }

// Start starts it and waits until it takes connections. A running one is left
// as it is.
func (n *Nginx) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, nginxTimeout)
	defer cancel()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.master.state() != Dead {
		return nil
	}
	if err := n.start(ctx); err != nil {
		return fmt.Errorf("start nginx on %s: %w", n.Addr(), err)
	}
	return nil
}

// Reload makes it read its configuration again, with other gateways if any are
// given, and returns when new workers have taken over. The old ones keep their
// tunnels for worker_shutdown_timeout.
func (n *Nginx) Reload(ctx context.Context, gateways ...string) error {
	ctx, cancel := context.WithTimeout(ctx, nginxTimeout)
	defer cancel()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.master.state() != Running {
		return errors.New("reload nginx: it does not run")
	}
	old := n.opts.Gateways
	if len(gateways) > 0 {
		n.opts.Gateways = gateways
	}
	if err := n.reload(ctx); err != nil {
		n.opts.Gateways = old
		return fmt.Errorf("reload nginx: %w", err)
	}
	return nil
}

// Stop ends it with all its connections, in order, and waits for the end.
func (n *Nginx) Stop(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.master.state() == Dead {
		return nil
	}
	if err := n.master.signal(syscall.SIGTERM); err != nil && !n.master.exited() {
		return fmt.Errorf("stop nginx: %w", err)
	}
	select {
	case <-n.master.done:
	case <-ctx.Done():
		return fmt.Errorf("stop nginx: %w", ctx.Err())
	}
	return n.kill() // workers that are left, if any
}

// Kill ends all its processes at once with SIGKILL and waits until they are gone.
func (n *Nginx) Kill() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.kill(); err != nil {
		return fmt.Errorf("kill nginx: %w", err)
	}
	return nil
}

func (n *Nginx) kill() error {
	if n.master == nil {
		return nil
	}
	err := killGroup(n.master)
	n.reaper.close()
	n.master, n.reaper = nil, nil
	return err
}

// Freeze stops all its processes with SIGSTOP and returns when they have stopped:
// the kernel still accepts for them.
func (n *Nginx) Freeze() error { return n.signal(syscall.SIGSTOP, "T") }

// Thaw wakes it after Freeze.
func (n *Nginx) Thaw() error { return n.signal(syscall.SIGCONT, "S", "R", "D") }

// signal sends all its processes a signal, after which each is in one of the
// states (proc(5)) or gone.
func (n *Nginx) signal(s syscall.Signal, states ...string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.master.state() == Dead {
		return errors.New("signal nginx: it does not run")
	}
	if err := n.master.signalGroup(s); err != nil {
		return fmt.Errorf("signal nginx: %w", err)
	}
	all, err := groupOf(n.master.pid())
	for _, c := range all {
		awaitState(c.pid, c.start, append(states, "Z", "X")...)
	}
	return err
}

// State tells what the kernel says of its master process: Running, Stopped or Dead.
func (n *Nginx) State() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.master.state()
}

// PID is the master's process id, 0 if it is dead.
func (n *Nginx) PID() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.master.state() == Dead {
		return 0
	}
	return n.master.pid()
}

// Close ends it, whatever its state.
func (n *Nginx) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	err := n.kill()
	n.procs.close()
	return err
}
