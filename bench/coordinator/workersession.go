package coordinator

import (
	"context"
	"fmt"
	"time"

	"tuitalk/bench/virtualuser"
)

// outagesAtOnce go into one frame.
const outagesAtOnce = 1000

// handleCommand does what a frame asks for. over: the run is done.
func (s *workerSession) handleCommand(ctx context.Context, k kind, message any) (over bool, err error) {
	switch k {
	case kindProbe:
		return false, s.line.send(kindProbed, &probed{message.(*probe).N, s.clock.now().UnixNano()})
	case kindPlan:
		return false, s.prepare(ctx, message.(*plan))
	}
	if s.swarm == nil {
		return false, fmt.Errorf("%w: %d before the plan", errFrameKind, byte(k))
	}
	switch k {
	case kindConnect:
		s.busy.Go(func() { s.connect(ctx) })
	case kindBegin:
		s.swarm.Begin(time.Unix(0, message.(*begin).At))
	case kindHush:
		s.swarm.StopPosting()
	case kindRate:
		s.swarm.Rate(message.(*rate).PerSecond)
	case kindStorm:
		s.swarm.Storm()
	case kindHeads:
		s.swarm.Heads(message.(*heads).Heads)
	case kindAsk:
		return false, s.tellOutages()
	case kindStop:
		return true, s.finish()
	default:
		return false, fmt.Errorf("%w: %d", errFrameKind, byte(k))
	}
	return false, nil
}

// prepare makes the clients of this share, and begins to tell how they are.
func (s *workerSession) prepare(ctx context.Context, p *plan) (err error) {
	if s.swarm != nil {
		return fmt.Errorf("%w: a second plan", errFrameKind)
	}
	if p.Of < 1 || p.Share < 0 || p.Share >= p.Of {
		return fmt.Errorf("the coordinator wants share %d of %d", p.Share, p.Of)
	}
	if err := p.Scenario.Validate(); err != nil {
		return err
	}
	c := virtualuser.Config{
		Scenario: p.Scenario, Share: p.Share, Of: p.Of, Targets: p.Targets, Trust: p.Trust,
		Sources: p.Sources, Offset: p.Offset,
		Logf: s.report,
	}
	s.chunks = &chunks{framedConn: s.line}
	if p.Record {
		c.Recording = s.chunks
	}
	made, err := s.worker.newSwarm(c)
	if err != nil {
		return err
	}
	s.swarm, s.plan, s.silent = made, p, make(chan struct{})
	if err := s.line.send(kindReady, nil); err != nil {
		return err
	}
	s.busy.Go(func() { s.tick(ctx) })
	return nil
}

// report sends a line for people. It may be called from anywhere; if it cannot be
// sent the reader finds that out.
func (s *workerSession) report(format string, args ...any) {
	_ = s.line.send(kindTold, &sentence{fmt.Sprintf(format, args...)})
}

// connect lets the clients in, in a goroutine of its own.
func (s *workerSession) connect(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.plan.Patience)
	defer cancel()
	k, message := kindConnected, any(nil)
	if err := s.swarm.Connect(ctx); err != nil {
		k, message = kindFailed, &sentence{err.Error()}
	}
	if err := s.line.send(k, message); err != nil {
		s.stop() // the line is of no use any more
	}
}

// tick tells once a second what has happened, in a goroutine of its own. The
// seconds are those of the coordinator's clock.
func (s *workerSession) tick(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for last := int64(0); ; {
		here := s.clock.now().Add(s.plan.Offset)
		next := here.Truncate(time.Second).Add(time.Second)
		if next.Unix() == last { // the timer was early
			next = next.Add(time.Second)
		}
		last = next.Unix()
		timer.Reset(next.Sub(here))
		select {
		case <-timer.C:
		case <-s.silent:
			return
		case <-ctx.Done():
			return
		}
		if err := s.sample(last - 1); err != nil {
			s.stop()
			return
		}
	}
}

func (s *workerSession) sample(second int64) error {
	t := tick{Sample: s.swarm.Sample()}
	t.Sample.At = second
	t.Clients, t.Messages = s.swarm.Owed()
	return s.line.send(kindTick, &t)
}

func (s *workerSession) tellOutages() error {
	all := s.swarm.Outages()
	for {
		n := min(len(all), outagesAtOnce)
		if err := s.line.send(kindOutages, &outages{all[:n], n < len(all)}); err != nil || n == len(all) {
			return err
		}
		all = all[n:]
	}
}

// finish ends the clients' records, sends what is left of the recording, and
// says that this was all.
func (s *workerSession) finish() error {
	s.stopTicks()
	s.closed = true
	e := ended{}
	if err := s.swarm.Close(); err != nil {
		e.Error = err.Error()
	}
	e.Recorded = s.chunks.written
	return s.line.send(kindEnded, &e)
}
