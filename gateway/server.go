package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway/commit"
	"tuitalk/gateway/limits"
	"tuitalk/gateway/sched"
	"tuitalk/gateway/transport"
	"tuitalk/history"
	"tuitalk/talk"
	"tuitalk/talk/names"
)

// Server is one gateway. Make it with New, give it a bus, and Start it.
type Server struct {
	// immutable after Start
	opts     Options
	history  history.Log
	presence history.Presence
	leases   history.Leases
	store    storeState
	bus      fanout.Bus
	log      *slog.Logger
	names    *names.Rules
	clock    *sched.Clock
	metrics  *metrics
	rules    *transport.Rules
	poller   transport.Poller
	pump     *transport.Pump
	pumping  []*sched.Loop // of its workers
	work     workerPools
	timers   *sched.Timers
	commit   *commit.Committer

	conns             conns
	rooms             rooms
	windows           sessionIndex
	limits            *limits.Table
	dates             datedAhead
	health            health
	loops             *sched.Loops
	held              *transport.QueuedBytes
	relieved          int64 // coarse time at which the largest holders were closed; owned by the sweep
	recent            recentBytes
	serial            atomic.Uint64
	draining, drained atomic.Bool
	drainBy           atomic.Int64 // coarse time by which a drain must be done
	comparing         atomic.Bool  // one at a time
	wentBack          wentBack
	fleetNotes        fleetNotes
	arrivals          arrivals
	renames           renames

	accepts    sync.WaitGroup
	acceptLoop *sched.Loop
	listenMu   sync.Mutex
	listener   net.Listener    // guarded by listenMu
	closing    bool            // no listener is taken any more; guarded by listenMu
	ended      chan struct{}   // closed when the loops shall end
	ctx        context.Context // of all that waits for the store or the bus but commits; ends with cancel
	cancel     context.CancelFunc
	rounds     sync.WaitGroup // sweep, leaseManager, watcher, replayer
	ticking    sync.WaitGroup // the clock, until the very end
	stopped    chan struct{}  // closed when the clock shall end
	drainBegun atomic.Bool
	drainEnded chan struct{} // closed when drainErr is set
	drainErr   error
	pumps      sync.WaitGroup
}

// New checks the options and builds a server. It does no I/O.
func New(opts Options, store history.Store) (*Server, error) {
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("gateway options: %w", err)
	}
	clock := sched.NewClock(time.Now())
	ls := sched.NewLoops(clock)
	s := &Server{
		opts: opts, log: opts.Log.With("node", opts.Node), clock: clock, loops: ls,
		names: names.NewRules(opts.ReservedNames...), held: transport.NewQueuedBytes(opts.MaxQueuedBytes), timers: sched.NewTimers(ls),
		ended: make(chan struct{}), stopped: make(chan struct{}), drainEnded: make(chan struct{}),
	}
	s.history, s.presence, s.leases = watchedLog{store}, watchedPresence{store, &s.health}, watchedLeases{store, &s.health}
	s.store = store
	s.work = newWorkerPools(s)
	s.recent.most = int64(opts.RecentBytes)
	s.pump = s.newPump()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.rooms.byID = map[int32]*room{}
	s.windows.by, s.windows.byUser = map[sessionID]*conn{}, map[talk.UUID][]*conn{}
	s.limits = limits.New(opts.Limits)
	s.metrics = newMetrics(opts.Metrics, s)
	s.rules, _ = transport.NewRules(opts.rules()) // Validate has tried it
	s.commit = commit.New(s.commitConfig())
	s.acceptLoop = ls.Add("accept")
	if s.poller = opts.Poller; s.poller == nil {
		s.poller = transport.NewPoller(transport.PollerConfig{
			Loops: opts.Pollers, SendBuffer: opts.SendBuffer, ReceiveBuffer: opts.ReceiveBuffer,
			Watch: func(name string) transport.Loop { return ls.Add(name) },
		})
	}
	return s, nil
}

func (s *Server) commitConfig() commit.Config {
	return commit.Config{
		Gateway: s.opts.ID, Lanes: s.opts.Lanes, QueueBytes: s.opts.QueueBytes, MaxMoves: s.opts.Limits.MaxConns,
		History: s.history, Presence: s.presence, Store: storeHealth{&s.health}, Rooms: liveRooms{s}, Metrics: s.metrics,
		Clock: s.clock, Loops: s.loops, Timers: s.timers, Log: s.log, Failpoint: s.opts.Failpoint,
	}
}

func (s *Server) newPump() *transport.Pump {
	c := transport.PumpConfig{
		RingFrames: s.opts.RingPackets, RingBytes: s.opts.RingBytes, AnswerBytes: s.opts.AnswerBytes, Held: s.held,
	}
	for i := range s.opts.Pumps {
		l := s.loops.Add(fmt.Sprintf("pump worker %d", i))
		s.pumping, c.Loops = append(s.pumping, l), append(c.Loops, l)
	}
	return transport.NewPump(c)
}

// Start serves connections of the listener, which it owns from now on. Notes of
// the bus must go to this server.
func (s *Server) Start(l net.Listener, bus fanout.Bus) error {
	s.listener, s.bus = l, bus
	if err := s.poller.Start(); err != nil {
		return fmt.Errorf("start the poller: %w", err)
	}
	for i := range s.pump.Workers() {
		s.pumps.Go(s.vital(s.pumping[i], func() {
			for s.pump.Serve(i) {
			}
		}))
	}
	for _, p := range s.work.all() {
		p.Start(s.ctx)
	}
	s.timers.Start(s.vital)
	if spool, ok := bus.(fanout.Spool); ok {
		s.commit.UseSpool(spool)
		rp := s.commit.NewReplayer(s.ctx)
		s.rounds.Go(s.vital(rp.Loop(), func() { rp.Run(s.ended) }))
	}
	s.commit.Start(s.vital)
	k, w, sweep := newLeaseManager(s), newWatcher(s), s.loops.Add("sweep")
	s.ticking.Go(s.vital(s.loops.Add("clock"), func() { s.clock.Run(s.stopped, s.opts.LeaseLost, func() { s.opts.Failpoint("clock") }, s.frozen) }))
	s.rounds.Go(s.vital(sweep, func() { s.sweep(sweep, s.ended) }))
	s.rounds.Go(s.vital(k.loop, func() { k.run(s.ended) }))
	s.rounds.Go(s.vital(w.loop, func() { w.run(s.ended) }))
	s.startAccepting(l)
	return nil
}

// vital is f for a goroutine on which all connections depend. If it panics, nobody
// knows what it leaves behind: the process says so and ends.
func (s *Server) vital(l *sched.Loop, f func()) func() {
	return func() {
		defer l.End()
		defer func() {
			if v := recover(); v != nil {
				s.log.Error("panic; this process ends", "loop", l.Name(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
				s.opts.LastWords()
				panic(v)
			}
		}()
		f()
	}
}

func (s *Server) startAccepting(from net.Listener) {
	s.accepts.Go(s.vital(s.acceptLoop, func() { s.accept(from) }))
}

// closeListener ends the accept loop.
func (s *Server) closeListener() {
	s.listenMu.Lock()
	l := s.listener
	s.listenMu.Unlock()
	_ = l.Close() // the accept loop ends by it
	s.accepts.Wait()
}

// reopen accepts from a new listener; false: it is too late.
func (s *Server) reopen(l net.Listener) bool {
	s.listenMu.Lock()
	defer s.listenMu.Unlock()
	if s.closing {
		return false
	}
	s.listener = l
	s.startAccepting(l)
	return true
}

// Drain stops accepting, asks everybody to move, and closes what is left. What
// was accepted before is stored before it returns, unless ctx ends first or it
// takes longer than drainRest. Whatever hangs, it returns within DrainMost; the
// error names what did, and the process should end then. Who calls it again waits for
// the first call, as long as ctx lets him.
func (s *Server) Drain(ctx context.Context) error {
	if s.drainBegun.Swap(true) {
		select {
		case <-s.drainEnded:
			return s.drainErr
		case <-ctx.Done():
			return fmt.Errorf("stop: it is being stopped already: %w", ctx.Err())
		}
	}
	defer close(s.drainEnded)
	s.drainErr = s.drain(ctx)
	return s.drainErr
}

func (s *Server) drain(ctx context.Context) error {
	most := s.DrainMost()
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	s.drainBy.Store(s.clock.Coarse() + int64(most+sched.StallAfter))
	s.draining.Store(true)
	s.listenMu.Lock()
	s.closing = true
	s.listenMu.Unlock()
	err := within(ctx, stepMost, "the accept loop", s.closeListener)
	move, cancelMove := context.WithCancel(ctx)
	err = errors.Join(err, within(ctx, 2*s.moveTime(s.conns.count.Load())+stepMost, "asking the users to move", func() { s.askToMove(move) }))
	cancelMove()
	close(s.ended)
	s.cancel()
	err = errors.Join(err, within(ctx, stepMost, "sweep, lease manager, watcher or replay", s.rounds.Wait))
	err = errors.Join(err, within(ctx, s.opts.CloseWait+stepMost, "saying goodbye to the users", func() {
		s.conns.each(func(c *conn) { c.closeFor(reasonDrain) })
		s.awaitConns(ctx, 0, s.opts.CloseWait)
	}))
	err = errors.Join(err, within(ctx, stepMost, "the pollers", s.poller.Stop))
	s.commit.Stop()
	err = errors.Join(err, within(ctx, drainRest, "the storing of what was accepted", s.commit.Await))
	err = errors.Join(err, within(ctx, stepMost, "the timers, a worker or the pump", s.stopWorkers))
	err = errors.Join(err, s.handOver(ctx))
	s.drained.Store(err == nil)
	return err
}

func (s *Server) stopWorkers() {
	s.timers.Stop()
	for _, p := range s.work.all() {
		p.Stop()
	}
	s.pump.Stop()
	s.pumps.Wait()
	close(s.stopped)
	s.ticking.Wait()
}

// handOver gives the sessions of this gateway their grace. The store has as long for it
// as for what was accepted: without it nobody gets his before the lease is over.
func (s *Server) handOver(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainRest)
	defer cancel()
	refused := make(chan error, 1)
	err := within(ctx, drainRest, "the handing over of the sessions", func() { refused <- s.leases.Retire(ctx, s.opts.ID) })
	if err != nil {
		return err
	}
	if err = <-refused; err != nil {
		return fmt.Errorf("hand over the sessions: %w", err)
	}
	return nil
}

// within calls f, and waits for it no longer than most.
func within(ctx context.Context, most time.Duration, what string, f func()) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop: %s did not end in time: %w", what, ctx.Err())
	}
}

// stepMost is how long one step of a drain may take that waits for no person.
const stepMost = 3 * time.Second

// DrainMost is how long a drain may take that begins now.
func (s *Server) DrainMost() time.Duration {
	return 2*s.moveTime(s.conns.count.Load()) + s.opts.CloseWait + 2*drainRest + 6*stepMost
}

const (
	// drainRest is how long the storing of what was accepted may take after the
	// users have moved, and then the handing over of the sessions.
	drainRest = 10 * time.Second
	// moveEach spreads the moves of many users: half of it is between two of them
	// on average, which the gateways that take them in keep up with on two cores.
	moveEach = 2 * time.Millisecond
	// moveMost bounds it; clients spread over no more.
	moveMost = 30 * time.Second
)

// moveTime is within what so many users are asked to move.
func (s *Server) moveTime(users int64) time.Duration {
	least := s.opts.DrainWait / 2
	if least == 0 {
		return 0 // nobody is waited for
	}
	return max(least, time.Duration(min(users, int64(moveMost/moveEach)))*moveEach)
}

// askToMove says Reconnect to the clients that know it, and waits until they
// have gone or have had twice the time.
func (s *Server) askToMove(ctx context.Context) {
	within := s.moveTime(s.conns.count.Load())
	staying := int64(0)
	s.conns.each(func(c *conn) {
		if !c.askToMove(within, false) {
			staying++
		}
	})
	s.awaitConns(ctx, staying, 2*within)
}

// awaitConns waits until no more than so many connections are left, for at most
// so long.
func (s *Server) awaitConns(ctx context.Context, left int64, most time.Duration) {
	end := time.NewTimer(most)
	defer end.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for s.conns.count.Load() > left {
		select {
		case <-look.C:
		case <-end.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// frozen closes every connection: while this process stood still, its users went
// elsewhere, and what they had sent here is old. When it returns, nothing of that is
// taken any more; the closing takes a while, for which the clock must not stand still.
func (s *Server) frozen() {
	s.log.Warn("this process was frozen for longer than its lease: its connections are closed")
	var all []*conn
	s.conns.each(func(c *conn) {
		c.markFrozen()
		all = append(all, c)
	})
	s.ticking.Go(func() {
		for _, c := range all {
			c.sock.Close(nil)
		}
	})
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr {
	s.listenMu.Lock()
	defer s.listenMu.Unlock()
	return s.listener.Addr()
}

func (s *Server) talkLimits() talk.Limits {
	l := talk.DefaultLimits()
	l.FrameBytes = s.opts.FrameBytes
	return l
}

func (s *Server) unixNow() uint64 { return uint64(s.clock.Now().Unix()) }
