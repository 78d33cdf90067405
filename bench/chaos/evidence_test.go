package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tuitalk/bench/result"
	"tuitalk/deploy/devcluster"
	"tuitalk/talk"
)

// running starts a program that does nothing, and says which process it is.
func running(t *testing.T) (devcluster.PartState, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // may have ended
		_ = cmd.Wait()
	})
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, fields, _ := strings.Cut(string(stat), ") ")
	return devcluster.PartState{
		Name: "gateway-2", Process: devcluster.Identity{PID: cmd.Process.Pid, Start: strings.Fields(fields)[19]},
	}, cmd
}

func TestAKillThatMissesIsNoEvidence(t *testing.T) {
	was, cmd := running(t)
	if seen, err := gone(was, nil); err == nil || !strings.Contains(err.Error(), "gateway-2") || !strings.Contains(err.Error(), "running") {
		t.Errorf("%q, %v", seen, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
	if seen, err := gone(was, nil); err != nil || !strings.HasPrefix(seen, "gateway-2 (pid ") || !strings.HasSuffix(seen, "is dead") {
		t.Errorf("%q, %v", seen, err)
	}
	if _, err := gone(was, errors.New("no such process")); err == nil {
		t.Error("a kill that failed is evidence")
	}
	if _, err := gone(devcluster.PartState{Name: "nginx"}, nil); err == nil {
		t.Error("what never ran was killed")
	}
}

func TestLinksTellWhatTheyDo(t *testing.T) {
	link, err := devcluster.OpenLink(devcluster.Hop{Dial: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	if _, err := isNow(link, "gateway-1", devcluster.Cut); err == nil {
		t.Error("a link that carries is cut")
	}
	if _, err := isSlow(link, "gateway-1"); err == nil {
		t.Error("a fast link is slow")
	}
	link.Delay(slowness)
	if seen, err := isSlow(link, "gateway-1"); err != nil || !strings.Contains(seen, "gateway-1") {
		t.Error(seen, err)
	}
	if err := link.Set(devcluster.Cut); err != nil {
		t.Fatal(err)
	}
	if seen, err := isNow(link, "gateway-1", devcluster.Cut); err != nil || !strings.Contains(seen, "gateway-1") {
		t.Error(seen, err)
	}
}

func TestAReloadHasNewWorkers(t *testing.T) {
	if _, err := tookOver([]string{"10", "11"}, []string{"10", "11"}); err == nil {
		t.Error("the old workers took over")
	}
	if seen, err := tookOver([]string{"10", "11"}, []string{"11", "12"}); err != nil || !strings.Contains(seen, "pids 12)") {
		t.Error(seen, err)
	}
	master := exec.Command("sh", "-c", "sleep 60 & echo started; wait")
	out, err := master.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = out.Read(make([]byte, 8)) // if it fails there are no workers
	pids, err := workers(master.Process.Pid)
	if err != nil || len(pids) != 1 {
		t.Errorf("%q, %v", pids, err)
	}
	for _, pid := range pids {
		n, err := strconv.Atoi(pid)
		if err == nil {
			err = syscall.Kill(n, syscall.SIGKILL)
		}
		if err != nil {
			t.Error(err)
		}
	}
	_ = master.Wait() // it ends with its worker
}

// book is a run in memory.
type book struct{ lines []string }

var _ run = &book{}

func (*book) CaughtUp(context.Context, time.Duration) (int, error) { return 0, nil }

func (b *book) Now() time.Time { return time.Unix(0, 0) }

func (b *book) BeginFault(f result.Fault) int {
	b.lines = append(b.lines, fmt.Sprintf("%s held: %t, %s", f.What, f.Held, f.Evidence))
	return len(b.lines) - 1
}

func (b *book) Rooms() []int32 { return []int32{1, 2} }

func (b *book) AddTaken(entries []talk.Entry) {
	b.lines = append(b.lines, fmt.Sprintf("%d entries are gone", len(entries)))
}

func (b *book) EndFault(number int) { b.lines[number] += ", over" }

func TestAFaultThatDoesNotTakeHoldDoesNotEndThePlan(t *testing.T) {
	mended := 0
	mend := func(context.Context) error { mended++; return nil }
	does := func(mend Mend, seen string, err error) breaker {
		return func(context.Context, *devcluster.Cluster, *rand.Rand) (Mend, string, error) { return mend, seen, err }
	}
	var told []string
	p := Schedule{
		Faults: []Fault{
			{Name: "first", Break: does(nil, "", errors.New("nobody is there"))},
			{Name: "second", Break: does(mend, "", errors.New("it still runs"))},
			{Name: "third", Break: does(mend, "gateway-2 is dead", nil)},
		},
		Tell: func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) },
	}
	b := &book{}
	if err := p.follow(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"first held: false, nobody is there, over", "second held: false, it still runs, over",
		"third held: true, gateway-2 is dead, over",
	}
	if !slices.Equal(b.lines, want) || mended != 2 {
		t.Errorf("%q, mended %d times", b.lines, mended)
	}
	if len(told) == 0 || told[0] != "first: did not take hold: nobody is there" {
		t.Errorf("told %q", told)
	}
	p.Faults[1].Break = does(func(context.Context) error { return errors.New("it is stuck") }, "", errors.New("it still runs"))
	if err := p.follow(t.Context(), b); err == nil || !strings.Contains(err.Error(), "stuck") {
		t.Errorf("what cannot be mended: %v", err)
	}
}
