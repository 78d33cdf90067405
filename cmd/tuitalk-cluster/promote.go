package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"tuitalk/deploy/devcluster"
)

// promoteSignal asks the process that runs the cluster to promote the standby.
const promoteSignal = syscall.SIGUSR1

// promoting tells, until stop, when that is asked for.
func promoting() (asked <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, promoteSignal)
	return c, func() { signal.Stop(c) }
}

// promoteStandby does it. The old primary is ended, and comes back as a standby
// as every part that is dead comes back.
func promoteStandby(ctx context.Context, c *devcluster.Cluster) {
	if err := c.Postgres.Promote(ctx); err != nil {
		tell("cluster", err.Error())
		return
	}
	tell("cluster", "PostgreSQL's primary is "+c.Postgres.Primary().Addr()+" now")
}

// promote has the standby promoted and waits until it can be written.
func promote(s settings, _ []string) error {
	state, err := devcluster.LoadClusterState(s.stateFile())
	if err != nil || state.Owner.State() == devcluster.Dead {
		return errors.New("no cluster runs in " + s.dir)
	}
	next := slices.IndexFunc(state.Look(context.Background()), func(r devcluster.PartReport) bool {
		return r.Kind == devcluster.KindPostgres && strings.Contains(r.Says, "standby ")
	})
	if next < 0 {
		return errors.New("no server stands by")
	}
	if err := syscall.Kill(state.Owner.PID, promoteSignal); err != nil {
		return err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(endTimeout)
	for {
		if r := state.Look(context.Background())[next]; strings.HasPrefix(r.Says, "primary") {
			fmt.Printf("%s is the primary now. The other one comes back as its standby.\n", r.Name)
			return nil
		}
		select {
		case <-tick.C:
		case <-timeout:
			return fmt.Errorf("it was not promoted; see %s", s.logFile())
		}
	}
}
