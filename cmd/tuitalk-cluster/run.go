package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"syscall"
	"time"

	"tuitalk/deploy/devcluster"
)

// run starts the cluster and keeps it until a signal comes.
func run(s settings, _ []string) (err error) {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	lock, err := lockDir(s.dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	began := time.Now()
	c, err := devcluster.StartCluster(ctx, devcluster.ClusterOptions{
		Program: s.gateway, Dir: s.dir, Port: s.port, Gateways: s.count, Watchdog: true,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end(c), os.Remove(s.stateFile())) }()
	asked, stop := promoting() // whoever finds the state file may ask
	defer stop()
	if err := c.State().Save(s.stateFile()); err != nil {
		return err
	}
	tell("cluster", fmt.Sprintf("ready after %.1f s", time.Since(began).Seconds()))
	keep(ctx, c, s.stateFile(), asked)
	tell("cluster", "stops")
	return nil
}

// lockDir makes sure that one cluster at a time uses a folder. The lock goes with
// this process.
func lockDir(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errors.New("a cluster runs there already")
	}
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("use %s: %w", dir, err)
	}
	return lock, nil
}

// keep looks after the cluster until ctx ends, promotes the standby when asked,
// and keeps the state file true.
func keep(ctx context.Context, c *devcluster.Cluster, file string, asked <-chan os.Signal) {
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		c.Keep(ctx, tell)
	}()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for saved := c.State(); ; {
		select {
		case <-tick.C:
		case <-asked:
			promoteStandby(ctx, c)
		case <-ctx.Done():
			<-kept
			return
		}
		if now := c.State(); !reflect.DeepEqual(now, saved) {
			if err := now.Save(file); err != nil {
				tell("cluster", err.Error())
				continue
			}
			saved = now
		}
	}
}

// tell writes a line to the log.
func tell(part, what string) {
	fmt.Printf("%s %s: %s\n", time.Now().Format(time.DateTime), part, what)
}

// end stops all parts in order, but does not wait for ever.
func end(c *devcluster.Cluster) error {
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	return c.Stop(ctx)
}

const (
	startTimeout = 150 * time.Second // more than devcluster gives it
	endTimeout   = 20 * time.Second
)

// start runs the cluster in the background and waits until it is ready.
func start(s settings, args []string) error {
	if state, err := devcluster.LoadClusterState(s.stateFile()); err == nil && state.Owner.State() != devcluster.Dead {
		fmt.Println("It runs already.")
		return status(s, nil)
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := os.Remove(s.stateFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	me, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(me, append([]string{"run"}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := awaitState(s, cmd); err != nil {
		return err
	}
	return status(s, nil)
}

// awaitState waits until the background process has written that it is ready.
func awaitState(s settings, cmd *exec.Cmd) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(startTimeout)
	for {
		if _, err := os.Stat(s.stateFile()); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case err := <-ended:
			log, _ := os.ReadFile(s.logFile()) // what is missing says nothing
			return fmt.Errorf("the cluster did not start: %w\n%s", err, log)
		case <-timeout:
			return errors.Join(fmt.Errorf("the cluster is not ready after %s; see %s", startTimeout, s.logFile()), cmd.Process.Kill())
		}
	}
}

// stop asks the background process to end and waits until all parts have.
func stop(s settings, _ []string) error {
	state, err := devcluster.LoadClusterState(s.stateFile())
	if errors.Is(err, fs.ErrNotExist) || err == nil && state.Owner.State() == devcluster.Dead {
		fmt.Println("It does not run.")
		return nil
	} else if err != nil {
		return err
	}
	if err := syscall.Kill(state.Owner.PID, syscall.SIGTERM); err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(2 * endTimeout)
	for state.Owner.State() != devcluster.Dead {
		select {
		case <-tick.C:
		case <-timeout:
			// The parts end with it.
			return errors.Join(errors.New("it did not end in time and was killed"), syscall.Kill(state.Owner.PID, syscall.SIGKILL))
		}
	}
	fmt.Println("Stopped. What was written is in " + s.dir + ".")
	return nil
}
