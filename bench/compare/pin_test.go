package compare

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tuitalk/bench/measure"
)

func TestTheProcessorsAreGivenBack(t *testing.T) {
	get := func() (set unix.CPUSet) {
		t.Helper()
		if err := unix.SchedGetaffinity(0, &set); err != nil {
			t.Fatal(err)
		}
		return set
	}
	before := get()
	var own []int
	for cpu := 0; len(own) < before.Count(); cpu++ {
		if before.IsSet(cpu) {
			own = append(own, cpu)
		}
	}
	last := own[len(own)-1]
	if _, err := pin(own[0], last+1); err == nil || get() != before {
		t.Errorf("a processor that is not ours is taken: %v", err)
	}
	if len(own) == 1 {
		if _, err := pin(last, last); err == nil || !strings.Contains(err.Error(), "needs two processors") {
			t.Errorf("one processor is enough: %v", err)
		}
		return
	}
	restore, err := pin(own[0], last)
	if err != nil {
		t.Fatal(err)
	}
	within := get()
	if err := restore(); err != nil {
		t.Fatal(err)
	}
	if after := get(); within.Count() != 1 || !within.IsSet(last) || after != before {
		t.Errorf("processors: before %v, then %v, after %v", before, within, after)
	}
	if _, err := measure.Busy(last); err != nil {
		t.Error(err)
	}
	if _, err := measure.Busy(1 << 20); err == nil {
		t.Error("a processor that is not is busy")
	}
}

func TestCPUTimeGrowsWithWork(t *testing.T) {
	self := []int{os.Getpid()}
	from, err := cpuTime(self)
	if err != nil {
		t.Fatal(err)
	}
	for begin, n := time.Now(), 0; time.Since(begin) < 20*time.Millisecond; n++ {
		_ = fmt.Sprint(n)
	}
	to, err := cpuTime(self)
	if err != nil || to <= from {
		t.Errorf("processor time from %v to %v: %v", from, to, err)
	}
	if held, err := memory(self); err != nil || held < 1<<20 {
		t.Errorf("this process holds %d bytes: %v", held, err)
	}
	if _, err := memory([]int{1 << 30}); err == nil {
		t.Error("a process that is not has memory")
	}
}
