package compare

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// pin keeps all threads of this process, and those that they start, on the
// generator's processor until restore.
func pin(server, generator int) (restore func() error, err error) {
	var before, only unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, fmt.Errorf("read this program's processors: %w", err)
	}
	if before.Count() < 2 {
		return nil, errors.New("comparing needs two processors: one for the server and one for the generator")
	}
	for _, cpu := range []int{server, generator} {
		if !before.IsSet(cpu) {
			return nil, fmt.Errorf("this program may not use processor %d", cpu)
		}
	}
	only.Set(generator)
	if err := eachThread(&only); err != nil {
		return nil, fmt.Errorf("keep the generator on processor %d: %w", generator, err)
	}
	return func() error { return eachThread(&before) }, nil
}

// eachThread sets the processors of all threads. A thread that is started
// meanwhile has those of its parent, old or new; so it looks again until there is
// none that it has not seen.
func eachThread(set *unix.CPUSet) error {
	seen := map[int]bool{}
	for {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		fresh := 0
		for _, task := range tasks {
			tid, err := strconv.Atoi(task.Name())
			if err != nil || seen[tid] {
				continue
			}
			seen[tid] = true
			fresh++
			if err := unix.SchedSetaffinity(tid, set); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
		if fresh == 0 {
			return nil
		}
	}
}
