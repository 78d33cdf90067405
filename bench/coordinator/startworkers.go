package coordinator

import (
	"context"
	"fmt"
	"sync"
)

// startWorkers starts or dials the workers, and compares their clocks.
func (c *Coordinator) startWorkers(ctx context.Context) error {
	if len(c.opts.Workers) == 0 {
		c.spawner = newSpawner()
	}
	help, stop := context.WithCancel(c.ctx)
	c.stopHelp = stop
	for share := range c.workers() {
		l, err := c.startWorker(ctx, share)
		if err != nil {
			return err
		}
		l.share, l.tell, l.over, l.fail = share, c.opts.Tell, c.ctx, c.fail
		c.links = append(c.links, l)
		if err := l.compareClocks(ctx, c.clock.now); err != nil {
			return err
		}
		c.helpers.Go(func() { l.followClock(help, c.clock.now) })
	}
	c.behind = make([]lag, len(c.links))
	c.helpers.Go(func() { c.collect(help) })
	c.helpers.Go(func() { c.watchProcesses(help) })
	return nil
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

// prepare gives a worker its share, waits until it has made its clients, and listens to
// it from then on.
func (c *Coordinator) prepare(ctx context.Context, l *workerLink) (err error) {
	offset, _ := l.clock.offset()
	p := Plan{
		Scenario: c.opts.Scenario, Share: l.share, Of: len(c.links), Targets: c.opts.Targets, Trust: c.opts.Trust,
		Sources: sourcesOf(c.opts.Sources, l.share, len(c.links)), Offset: offset,
		Patience: c.opts.patience(), Record: c.recordings != nil,
	}
	if c.recordings != nil {
		if l.record, err = c.recordings.file(fmt.Sprintf("worker-%d", l.share+1)); err != nil {
			return err
		}
	}
	if err := l.call(ctx, "Prepare", &p, nil); err != nil {
		return err
	}
	c.listeners.Go(func() { l.listen(c.ticks) })
	return nil
}

// each does something with every worker at once, and waits for all. The error is the
// first worker's that has one.
func (c *Coordinator) each(do func(l *workerLink) error) error {
	errs := make([]error, len(c.links))
	var waiting sync.WaitGroup
	for i, l := range c.links {
		waiting.Go(func() { errs[i] = do(l) })
	}
	waiting.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// callAll has every worker do the same.
func (c *Coordinator) callAll(ctx context.Context, method string, args any) error {
	return c.each(func(l *workerLink) error { return l.call(ctx, method, args, nil) })
}
