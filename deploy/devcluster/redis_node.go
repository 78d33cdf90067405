package devcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// redisNode is one Redis server.
type redisNode struct {
	index int
	addr  string // host:port
	port  int
	dir   string
	conf  string
	opts  *RedisOptions
	procs *procStarter

	busPort int // that other nodes connect to

	mu   sync.Mutex
	proc *process // nil before the first start
}

// Node states, as State returns them.
const (
	Running = "running"
	Stopped = "stopped" // by SIGSTOP
	Dead    = "dead"
)

// Kill ends a node with SIGKILL and returns when it is gone.
func (c *RedisCluster) Kill(i int) error { return c.nodes[i].signal(syscall.SIGKILL) }

// Stop freezes a node with SIGSTOP.
func (c *RedisCluster) Stop(i int) error { return c.nodes[i].signal(syscall.SIGSTOP) }

// Cont wakes a node that Stop froze.
func (c *RedisCluster) Cont(i int) error { return c.nodes[i].signal(syscall.SIGCONT) }

// Start starts a node that is dead, with the data it had, and returns when it
// answers.
func (c *RedisCluster) Start(ctx context.Context, i int) error { return c.nodes[i].start(ctx) }

// WipeAndStart starts a dead node without its data. It still knows the cluster
// and its place in it.
func (c *RedisCluster) WipeAndStart(ctx context.Context, i int) error {
	n := c.nodes[i]
	if n.state() != Dead {
		return fmt.Errorf("wipe redis node %s: it runs", n.addr)
	}
	for _, data := range []string{"appendonlydir", "dump.rdb"} {
		if err := os.RemoveAll(filepath.Join(n.dir, data)); err != nil {
			return fmt.Errorf("wipe redis node %s: %w", n.addr, err)
		}
	}
	return n.start(ctx)
}

// State tells what the kernel says of a node: Running, Stopped or Dead.
func (c *RedisCluster) State(i int) string { return c.nodes[i].state() }

// PID returns a node's process id, 0 if it is dead.
func (c *RedisCluster) PID(i int) int {
	p := c.nodes[i].process()
	if p == nil || p.exited() {
		return 0
	}
	return p.pid()
}

func (n *redisNode) process() *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.proc
}

func (n *redisNode) start(ctx context.Context) error {
	if n.state() != Dead {
		return nil
	}
	if err := n.launch(); err != nil {
		return fmt.Errorf("start redis node %s: %w", n.addr, err)
	}
	p := n.process()
	for {
		_, err := n.do(ctx, "PING")
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("start redis node %s: %w", n.addr, n.failure())
		case <-ctx.Done():
			return fmt.Errorf("start redis node %s: %w", n.addr, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (n *redisNode) launch() error {
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return err
	}
	args := []string{n.conf, "--port", strconv.Itoa(n.port), "--bind", n.opts.Host, "--dir", n.dir}
	if n.opts.Password != "" {
		args = append(args, "--requirepass", n.opts.Password, "--masterauth", n.opts.Password)
	}
	if n.busPort != n.port+redisBusOffset {
		args = append(args, "--cluster-announce-bus-port", strconv.Itoa(n.busPort))
	}
	p, err := n.procs.start(n.logPath(), n.opts.Server, append(args, n.opts.Args...)...)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.proc = p
	return nil
}

func (n *redisNode) logPath() string { return filepath.Join(n.dir, "redis.log") }

// failure explains an early end by the node's last words.
func (n *redisNode) failure() error {
	data, err := os.ReadFile(n.logPath())
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) > 3 {
		lines = lines[len(lines)-3:]
	}
	said := strings.Join(lines, "; ")
	if strings.Contains(said, "in use") {
		return fmt.Errorf("%w: %s", errPortTaken, said)
	}
	return errors.New(said)
}

// signal sends a signal and waits until it has taken effect.
func (n *redisNode) signal(s syscall.Signal) error {
	p := n.process()
	if p == nil || p.exited() {
		return fmt.Errorf("signal redis node %s: it is dead", n.addr)
	}
	if err := p.signal(s); err != nil {
		return fmt.Errorf("signal redis node %s: %w", n.addr, err)
	}
	if s == syscall.SIGKILL {
		<-p.done
	}
	for !p.exited() && p.frozen() != (s == syscall.SIGSTOP) {
		time.Sleep(time.Millisecond)
	}
	return nil
}

// end asks the node to end and, if it does not, kills it.
func (n *redisNode) end() error {
	p := n.process()
	if p == nil || p.exited() {
		return nil
	}
	_ = p.signal(syscall.SIGCONT)
	_ = p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-time.After(3 * time.Second):
	}
	_ = p.signal(syscall.SIGKILL)
	<-p.done
	return nil
}

func (n *redisNode) state() string {
	p := n.process()
	if p == nil || p.exited() {
		return Dead
	}
	if p.frozen() {
		return Stopped
	}
	return Running
}
