package coordinator

import (
	"context"
	"math"
	"net/http"
	"slices"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
)

// Process is one of the target, by its id on this machine. What it has started
// belongs to it.
type Process struct {
	Name    string
	PID     int
	Metrics string // URL of its metrics; "": it has none
}

const (
	asksEvery       = 5 // looks, for the metrics of a process
	metricsPatience = 500 * time.Millisecond
)

// watch reads once a second what processes use. It belongs to one goroutine.
type watch struct {
	processes func() []Process
	client    http.Client
	servers   []result.Server
	last      map[Process]measure.Used // at the last look
	at        time.Time                // of it
	looks     int
}

// watchProcesses looks at the target's processes once a second, in a goroutine of its
// own: one that hangs keeps nobody else waiting.
func (c *Coordinator) watchProcesses(ctx context.Context) {
	w := watch{processes: c.opts.Watch}
	defer w.client.CloseIdleConnections()
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			w.look(ctx, c.clock.now())
		case <-ctx.Done():
			c.mu.Lock()
			c.servers = w.servers
			c.mu.Unlock()
			return
		}
	}
}

// look adds a point for each process that is there.
func (w *watch) look(ctx context.Context, now time.Time) {
	next := map[Process]measure.Used{}
	for _, p := range w.processes() {
		u, ok := measure.UsedBy(p.PID)
		if !ok {
			continue // it is down just now, which is seen in the plot
		}
		next[p] = u
		s := w.server(p.Name)
		point := func(v float64) result.Point { return result.Point{At: now.Unix(), Value: v} }
		s.RSS, s.Files = append(s.RSS, point(float64(u.RSS))), append(s.Files, point(float64(u.Files)))
		if before, ok := w.last[p]; ok && now.After(w.at) {
			cores := (u.CPU - before.CPU) / now.Sub(w.at).Seconds()
			s.CPU = append(s.CPU, point(max(math.Round(cores*1000)/1000, 0)))
		}
	}
	w.last, w.at = next, now
	if w.looks++; w.looks%asksEvery == 1 { // at last, as it may take a while
		w.lookInside(ctx, next, now)
	}
}

// lookInside adds a point for each process that tells of itself.
func (w *watch) lookInside(ctx context.Context, alive map[Process]measure.Used, now time.Time) {
	for p := range alive {
		if p.Metrics == "" {
			continue
		}
		if n, ok := w.goroutines(ctx, p.Metrics); ok {
			s := w.server(p.Name)
			s.Goroutines = append(s.Goroutines, result.Point{At: now.Unix(), Value: n})
		}
	}
}

// goroutines reads how many a process has from its metrics. One that does not answer
// just now is down or hangs, which is seen in the plot.
func (w *watch) goroutines(ctx context.Context, url string) (n float64, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, metricsPatience)
	defer cancel()
	all, err := measure.Metrics(ctx, &w.client, url)
	if err != nil {
		return 0, false
	}
	n, ok = all["go_goroutines"]
	return n, ok
}

func (w *watch) server(name string) *result.Server {
	i := slices.IndexFunc(w.servers, func(s result.Server) bool { return s.Name == name })
	if i < 0 {
		i = len(w.servers)
		w.servers = append(w.servers, result.Server{Name: name})
	}
	return &w.servers[i]
}
