package attack

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"tuitalk/bench/result"
)

// usage is what a gateway uses at a moment.
type usage struct {
	rss, disk, kernel int64 // bytes; disk: written since it began; kernel: queued there for its connections
	cpu               float64
	files             int
}

// gauge looks at a gateway's process every quarter of a second, and asks whether it
// is ready. One goroutine, which watch starts, does both.
type gauge struct {
	pid    int    // 0: unknown
	port   uint16 // of its users
	admin  string // host:port; "": unknown
	client http.Client

	mu       sync.Mutex
	base     usage // at the beginning of the attack
	end      usage // of the attack
	peak     usage
	last     usage
	known    bool
	phase    phase
	notReady [phases]int
	growth   func() // see onGrowth
}

// How often it looks, and how long an answer may take.
const (
	gaugeEvery = 250 * time.Millisecond
	askTime    = 2 * time.Second
)

func newGauge(pid int, port uint16, admin string) *gauge {
	return &gauge{pid: pid, port: port, admin: admin, client: http.Client{Timeout: askTime}, growth: func() {}}
}

func (g *gauge) watch(ctx context.Context) {
	defer g.client.CloseIdleConnections()
	t := time.NewTicker(gaugeEvery)
	defer t.Stop()
	for n := 0; ; n++ {
		g.look(ctx)
		if n%4 == 0 { // it is dear where there are many connections
			g.lookIntoKernel()
		}
		if n%2 == 0 && g.admin != "" && !g.ready(ctx) && ctx.Err() == nil {
			g.mu.Lock()
			g.notReady[g.phase]++
			g.mu.Unlock()
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// look notes what is used now.
func (g *gauge) look(ctx context.Context) {
	u, ok := g.read(ctx)
	if !ok {
		return
	}
	g.mu.Lock()
	u.kernel = g.last.kernel
	first := !g.known
	g.known, g.last = true, u
	if first {
		g.base, g.end, g.peak = u, u, u
	}
	g.peak.rss, g.peak.files = max(g.peak.rss, u.rss), max(g.peak.files, u.files)
	tooMuch := g.phase == during && u.rss-g.base.rss > maxGrowth
	growth := g.growth
	g.mu.Unlock()
	if tooMuch {
		growth()
	}
}

// lookIntoKernel notes what is queued there, for a process of this machine.
func (g *gauge) lookIntoKernel() {
	if g.pid == 0 {
		return
	}
	n := queued(g.port)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last.kernel, g.peak.kernel = n, max(g.peak.kernel, n)
}

// enter begins a phase.
func (g *gauge) enter(ctx context.Context, ph phase) {
	g.look(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.phase = ph
	switch ph {
	case during:
		g.base, g.peak = g.last, g.last
	case after:
		g.end = g.last
	}
}

// onGrowth is called, in the goroutine that watches, while memory has grown too much.
func (g *gauge) onGrowth(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.growth = f
}

// unready is how often, in each phase, it was not ready.
func (g *gauge) unready() [phases]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.notReady
}

func (g *gauge) cost(ctx context.Context) result.Cost {
	g.look(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.known {
		return result.Cost{}
	}
	return result.Cost{
		Known: true, RSS: g.base.rss, RSSPeak: g.peak.rss, RSSLeft: g.last.rss, CPU: g.end.cpu - g.base.cpu,
		Disk: g.end.disk - g.base.disk, Files: g.peak.files, Kernel: max(0, g.peak.kernel-g.base.kernel),
	}
}

func (g *gauge) read(ctx context.Context) (usage, bool) {
	if g.pid > 0 {
		return usedBy(g.pid)
	}
	if g.admin == "" {
		return usage{}, false
	}
	return g.metrics(ctx)
}

// ready asks /readyz.
func (g *gauge) ready(ctx context.Context) bool {
	resp, err := g.get(ctx, "/readyz")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection can be used again
	return resp.StatusCode == http.StatusOK
}

func (g *gauge) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.admin+path, nil)
	if err != nil {
		return nil, err
	}
	return g.client.Do(req)
}

// metrics reads what a gateway tells of its own process.
func (g *gauge) metrics(ctx context.Context) (u usage, ok bool) {
	resp, err := g.get(ctx, "/metrics")
	if err != nil {
		return u, false
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch name {
		case "process_resident_memory_bytes":
			u.rss, ok = int64(v), true
		case "process_cpu_seconds_total":
			u.cpu = v
		case "process_open_fds":
			u.files = int(v)
		}
	}
	return u, ok
}

// usedBy reads what a process of this machine uses.
func usedBy(pid int) (u usage, ok bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	i := bytes.LastIndexByte(stat, ')') // the name may hold anything
	if err != nil || i < 0 {
		return u, false
	}
	const utime, stime, resident, ticks = 11, 12, 21, 100.0 // fields behind the name, and ticks of a second
	fields := strings.Fields(string(stat[i+1:]))
	if len(fields) <= resident {
		return u, false
	}
	u.cpu = float64(number(fields[utime])+number(fields[stime])) / ticks
	u.rss = number(fields[resident]) * int64(os.Getpagesize())
	u.disk = valueOf(fmt.Sprintf("/proc/%d/io", pid), "write_bytes:")
	if names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)); err == nil {
		u.files = len(names)
	}
	return u, true
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// valueOf finds a line by its name.
func valueOf(file, name string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return number(strings.TrimSpace(rest))
		}
	}
	return 0
}

// queued is what the kernel holds of a port's connections: what was written and not
// acknowledged, and what came and was not read.
func queued(port uint16) (sum int64) {
	local := fmt.Sprintf(":%04X", port)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range bytes.Lines(text) {
			const address, queues = 1, 4 // fields of a line
			fields := bytes.Fields(line)
			if len(fields) <= queues || !bytes.HasSuffix(fields[address], []byte(local)) {
				continue
			}
			sent, received, _ := strings.Cut(string(fields[queues]), ":")
			sum += hex(sent) + hex(received)
		}
	}
	return sum
}

func hex(text string) int64 {
	n, err := strconv.ParseInt(text, 16, 64)
	if err != nil {
		return 0
	}
	return n
}
