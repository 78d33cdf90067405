package coordinator

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/measure"
	"tuitalk/bench/result"
	"tuitalk/bench/scenario"
	"tuitalk/bench/virtualuser"
)

// errQuiescent says that the time to settle is over, which is no failure of the
// run: who is behind then is the checker's matter.
var errQuiescent = errors.New("the time to settle is over")

// stopPatience is how long workers may take to end their clients and to send
// what is left of their recordings.
const stopPatience = 2 * time.Minute

// settle waits until everybody has everything that is stored.
func (c *Coordinator) waitQuiescent() error {
	ctx, cancel := context.WithTimeoutCause(c.ctx, c.opts.Scenario.Settle.Std(), errQuiescent)
	defer cancel()
	err := c.awaitNobody(ctx, func(_, messages int) bool { return messages == 0 })
	if err == nil && c.opts.Scenario.Speak != scenario.Centrifuge {
		if err := c.sendHeads(c.ctx); err != nil {
			return err
		}
		err = c.awaitNobody(ctx, func(clients, messages int) bool { return clients+messages == 0 })
	}
	if errors.Is(err, errQuiescent) {
		return c.stillWaiting()
	}
	return err
}

// stillWaiting finds out who is behind, whom the result names.
func (c *Coordinator) stillWaiting() error {
	if c.opts.Scenario.Speak != scenario.Centrifuge {
		if err := c.sendHeads(c.ctx); err != nil { // so that it is known what they should have been shown
			return err
		}
		if err := c.awaitSample(c.ctx, func(measure.Sample, int, int) bool { return true }); err != nil {
			return err
		}
	}
	clients, messages, _ := c.Lag(time.Time{})
	c.opts.Tell(fmt.Sprintf("after %v to settle, %d clients are still behind with %d messages that are not stored or that they were not shown",
		c.opts.Scenario.Settle, clients, messages))
	return nil
}

// awaitNobody waits until nobody is behind any more, and nothing is delivered.
func (c *Coordinator) awaitNobody(ctx context.Context, done func(clients, messages int) bool) error {
	return c.awaitSample(ctx, func(s measure.Sample, clients, messages int) bool {
		return s.Delivered == 0 && done(clients, messages)
	})
}

// awaitSample waits until what all workers tell, from now on, will do.
func (c *Coordinator) awaitSample(ctx context.Context, done func(s measure.Sample, clients, messages int) bool) error {
	// a worker's word holds for the end of a second, so one that began now will do
	since := c.clock.now()
	for n := len(c.Seconds()); ; n++ {
		s, err := c.Next(ctx, n)
		if err != nil {
			return err
		}
		clients, messages, known := c.Lag(since)
		if known && s.At > since.Unix() && done(s, clients, messages) {
			return nil
		}
	}
}

// sendHeads tells everybody how far the rooms are.
func (c *Coordinator) sendHeads(ctx context.Context) error {
	if c.recordings == nil && c.plan.Rooms() > unaskedRooms {
		return nil
	}
	h, err := c.readHeads(ctx)
	switch {
	case err != nil && c.recordings == nil && ctx.Err() == nil:
		c.opts.Tell(fmt.Sprintf("it is not known whether everybody has everything: %v", err))
		return nil
	case err != nil:
		return err
	}
	return c.callAll(ctx, "Heads", h)
}

// unaskedRooms are so many that they are not asked for unless the checker needs
// to know.
const unaskedRooms = 2000

func (c *Coordinator) readHeads(ctx context.Context) (map[int32]int64, error) {
	store, done, err := c.store(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	rooms := c.rooms()
	newest, err := store.Heads(ctx, rooms)
	if err != nil {
		return nil, fmt.Errorf("read how far the rooms are: %w", err)
	}
	all := make(map[int32]int64, len(rooms))
	for i, room := range rooms {
		all[room] = newest[i].Seq
	}
	return all, nil
}

func (c *Coordinator) rooms() []int32 {
	rooms := make([]int32, c.plan.Rooms())
	for i := range rooms {
		rooms[i] = c.opts.Scenario.FirstRoom + int32(i)
	}
	return rooms
}

// store is the one that was given, or a target's history. A target has answered before
// the run began, so one that does not is busy or being started, and is asked again.
func (c *Coordinator) store(ctx context.Context) (s Store, done func(), err error) {
	if c.opts.Store != nil {
		return c.opts.Store, func() {}, nil
	}
	for until := time.Now().Add(answerPatience); ; {
		for _, t := range c.opts.Targets {
			var o *historyReader
			if o, err = probeTarget(ctx, t, &c.opts.Trust, c.opts.Scenario.Form.OnWire(), true); err == nil {
				return o, o.Close, nil
			}
		}
		if time.Now().After(until) || sleep(ctx, askAgain) != nil {
			return nil, nil, err
		}
	}
}

// stopWorkers ends the workers in order, and takes what they still have to say.
func (c *Coordinator) stopWorkers() ([]virtualuser.Outage, error) {
	ctx, cancel := context.WithTimeoutCause(c.ctx, stopPatience, fmt.Errorf("the workers do not end within %v", stopPatience))
	defer cancel()
	outages, err := c.Outages(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range c.links { // so that the bounds are of the whole run
		if err := l.compareClocks(ctx, c.clock.now); err != nil {
			return nil, err
		}
	}
	err = c.each(func(l *workerLink) error { return l.stop(ctx) })
	c.stopHelp()
	c.helpers.Wait()
	return outages, err
}

// buildResult makes the result of a run.
func (c *Coordinator) buildResult(from, to int64, bases map[int32]int64, outages []virtualuser.Outage) (*result.Result, error) {
	r := &result.Result{
		Version: result.Version, Command: c.opts.Command, Kind: c.opts.Kind, Started: c.begun, Scenario: c.opts.Scenario,
		Machine: HostInfo(), Build: c.opts.Build,
		Seconds: c.seconds, Whole: whole(c.seconds, from, to), Measured: [2]int64{from, to},
		Servers: c.servers, Steps: c.steps,
	}
	r.Behind.Clients, r.Behind.Messages, _ = c.Lag(time.Time{})
	for _, t := range c.opts.Targets {
		r.Target = append(r.Target, public(t))
	}
	if r.Bottleneck = bottleneck(&r.Whole); len(r.Steps) > 0 {
		r.Bottleneck = limited(r.Steps) // what lies above the knee is no matter
	}
	offsets, spread := make([]time.Duration, len(c.links)), time.Duration(0)
	for i, l := range c.links {
		offset, bound := l.clock.offset()
		offsets[i], spread = offset, max(spread, bound)
		r.Clocks = append(r.Clocks, result.Clock{Worker: l.name, Offset: offset.Seconds(), Error: bound.Seconds()})
	}
	if c.recordings != nil {
		if err := c.readRecordings(bases); err != nil {
			return nil, err
		}
		var err error
		opts := checker.Options{Grace: c.opts.Grace, Skew: max(checkSkew, c.opts.Skew) + spread}
		if r.Checked, err = c.recordings.check(opts, offsets); err != nil {
			return nil, err
		}
	}
	r.Faults = faultsOf(c.faults, outages, r.Checked)
	r.Derive()
	return r, nil
}

// checkSkew is by how much clocks of the target may differ, for the checker.
const checkSkew = 2 * time.Second

// readRecordings writes down what the rooms' histories have of the run.
func (c *Coordinator) readRecordings(bases map[int32]int64) error {
	store, done, err := c.store(c.ctx)
	if err != nil {
		return err
	}
	defer done()
	for _, room := range c.rooms() {
		if err := c.recordings.rec.ReadStore(c.ctx, store, room, bases[room]); err != nil {
			return err
		}
	}
	return nil
}

// faultsOf adds to each fault what it did to people: connections that were lost from
// then on until the next fault.
func faultsOf(faults []result.Fault, outages []virtualuser.Outage, checked *checker.Report) []result.Fault {
	for i := range faults {
		f := &faults[i]
		until := time.Unix(math.MaxInt32, 0)
		if i+1 < len(faults) {
			until = faults[i+1].At
		}
		away := map[int]bool{} // of the clients, by their last loss
		var detect, reconnect, resume, caughtUp []time.Duration
		add := func(to *[]time.Duration, from, at time.Time) {
			if !at.IsZero() {
				*to = append(*to, max(at.Sub(from), 0))
			}
		}
		for _, o := range outages {
			// a connection whose loss a fault made was heard last a moment before
			if known := o.Detected; known.Before(f.At) || !known.Before(until) {
				continue
			}
			from := o.Lost
			if from.Before(f.At) {
				from = f.At
			}
			add(&detect, from, o.Detected)
			add(&reconnect, from, o.Opened)
			add(&resume, from, o.Joined)
			add(&caughtUp, from, o.CaughtUp)
			away[o.Client] = o.CaughtUp.IsZero()
		}
		for _, is := range away {
			if is {
				f.NotBack++
			}
		}
		f.Detect, f.Reconnect, f.Resume, f.CaughtUp = distOf(detect), distOf(reconnect), distOf(resume), distOf(caughtUp)
		f.Blackout = f.CaughtUp
		if checked != nil && i < len(checked.Faults) {
			figures := &checked.Faults[i]
			f.Blackout = distOf(figures.Blackouts)
			f.NotBack = max(f.NotBack, figures.NotBack+figures.Unheard)
		}
	}
	return faults
}
