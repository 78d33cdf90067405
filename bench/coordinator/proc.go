package coordinator

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// cpuOf is what a process has used, and those of its children that have ended,
// in seconds.
func cpuOf(pid int) (seconds float64, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	i := bytes.LastIndexByte(text, ')') // the name may hold anything
	if err != nil || i < 0 {
		return 0, false
	}
	fields := strings.Fields(string(text[i+1:]))
	const state, utime, cstime = 0, 11, 14 // counted from the state
	if len(fields) <= cstime || fields[state] == "Z" {
		return 0, false
	}
	for _, f := range fields[utime : cstime+1] {
		ticks, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, false
		}
		seconds += float64(ticks) / clockTicks
	}
	return seconds, true
}

// memoryOf is what a process alone has in memory, and what it may share, in bytes.
func memoryOf(pid int) (own, shared int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "RssAnon":
			own = n << 10
		case "RssFile", "RssShmem":
			shared += n << 10
		}
	}
	return own, shared
}

func children(pid int) (all []int) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	for _, thread := range threads {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, thread.Name()))
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

// filesOf is how many files a process has open. Kernels since 6.2 have the number
// as the size of the directory; the others have to be asked for the names.
func filesOf(pid int) int {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	if info, err := os.Stat(dir); err == nil && info.Size() > 0 {
		return int(info.Size())
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	return len(names)
}
