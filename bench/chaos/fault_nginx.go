package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"tuitalk/deploy/devcluster"
)

func killNginx(_ context.Context, c *devcluster.Cluster, _ *rand.Rand) (Mend, string, error) {
	was := process(c, c.Nginx.Addr())
	seen, err := gone(was, c.Nginx.Kill())
	return c.Nginx.Start, seen, err
}

func reloadNginx(ctx context.Context, c *devcluster.Cluster, _ *rand.Rand) (Mend, string, error) {
	before, err := workers(c.Nginx.PID())
	if err != nil {
		return nil, "", err
	}
	if err := c.Nginx.Reload(ctx); err != nil {
		return nothingToMend, "", err
	}
	after, err := workers(c.Nginx.PID())
	if err != nil {
		return nothingToMend, "", err
	}
	seen, err := tookOver(before, after)
	return nothingToMend, seen, err
}

// workers are the process ids of a program's children.
func workers(pid int) ([]string, error) {
	list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, fmt.Errorf("list the workers of nginx: %w", err)
	}
	return strings.Fields(string(list)), nil
}

// tookOver is the evidence that there are new workers.
func tookOver(before, after []string) (string, error) {
	after = slices.DeleteFunc(after, func(pid string) bool { return slices.Contains(before, pid) })
	if len(after) == 0 {
		return "", fmt.Errorf("nginx has no new workers beside %s", strings.Join(before, ", "))
	}
	return fmt.Sprintf("nginx has new workers (pids %s)", strings.Join(after, ", ")), nil
}
