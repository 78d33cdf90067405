package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"tuitalk/gateway/sched"
)

// health is what this node knows of the parts that it needs.
type health struct {
	mu       sync.Mutex
	storeErr error     // of the last use of the store
	storeAt  time.Time // of the last use
	outages  int64     // times that the store stopped answering
}

// staleAfter is how old the last answer of the store may be: the lease manager uses it
// every second.
const staleAfter = 5 * time.Second

// store notes how the last use of the store went. What this node gave up because
// it ends says nothing of the store.
func (h *health) store(err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil && h.storeErr == nil {
		h.outages++
	}
	h.storeErr, h.storeAt = err, time.Now()
}

// storeAnswered notes an answer of the store. An outage is noted by who asked.
func (h *health) storeAnswered(err error) {
	if err == nil {
		h.store(nil)
	}
}

// storeOutages is how often the store has stopped answering. It counts an outage
// before storeUp can be true again.
func (h *health) storeOutages() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.outages
}

// storeUp tells whether the last use of the store went well.
func (h *health) storeUp() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.storeErr == nil
}

// proofAge is how old the last answer of the store may be for this node to tell
// others that it reaches it. The lease manager asks every second. With freshPeer it must be
// less than alonePatience: else nodes that lose the store together would believe each
// other, and all send their users away.
const proofAge = 1250 * time.Millisecond

// storeProven tells whether the store has answered just now.
func (h *health) storeProven(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.storeErr == nil && now.Sub(h.storeAt) < proofAge
}

// report returns the first reason why this node cannot deliver; "" if it can.
func (h *health) report(now time.Time) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.storeAt.IsZero():
		return "the store has not answered yet"
	case h.storeErr != nil:
		return "the store does not answer: " + h.storeErr.Error()
	case now.Sub(h.storeAt) > staleAfter:
		return "the store has not answered for " + now.Sub(h.storeAt).Round(time.Second).String()
	}
	return ""
}

// Ready returns "" while this node can deliver, else the reason why not.
func (s *Server) Ready() string {
	if s.draining.Load() {
		return "this gateway is going away"
	}
	for _, why := range []func() string{s.Stuck, s.waitsInVain, s.behind} {
		if sentence := why(); sentence != "" {
			return sentence
		}
	}
	why := s.health.report(time.Now())
	if why == "" || s.health.storeUp() || !s.commit.HasSpool() {
		return why // without the bus, heads are compared with the store's
	}
	if !s.bus.Healthy() {
		return why + "; and the bus does not deliver"
	}
	if err := s.commit.SpoolWorks(); err != nil {
		return why + "; and nothing can be accepted meanwhile: " + err.Error()
	}
	return "" // it spools
}

// clockStalls is how long the clock may stand still in a process that lives.
const clockStalls = time.Second

// Alive tells whether the process makes progress; a watchdog asks it.
func (s *Server) Alive() bool { return s.Stuck() == "" }

// Stuck returns "" while everything in this process makes progress that has work,
// else a sentence that names what does not. A store or bus that does not answer
// is no reason: another process would wait for it as well.
func (s *Server) Stuck() string {
	if s.drained.Load() {
		return "" // nothing is left that could
	}
	if by := s.drainBy.Load(); by != 0 && s.clock.Coarse() > by {
		return "the drain does not end"
	}
	if still := s.clock.Behind(); still > clockStalls {
		return "the clock has stood still for " + still.Round(time.Second).String()
	}
	s.poller.Poke()
	if names := s.loops.Stuck(false); len(names) > 0 {
		return "no progress although there is work: " + strings.Join(names, ", ")
	}
	return ""
}

// waitsInVain names the loops whose wait for the store or the bus does not end.
func (s *Server) waitsInVain() string {
	if names := s.loops.Stuck(true); len(names) > 0 {
		return "the store or the bus does not answer: " + strings.Join(names, ", ")
	}
	return ""
}

// behind tells whether people wait too long for a room, or members for what they
// miss. That older history or the page is much asked for is no reason: strangers
// can do that, and the others do not notice.
func (s *Server) behind() string {
	now := s.clock.Coarse()
	for _, p := range []*sched.Pool{s.work.enter, s.work.opening, s.work.live} {
		if oldest, count := p.Waited(now); oldest > p.Capacity().MaxWait/2 {
			return fmt.Sprintf("too much to do: %d tasks of class %s wait, for their turn for %s", count, p.Class(), oldest.Round(time.Second))
		}
	}
	return ""
}
