package gateway

import (
	"context"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway/sched"
	"tuitalk/talk"
)

// watchEvery is how often a node looks at its links while one is away, tells its
// peers how it is, and compares heads while the bus does not deliver.
const watchEvery = 250 * time.Millisecond

// probeMost is how long a probe of the store may take at most: meanwhile peers are told
// nothing.
const probeMost = 2 * time.Second

// Times of the decision to send the users away, because this node alone does not
// reach the store.
const (
	alonePatience = 2500 * time.Millisecond // the store is away for so long, and a peer reaches it all the while,
	freshPeer     = 700 * time.Millisecond  // which it has said so lately
)

// watcher looks after the links of one node. Owned by one goroutine.
type watcher struct {
	srv       *Server
	loop      *sched.Loop
	fleet     fanout.Fleet // nil: alone
	degraded  degradedLog
	downSince time.Time // the store is away since then; zero: it is there
	peerSince time.Time // a peer reaches it since then meanwhile; zero: none does
	evacuated bool
}

func newWatcher(s *Server) *watcher {
	w := &watcher{srv: s, loop: s.loops.Add("watcher"), degraded: degradedLog{srv: s}}
	w.fleet, _ = s.bus.(fanout.Fleet)
	return w
}

func (w *watcher) run(ended <-chan struct{}) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		w.loop.Begin()
		w.check(time.Now())
		w.loop.Expect(watchEvery)
		select {
		case <-tick.C:
		case <-ended:
			return
		}
	}
}

func (w *watcher) check(now time.Time) {
	s := w.srv
	s.opts.Failpoint("watcher")
	w.degraded.look()
	s.subscribeToFleet()
	if !s.health.storeUp() {
		patience := min(s.commit.StoreTimeout(), probeMost)
		ctx, cancel := context.WithTimeout(w.loop.Context(s.ctx), patience)
		s.commit.NoteStore(ctx, s.checkStore(ctx), patience)
		cancel()
	}
	up := s.health.storeUp()
	if w.fleet != nil {
		w.fleet.Announce(fanout.Status{Gateway: s.opts.ID, Store: s.health.storeProven(now)})
	}
	switch {
	case up && !w.downSince.IsZero():
		if w.evacuated && !w.reopen() {
			break
		}
		w.evacuated, w.downSince, w.peerSince = false, time.Time{}, time.Time{}
	case up:
	case w.downSince.IsZero():
		w.downSince = now
	case w.isAlone(now, w.peerReaches(now)) && !w.evacuated:
		w.evacuate()
	}
	if up && !s.bus.Healthy() {
		if busy := s.busyRooms(); len(busy) > 0 {
			s.work.live.Submit(func(ctx context.Context) { s.compareHeads(ctx, busy) }, inNextRound)
		}
	}
}

// isAlone tells whether this node has been without the store, and a peer with it, for
// long enough, each without a break. A peer that says so for the first time may have
// found just now that the store is back for everybody.
func (w *watcher) isAlone(now time.Time, peer bool) bool {
	switch {
	case !peer:
		w.peerSince = time.Time{}
	case w.peerSince.IsZero():
		w.peerSince = now
	}
	return peer && now.Sub(w.downSince) > alonePatience && now.Sub(w.peerSince) > alonePatience
}

// peerReaches tells whether another node has said just now that it reaches the
// store.
func (w *watcher) peerReaches(now time.Time) bool {
	if w.fleet == nil || w.srv.opts.Relisten == nil {
		return false
	}
	for _, p := range w.fleet.Peers() {
		if p.Store && now.Sub(p.Heard) < freshPeer {
			return true
		}
	}
	return false
}

// evacuate closes the listener and asks the users to move to a node that reaches
// the store.
func (w *watcher) evacuate() {
	s := w.srv
	w.evacuated = true
	s.metrics.retreats.Inc()
	s.log.Warn("only this node does not reach the store: its users are asked to move")
	s.closeListener()
	within := s.moveTime(s.conns.count.Load())
	s.conns.each(func(c *conn) { c.askToMove(within, false) })
}

// reopen opens the listener again; false: not yet.
func (w *watcher) reopen() bool {
	s := w.srv
	l, err := s.opts.Relisten()
	if err != nil {
		s.log.Error("the store is back, but the listener cannot be opened again yet", "err", err)
		return false
	}
	if !s.reopen(l) {
		_ = l.Close() // it is too late for it
		return false
	}
	s.log.Info("the store is back: users are taken again")
	return true
}

// peersHeard returns the gateways heard on the bus lately: they live, whatever
// the store says of their leases.
func (s *Server) peersHeard(now time.Time) map[talk.UUID]bool {
	fleet, ok := s.bus.(fanout.Fleet)
	if !ok {
		return nil
	}
	heard := map[talk.UUID]bool{}
	for _, p := range fleet.Peers() {
		if now.Sub(p.Heard) < s.opts.LeaseLost {
			heard[p.Gateway] = true
		}
	}
	return heard
}

// busyRooms are the rooms with members here.
func (s *Server) busyRooms() (busy []*room) {
	for _, r := range s.rooms.list() {
		r.locked(func() {
			if r.state.isOpen() && len(r.members) > 0 {
				busy = append(busy, r)
			}
		})
	}
	return busy
}
