package crew

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"tuitalk/bench/result"
)

// Process is one of the target, by its id on this machine. What it has started
// belongs to it.
type Process struct {
	Name string
	PID  int
}

// clockTicks are those of a second in /proc, on every Linux that Go runs on.
const clockTicks = 100

// watch reads once a second what processes use. It belongs to one goroutine.
type watch struct {
	processes func() []Process
	servers   []result.Server
	last      map[Process]used // at the last look
	at        time.Time        // of it
}

type used struct {
	cpu float64 // seconds since its start
	rss int64   // bytes
}

// look adds a point for each process that is there.
func (w *watch) look(now time.Time) {
	next := map[Process]used{}
	for _, p := range w.processes() {
		u, ok := usedBy(p.PID)
		if !ok {
			continue // it is down just now, which is seen in the plot
		}
		next[p] = u
		s := w.server(p.Name)
		s.RSS = append(s.RSS, result.Point{At: now.Unix(), Value: float64(u.rss)})
		if before, ok := w.last[p]; ok && now.After(w.at) {
			cores := (u.cpu - before.cpu) / now.Sub(w.at).Seconds()
			s.CPU = append(s.CPU, result.Point{At: now.Unix(), Value: max(math.Round(cores*1000)/1000, 0)})
		}
	}
	w.last, w.at = next, now
}

func (w *watch) server(name string) *result.Server {
	i := slices.IndexFunc(w.servers, func(s result.Server) bool { return s.Name == name })
	if i < 0 {
		i = len(w.servers)
		w.servers = append(w.servers, result.Server{Name: name})
	}
	return &w.servers[i]
}

// usedBy sums up a process and all that it started. Shared memory is counted
// once, as much as the one has that has most of it.
func usedBy(pid int) (u used, ok bool) {
	var shared int64
	todo := []int{pid}
	for len(todo) > 0 {
		id := todo[0]
		todo = append(todo[1:], children(id)...)
		cpu, alive := cpuOf(id)
		if !alive {
			continue
		}
		ok = true
		u.cpu += cpu
		own, common := memoryOf(id)
		u.rss += own
		shared = max(shared, common)
	}
	u.rss += shared
	return u, ok
}

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
