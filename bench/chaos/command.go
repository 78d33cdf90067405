package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"time"

	"tuitalk/deploy/devcluster"
)

// commandPatience is how long a command may take.
const commandPatience = time.Minute

// Command is a fault that a shell command makes, and another one mends: for a
// fleet on other machines. It took hold if the first one ends well.
func Command(name string, hold time.Duration, do, undo string) Fault {
	return fault(name, hold, func(ctx context.Context, _ *devcluster.Cluster, _ *rand.Rand) (Mend, string, error) {
		mend := func(ctx context.Context) error { return shell(ctx, undo) }
		if err := shell(ctx, do); err != nil {
			return mend, "", err
		}
		return mend, "the command ended well", nil
	}, "a command, and one that mends it")
}

func shell(ctx context.Context, command string) error {
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.WaitDelay = time.Second // whoever it left behind may have its output
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w %s", command, err, strings.Join(strings.Fields(string(out)), " "))
	}
	return nil
}
