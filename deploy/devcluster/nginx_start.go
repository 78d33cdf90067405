package devcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tuitalk/deploy/nginx"
)

func nginxProgram(name string) (string, error) {
	if name != "" {
		return name, nil
	}
	if path, err := exec.LookPath("nginx"); err == nil {
		return path, nil
	}
	const debian = "/usr/sbin/nginx" // not in everybody's PATH
	if _, err := os.Stat(debian); err != nil {
		return "", errors.New("no Nginx is installed (Debian: apt-get install nginx)")
	}
	return debian, nil
}

// configure writes the configuration, once Nginx has found nothing wrong with it.
func (n *Nginx) configure(ctx context.Context) error {
	if err := os.MkdirAll(n.opts.Dir, 0o755); err != nil {
		return err
	}
	me, err := user.Current()
	if err != nil {
		return err
	}
	text, err := nginx.For(nginx.Machine{
		User: me.Username, Dir: n.opts.Dir, Listen: n.Addr(), Gateways: n.opts.Gateways,
		Workers: n.opts.Workers, Files: openFiles(), Unlimited: n.opts.Unlimited,
	})
	if err != nil {
		return err
	}
	aside := n.confFile() + ".new"
	if err := os.WriteFile(aside, []byte(text), 0o644); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, n.opts.Program, n.args(aside, "-t", "-q")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("nginx -t: %w: %s", err, out)
	}
	return os.Rename(aside, n.confFile())
}

func (n *Nginx) args(conf string, more ...string) []string {
	return append([]string{"-p", n.opts.Dir, "-e", n.LogFile(), "-c", conf}, more...)
}

// openFiles is how many files a process here may have open, within reason.
func openFiles() int {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 1024
	}
	return int(min(l.Max, 1<<18))
}

func (n *Nginx) start(ctx context.Context) error {
	if err := n.kill(); err != nil { // workers of a master that has died
		return err
	}
	if err := n.configure(ctx); err != nil {
		return err
	}
	if !free(n.opts.Port) {
		return errPortTaken // Nginx itself would try for seconds
	}
	if err := os.RemoveAll(n.pidFile()); err != nil {
		return err
	}
	master, err := n.procs.start(n.LogFile(), n.opts.Program, n.args(n.confFile(), "-g", "daemon off;")...)
	if err != nil {
		return err
	}
	n.master = master
	if n.reaper, err = startReaper(master); err != nil {
		return errors.Join(err, n.kill())
	}
	if err := n.awaitListening(ctx); err != nil {
		return errors.Join(err, n.kill())
	}
	return nil
}

// awaitListening waits for the pid file, which Nginx writes when it has its ports.
func (n *Nginx) awaitListening(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for strings.TrimSpace(readString(n.pidFile())) != strconv.Itoa(n.master.pid()) {
		select {
		case <-tick.C:
		case <-n.master.done:
			return fmt.Errorf("it ended: %s", tail(n.LogFile()))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (n *Nginx) reload(ctx context.Context) error {
	if err := n.configure(ctx); err != nil {
		return err
	}
	old, err := children(n.master.pid())
	if err != nil {
		return err
	}
	if err := n.master.signal(syscall.SIGHUP); err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for slices.ContainsFunc(old, stillAccepts) {
		select {
		case <-tick.C:
		case <-n.master.done:
			return fmt.Errorf("it ended: %s", tail(n.LogFile()))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// stillAccepts tells whether a worker has not been told yet to let the new ones
// take over; after that it says so in its title.
func stillAccepts(worker child) bool {
	f := statFields(worker.pid)
	return f != nil && f[statStart] == worker.start &&
		!strings.Contains(readString(fmt.Sprintf("/proc/%d/cmdline", worker.pid)), "shutting down")
}
