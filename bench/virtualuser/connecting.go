package virtualuser

import (
	"context"
	"fmt"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/scenario"
)

// connecting is how the virtual users of a loop come in at the start.
type connecting struct {
	waiting []*user           // who has not started
	pace    *measure.Arrivals // of starts; nil: as fast as it goes, if
	rushing bool              // they start at all
}

const (
	maxRushing = 256 // virtual users of a loop on their way in at once, if there is no pace
	hopeless   = 3 * time.Second
	fewFaults  = 3
)

// connectDue starts those whose turn it is.
func (l *loop) connectDue() {
	for len(l.waiting) > 0 {
		switch {
		case l.pace != nil:
			at, ok := l.pace.Next()
			if !ok || at.After(l.now) {
				return
			}
			l.pace.Take()
		case !l.rushing || len(l.users)-len(l.waiting)-l.arrived >= maxRushing:
			return
		}
		p := l.waiting[0]
		l.waiting = l.waiting[1:]
		p.protocol.start()
		l.flushFailures()
	}
	l.pace = nil
}

func (l *loop) connect(perSecond float64, seed uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.now()
	if l.rushing = perSecond <= 0; !l.rushing {
		// at random, for three gateways that are dialled in turn by three processes in
		// turn would each have the clients of one process
		l.pace = measure.NewArrivals(scenario.Poisson, now, perSecond, seed)
	}
	l.at(now)
	l.turn()
}

// Connect opens all connections, at the scenario's pace, and returns when
// everybody is inside. If ctx ends before, or if nobody gets a connection at all,
// the error says how many are and what mostly went wrong.
func (s *Group) Connect(ctx context.Context) error {
	for i, l := range s.loops {
		l.connect(s.cfg.Scenario.Connects*s.part(l)/float64(s.cfg.Of), s.seed(i))
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); ; {
		arrived, opened := s.arrived()
		if arrived == s.clients {
			return nil
		}
		if worst, n := s.worstFault(); !opened && n >= fewFaults && time.Since(begin) > hopeless {
			return fmt.Errorf("nobody gets a connection: %s", worst)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			worst, _ := s.worstFault()
			if worst == "" {
				worst = "nothing went wrong but that the target is slow"
			}
			return fmt.Errorf("%d of %d clients are inside: %s (%w)", arrived, s.clients, worst, ctx.Err())
		}
	}
}

// part is which part of the share's clients belongs to a loop.
func (s *Group) part(l *loop) float64 { return float64(len(l.users)) / float64(max(1, s.clients)) }

// arrived tells how many have been inside, and whether anybody ever had a connection.
func (s *Group) arrived() (n int, opened bool) {
	for _, l := range s.loops {
		l.mu.Lock()
		n += l.arrived
		opened = opened || l.opened
		l.mu.Unlock()
	}
	return n, opened
}

// worstFault is what went wrong most often so far.
func (s *Group) worstFault() (worst string, n int64) {
	all := map[string]int64{}
	for _, l := range s.loops {
		l.mu.Lock()
		for what, times := range l.faults {
			all[what] += times
		}
		l.mu.Unlock()
	}
	for what, times := range all {
		if times > n || times == n && what < worst {
			worst, n = what, times
		}
	}
	return worst, n
}
