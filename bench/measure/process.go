package measure

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"
)

// clockTicks are those of a second in /proc, on every Linux that Go runs on.
const clockTicks = 100

// Used is what a process and all that it has started use.
type Used struct {
	CPU   float64 // seconds since their start
	RSS   int64   // bytes; what several share is counted once, as much as the one has that has most of it
	Files int     // that are open
	Disk  int64   // bytes that they have written
}

// UsedBy reads what a process of this machine uses; ok is false if it is gone. What
// this user may not see of it counts as nothing.
func UsedBy(pid int) (u Used, ok bool) {
	var shared int64
	for todo := []int{pid}; len(todo) > 0; {
		p, err := procfs.NewProc(todo[0])
		todo = append(todo[1:], Children(todo[0])...)
		if err != nil {
			continue
		}
		stat, err := p.Stat()
		if err != nil || stat.State == "Z" {
			continue
		}
		ok = true
		u.CPU += float64(int(stat.UTime)+int(stat.STime)+stat.CUTime+stat.CSTime) / clockTicks
		if status, err := p.NewStatus(); err == nil {
			u.RSS += int64(status.RssAnon)
			shared = max(shared, int64(status.RssFile+status.RssShmem))
		}
		if files, err := p.FileDescriptorsLen(); err == nil {
			u.Files += files
		}
		if io, err := p.IO(); err == nil {
			u.Disk += int64(io.WriteBytes)
		}
	}
	u.RSS += shared
	return u, ok
}

// Children are the processes that one has started.
func Children(pid int) (all []int) {
	threads, err := procfs.AllThreads(pid)
	if err != nil {
		return nil
	}
	for _, thread := range threads {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, thread.PID))
		if err != nil {
			continue
		}
		for _, id := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(id); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

// Pss is what a process holds, in bytes: pages that several share are divided among
// them.
func Pss(pid int) (int64, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	rollup, err := p.ProcSMapsRollup()
	if err != nil {
		return 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	return int64(rollup.Pss), nil
}

// Busy is how long a processor has been at work, for whomever.
func Busy(cpu int) (time.Duration, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, fmt.Errorf("read what processor %d does: %w", cpu, err)
	}
	stat, err := fs.Stat()
	if err != nil {
		return 0, fmt.Errorf("read what processor %d does: %w", cpu, err)
	}
	c, ok := stat.CPU[int64(cpu)]
	if !ok {
		return 0, fmt.Errorf("read what processor %d does: it is not in /proc/stat", cpu)
	}
	return time.Duration((c.User + c.Nice + c.System + c.IRQ + c.SoftIRQ) * float64(time.Second)), nil
}

// Queued is what the kernel holds of the connections of a port of this machine, in
// bytes: what was written and not acknowledged, and what came and was not read.
func Queued(port uint16) (sum int64) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0
	}
	//lint:ignore SA1019 netlink is faster, another dependency, and no better here
	for _, table := range []func() (procfs.NetTCP, error){fs.NetTCP, fs.NetTCP6} {
		lines, err := table()
		if err != nil {
			continue
		}
		for _, line := range lines {
			if line.LocalPort == uint64(port) {
				sum += int64(line.TxQueue + line.RxQueue)
			}
		}
	}
	return sum
}
