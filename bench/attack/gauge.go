package attack

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
)

// usage is what a gateway uses at a moment.
type usage struct {
	measure.Used
	kernel int64 // bytes that are queued there for its connections
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
	g.peak.RSS, g.peak.Files = max(g.peak.RSS, u.RSS), max(g.peak.Files, u.Files)
	tooMuch := g.phase == during && u.RSS-g.base.RSS > maxGrowth
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
	n := measure.Queued(g.port)
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
		Known: true, RSS: g.base.RSS, RSSPeak: g.peak.RSS, RSSLeft: g.last.RSS, CPU: g.end.CPU - g.base.CPU,
		Disk: g.end.Disk - g.base.Disk, Files: g.peak.Files, Kernel: max(0, g.peak.kernel-g.base.kernel),
	}
}

func (g *gauge) read(ctx context.Context) (usage, bool) {
	if g.pid > 0 {
		used, ok := measure.UsedBy(g.pid)
		return usage{Used: used}, ok
	}
	if g.admin == "" {
		return usage{}, false
	}
	return g.metrics(ctx)
}

// ready asks /readyz.
func (g *gauge) ready(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.admin+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := g.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection can be used again
	return resp.StatusCode == http.StatusOK
}

// metrics reads what a gateway tells of its own process.
func (g *gauge) metrics(ctx context.Context) (u usage, ok bool) {
	all, err := measure.Metrics(ctx, &g.client, "http://"+g.admin+"/metrics")
	if err != nil {
		return u, false
	}
	rss, ok := all["process_resident_memory_bytes"]
	u.Used = measure.Used{RSS: int64(rss), CPU: all["process_cpu_seconds_total"], Files: int(all["process_open_fds"])}
	return u, ok
}
