package devcluster

import (
	"context"
	"sync/atomic"
	"time"
)

// watchdog does for one gateway what systemd does in a fleet, with the settings
// of deploy/systemd: one goroutine, which ends with close.
type watchdog struct {
	gateway  *Gateway
	cancel   context.CancelFunc
	done     chan struct{}
	restarts atomic.Int64
}

const (
	watchEvery   = 250 * time.Millisecond
	watchSilence = 3 * time.Second // WatchdogSec
	watchPause   = time.Second     // RestartSec
	watchStart   = gatewayTimeout  // TimeoutStartSec: until the first answer
)

func watch(g *Gateway) *watchdog {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watchdog{gateway: g, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.run(ctx)
	}()
	return w
}

func (w *watchdog) close() {
	w.cancel()
	<-w.done
}

func (w *watchdog) run(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var seen watched
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		switch pid := w.gateway.PID(); {
		case !w.gateway.isWanted():
			seen = watched{}
		case pid == 0:
			w.restart(ctx)
		default:
			seen = w.look(ctx, seen, pid)
		}
	}
}

// watched is what the watchdog knows of a process.
type watched struct {
	pid      int
	answered bool      // ever
	since    time.Time // it has been silent
}

// look asks whether the gateway answers, and kills it if it has not for too long;
// it is restarted in the next round.
func (w *watchdog) look(ctx context.Context, seen watched, pid int) watched {
	if seen.pid != pid {
		seen = watched{pid: pid, since: time.Now()}
	}
	if w.gateway.Healthy(ctx) == nil {
		return watched{pid: pid, answered: true, since: time.Now()}
	}
	limit := watchStart
	if seen.answered || w.gateway.ready.Load() == int64(pid) {
		limit = watchSilence
	}
	if time.Since(seen.since) > limit {
		_ = w.gateway.program.Kill() // it is gone already, if that fails
	}
	return seen
}

// restart starts it after a pause, unless that is no longer wanted.
func (w *watchdog) restart(ctx context.Context) {
	select {
	case <-time.After(watchPause):
	case <-ctx.Done():
		return
	}
	if w.gateway.startIfWanted() {
		w.restarts.Add(1)
	}
}
