package coordinator

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// startWorkers starts or dials the workers, and compares their clocks.
func (c *Coordinator) startWorkers(ctx context.Context) error {
	if len(c.opts.Workers) == 0 {
		c.spawner = newSpawner()
	}
	for share := range c.workers() {
		l, err := c.startWorker(ctx, share)
		if err != nil {
			return err
		}
		l.share, l.ticks, l.told, l.over, l.fail, l.now = share, c.ticks, c.opts.Tell, c.ctx.Done(), c.fail, c.clock.now
		c.links = append(c.links, l)
		if c.truth != nil {
			if l.record, err = c.truth.file(fmt.Sprintf("worker-%d", share+1)); err != nil {
				return err
			}
		}
		c.readers.Go(l.read)
	}
	c.behind = make([]lag, len(c.links))
	help, stop := context.WithCancel(c.ctx)
	c.stopHelp = stop
	c.helpers.Go(func() { c.collect(help) })
	c.helpers.Go(func() { c.watchProcesses(help) })
	for _, l := range c.links {
		if err := c.compareClocks(ctx, l); err != nil {
			return err
		}
		c.helpers.Go(func() { l.followClock(help) })
	}
	return nil
}

func (c *Coordinator) compareClocks(ctx context.Context, l *workerLink) error {
	err := l.compareClocks(ctx)
	if err != nil && ctx.Err() == nil {
		return c.cause(err)
	}
	return err
}

func (c *Coordinator) workers() int {
	if n := len(c.opts.Workers); n > 0 {
		return n
	}
	return c.opts.Processes
}

// startWorker starts a worker here, or dials one elsewhere.
func (c *Coordinator) startWorker(ctx context.Context, share int) (*workerLink, error) {
	if c.spawner == nil {
		addr := c.opts.Workers[share]
		return dialWorker(ctx, "worker "+addr, addr, c.opts.Key)
	}
	key := NewKey()
	p, err := c.spawner.start(ctx, c.opts.Program, key)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("worker %d of %d (process %d)", share+1, c.opts.Processes, p.cmd.Process.Pid)
	l, err := dialWorker(ctx, name, p.addr, key)
	if err != nil {
		return nil, err
	}
	l.proc = p
	return l, nil
}

// sendPlan gives a worker its share, and waits until it has made its clients.
func (c *Coordinator) sendPlan(ctx context.Context, l *workerLink) error {
	offset, _ := l.clock.offset()
	p := plan{
		Scenario: c.opts.Scenario, Share: l.share, Of: len(c.links), Targets: c.opts.Targets, Trust: c.opts.Trust,
		Sources: sourcesOf(c.opts.Sources, l.share, len(c.links)), Offset: offset,
		Patience: c.opts.patience(), Record: c.truth != nil,
	}
	if err := l.line.send(kindPlan, &p); err != nil {
		return c.cause(err)
	}
	_, err := await[ready](ctx, l)
	return err
}

// cause prefers the reason why the run has failed, which the reader of a link
// finds, to an error of writing that came of it.
func (c *Coordinator) cause(err error) error {
	select {
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	case <-time.After(2 * time.Second):
		return err
	}
}

// broadcast tells all workers something.
func (c *Coordinator) broadcast(k kind, message any) error {
	for _, l := range c.links {
		if err := l.line.send(k, message); err != nil {
			return c.cause(fmt.Errorf("%s is lost: %w", l.name, innermost(err)))
		}
	}
	return nil
}

// all orders something and waits for every worker's answer.
func (c *Coordinator) all(ctx context.Context, k kind, message any, answer func(context.Context, *workerLink) error) error {
	if err := c.broadcast(k, message); err != nil {
		return err
	}
	errs := make([]error, len(c.links))
	var waiting sync.WaitGroup
	for i, l := range c.links {
		waiting.Go(func() { errs[i] = answer(ctx, l) })
	}
	waiting.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func awaitConnected(ctx context.Context, l *workerLink) error {
	_, err := await[connected](ctx, l)
	return err
}
