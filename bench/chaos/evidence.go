package chaos

import (
	"fmt"

	"tuitalk/deploy/devcluster"
)

// process is the part of a cluster that has an address, with the process that it
// is now: the kernel is asked for that one, whatever starts in its place.
func process(c *devcluster.Cluster, addr string) devcluster.PartState {
	for _, p := range c.State().Parts {
		if p.Addr == addr {
			return p
		}
	}
	return devcluster.PartState{Name: addr}
}

// gone is the evidence that a process has ended after it was killed, or an error.
func gone(was devcluster.PartState, killed error) (string, error) {
	state := was.Process.State()
	switch {
	case killed != nil:
		return "", fmt.Errorf("%s: %w", was.Name, killed)
	case was.Process.PID == 0:
		return "", fmt.Errorf("%s did not run before the fault", was.Name)
	case state != devcluster.Dead:
		return "", fmt.Errorf("%s (pid %d) is %s after the fault", was.Name, was.Process.PID, state)
	}
	return fmt.Sprintf("%s (pid %d) is dead", was.Name, was.Process.PID), nil
}
