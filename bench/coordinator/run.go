package coordinator

import (
	"context"
	"errors"
	"sync"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
	"tuitalk/bench/scenario"
)

// ErrInterrupted says that a run was ended before anything was measured.
var ErrInterrupted = errors.New("interrupted before anything was measured")

// Coordinator is a run that is under way. What it exports is for Options.During, and
// may be used from anywhere.
type Coordinator struct {
	// immutable
	opts       Options
	plan       *scenario.Plan
	clock      steady
	ctx        context.Context // of the run: it ends with the first worker that fails, and with the run
	fail       context.CancelCauseFunc
	links      []*workerLink
	ticks      chan workerTick
	recordings *recordings // nil: nothing is recorded
	spawner    *spawner

	listeners sync.WaitGroup // of the links
	helpers   sync.WaitGroup // clocks and the collector
	stopHelp  context.CancelFunc

	mu      sync.Mutex
	seconds []measure.Sample // complete ones; never changed once they stand here
	news    chan struct{}    // closed when there is another second, and replaced
	behind  []lag            // of each worker, as last told
	faults  []result.Fault
	servers []result.Server
	steps   []result.Step
	phase   string
	begun   time.Time // of the run, by clock
	from    int64     // Unix time of the first measured second; 0: not yet
	rate    float64   // that is asked for now
}

// lag is who owes or is owed something at a worker, as of a second.
type lag struct {
	second            int64
	clients, messages int
}

// Run does what the options say. When ctx ends, the run comes to its end in
// order, and what was measured until then is its result. The error of a run
// that could not be done is one sentence; what the target did wrong is in the
// result.
func Run(ctx context.Context, opts Options) (*result.Result, error) {
	if err := opts.fill(); err != nil {
		return nil, err
	}
	if err := reachable(ctx, &opts); err != nil {
		return nil, err
	}
	c := &Coordinator{
		opts: opts, plan: opts.Scenario.Plan(), clock: newSteady(time.Now()), ticks: make(chan workerTick, 64),
		news: make(chan struct{}), rate: opts.Scenario.Rate,
	}
	c.begun = c.clock.now()
	c.ctx, c.fail = context.WithCancelCause(context.WithoutCancel(ctx))
	defer c.fail(nil)
	if c.opts.Scenario.Check {
		var err error
		if c.recordings, err = openRecordings(c.opts.Recordings); err != nil {
			return nil, err
		}
	}
	r, err := c.run(ctx)
	if closeErr := c.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// reachable connects to every target once: whoever cannot is told before any
// worker is started.
func reachable(ctx context.Context, opts *Options) error {
	for _, t := range opts.Targets {
		o, err := probeTarget(ctx, t, &opts.Trust, opts.Scenario.Form.OnWire(), opts.Scenario.Speak != scenario.Centrifuge)
		if ctx.Err() != nil {
			err = ErrInterrupted
		}
		if err != nil {
			return err
		}
		o.Close()
	}
	return nil
}

// run goes through the phases of a run.
func (c *Coordinator) run(wish context.Context) (*result.Result, error) {
	early, done := c.until(wish, ErrInterrupted)
	defer done()
	bases, err := c.assemble(early)
	if err != nil {
		return nil, err
	}
	c.beginPhase("connecting")
	if err := c.callAll(early, "Connect", nothing); err != nil {
		return nil, err
	}
	from, to, err := c.load(wish)
	if err != nil {
		return nil, err
	}
	c.beginPhase("settling")
	if err := c.waitQuiescent(); err != nil {
		return nil, err
	}
	c.beginPhase(checking)
	outages, err := c.stopWorkers()
	if err != nil {
		return nil, err
	}
	return c.buildResult(from, to, bases, outages)
}

// assemble has workers with a plan each, and gives how far the rooms' histories
// are before anybody comes.
func (c *Coordinator) assemble(ctx context.Context) (bases map[int32]int64, err error) {
	c.beginPhase("starting")
	if c.recordings != nil {
		if bases, err = c.readHeads(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.startWorkers(ctx); err != nil {
		return nil, err
	}
	for _, l := range c.links {
		if err := c.prepare(ctx, l); err != nil {
			return nil, err
		}
	}
	return bases, nil
}

// until is a context that ends when the run fails, and when wish ends, of which
// why is the cause then.
func (c *Coordinator) until(wish context.Context, why error) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(c.ctx)
	stop := context.AfterFunc(wish, func() { cancel(why) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// load lets everybody talk, warms up, and measures. It gives the measured time.
func (c *Coordinator) load(wish context.Context) (from, to int64, err error) {
	ctx, done := c.until(wish, ErrInterrupted)
	defer done()
	s := &c.opts.Scenario
	start := c.clock.now().Truncate(time.Second).Add(2 * time.Second)
	if err := c.callAll(ctx, "Begin", start.UnixNano()); err != nil {
		return 0, 0, err
	}
	c.beginPhase("warming up")
	first := start.Add(s.WarmUp.Std() + time.Second - time.Nanosecond).Truncate(time.Second)
	if err := sleep(ctx, first.Sub(c.clock.now())); err != nil {
		return 0, 0, err
	}
	c.mu.Lock()
	c.from = first.Unix()
	c.mu.Unlock()
	c.beginPhase("measuring")
	if err := c.measure(ctx, first.Add(s.Duration.Std())); err != nil && (wish.Err() == nil || c.ctx.Err() != nil) {
		return 0, 0, err
	}
	if err := c.callAll(c.ctx, "StopPosting", nothing); err != nil {
		return 0, 0, err
	}
	end := c.clock.now()
	from, to = first.Unix(), end.Add(100*time.Millisecond).Truncate(time.Second).Unix()
	if to <= from {
		return 0, 0, ErrInterrupted
	}
	return from, to, nil
}

// measure waits until the measured time is over and During has returned. Seconds
// are whole, so it ends with one.
func (c *Coordinator) measure(ctx context.Context, end time.Time) error {
	if c.opts.During != nil {
		if err := c.opts.During(ctx, c); err != nil {
			return err
		}
	}
	now := c.clock.now()
	if end.Before(now) {
		end = now
	}
	return sleep(ctx, end.Add(time.Second-time.Nanosecond).Truncate(time.Second).Sub(now))
}

// close ends the workers and whatever runs for them.
func (c *Coordinator) close() error {
	c.fail(nil)
	if c.stopHelp != nil {
		c.stopHelp()
	}
	for _, l := range c.links {
		_ = l.rpc.Close() // what is under way ends with it
	}
	c.helpers.Wait()
	c.listeners.Wait()
	if c.spawner != nil {
		c.spawner.close()
	}
	return c.recordings.remove()
}
