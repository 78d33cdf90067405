package coordinator

import (
	"context"
	"slices"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
	"tuitalk/bench/virtualuser"
	"tuitalk/talk"
)

// Storm cuts all connections at once.
func (c *Coordinator) Storm() error { return c.callAll(c.ctx, "Storm", nothing) }

// Rate sets how many messages are posted per second from now on, by all
// together.
func (c *Coordinator) Rate(perSecond float64) error {
	c.mu.Lock()
	c.rate = perSecond
	c.mu.Unlock()
	return c.callAll(c.ctx, "Rate", perSecond/float64(len(c.links)))
}

// Now is the time by which everything in the run is told.
func (c *Coordinator) Now() time.Time { return c.clock.now() }

// BeginFault notes a fault, of which What, Held, Evidence and At count, which is now if
// it is not given; the number is for EndFault. Marks come in the order of At.
func (c *Coordinator) BeginFault(f result.Fault) (number int) {
	if f.At.IsZero() {
		f.At = c.clock.now()
	}
	if c.recordings != nil {
		c.recordings.rec.Fault(f.At, f.What, f.Held, f.Evidence)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, f)
	return len(c.faults) - 1
}

// EndFault notes that a fault is undone now.
func (c *Coordinator) EndFault(number int) {
	now := c.clock.now()
	if c.recordings != nil {
		c.recordings.rec.FaultOver(number, now)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults[number].Over = now
}

// Rooms are those of the scenario.
func (c *Coordinator) Rooms() []int32 { return c.rooms() }

// AddTaken notes what the target's store had until it was set back to an older state.
func (c *Coordinator) AddTaken(entries []talk.Entry) {
	if c.recordings != nil {
		c.recordings.rec.Taken(entries)
	}
}

// Seconds are all samples of the run until now, oldest first. They may be read,
// not changed.
func (c *Coordinator) Seconds() []measure.Sample {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clip(c.seconds)
}

// Next waits for a second that is complete beside the first n.
func (c *Coordinator) Next(ctx context.Context, n int) (measure.Sample, error) {
	for {
		c.mu.Lock()
		news := c.news
		if len(c.seconds) > n {
			s := c.seconds[n]
			c.mu.Unlock()
			return s, nil
		}
		c.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return measure.Sample{}, context.Cause(ctx)
		}
	}
}

// Lag is who owes something, as all workers have told it since the given
// time; false: not all have.
func (c *Coordinator) Lag(since time.Time) (clients, messages int, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.behind {
		if b.second < since.Unix() {
			return 0, 0, false
		}
		clients += b.clients
		messages += b.messages
	}
	return clients, messages, true
}

// CaughtUp waits until no more waits to be stored or shown than one second brings, but
// no longer than most. It returns how many messages still wait.
func (c *Coordinator) CaughtUp(ctx context.Context, most time.Duration) (waiting int, err error) {
	bounded, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	err = c.awaitSample(bounded, func(s measure.Sample, _, messages int) bool {
		waiting = messages
		return int64(messages) <= s.Intended
	})
	if bounded.Err() != nil && ctx.Err() == nil {
		return waiting, nil
	}
	return 0, err
}

// Outages are the losses of connections until now, of all clients.
func (c *Coordinator) Outages(ctx context.Context) (all []virtualuser.Outage, err error) {
	for _, l := range c.links {
		some, err := l.outages(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// addStep notes a rate that was tried.
func (c *Coordinator) addStep(s result.Step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps = append(c.steps, s)
}
