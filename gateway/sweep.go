package gateway

import (
	"context"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway/sched"
	"tuitalk/gateway/transport"
	"tuitalk/websocket"
)

// sweepEvery is how often every connection and room is looked at.
const sweepEvery = time.Second

// compareEvery is how often the heads of the rooms with members are compared
// with the store's, in sweeps.
const compareEvery = 3

var pingFrame = &transport.PreparedFrame{Bytes: websocket.AppendHeader(nil, websocket.OpPing, 0)}

// sweep looks after every connection and every room until ended is closed.
func (s *Server) sweep(l *sched.Loop, ended <-chan struct{}) {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for n := 0; ; n++ {
		l.Expect(sweepEvery)
		select {
		case <-t.C:
		case <-s.held.Over():
			s.evictLargest()
			continue
		case <-ended:
			return
		}
		s.opts.Failpoint("sweep")
		now := s.clock.Coarse()
		s.limits.Sweep(s.clock.Elapsed())
		s.lookAround(now, n)
		var busy []*room
		s.expire(now)
		rooms := s.rooms.list()
		s.shareRecent(rooms)
		for _, r := range rooms {
			for _, j := range r.overdue(now) {
				j.fail(sched.ErrTooLate)
			}
			s.closeIdle(r, now)
			members, count, again := r.sweep()
			if again && s.health.storeUp() {
				s.scheduleVerify(r)
			}
			if members > 0 {
				busy = append(busy, r)
			}
			if count > 0 {
				s.publishNote(&fanout.Note{Room: r.id, Count: count})
			}
		}
		if n%compareEvery == 0 && len(busy) > 0 {
			s.work.live.Submit(func(ctx context.Context) { s.compareHeads(ctx, busy) }, inNextRound)
		}
	}
}

// expire refuses what has waited for too long.
func (s *Server) expire(now int64) {
	for _, p := range s.work.all() {
		p.Expire(now)
	}
	s.commit.Expire(now - int64(s.opts.RequestWait))
}

// inNextRound is told that a task is not done which the next round submits anew.
func inNextRound(error) {}

// lookAround looks at every connection, and closes the largest holders if all
// together hold too much.
func (s *Server) lookAround(now int64, n int) {
	kernel, rate := 0, s.opts.slowBelow()
	s.conns.each(func(c *conn) {
		l := c.out.SamplePace(c.sock, now, uint64(n)+c.serial, c.at() == stageClosed, rate)
		kernel += l.Kernel
		s.lookAt(c, now, l)
	})
	s.held.SetKernel(kernel)
	s.evictLargest()
}

// lookAt finds out whether a connection is dead, silent, slow or overdue.
func (s *Server) lookAt(c *conn, now int64, l transport.PaceSample) {
	c.lookAtAsync(now)
	quiet := time.Duration(now - max(c.lastIn.Load(), c.opened))
	pinged := c.pingSent.Load()
	switch at := c.at(); {
	case at == stageClosed:
		c.lookAtEnd(now, l)
	case l.Slow:
		c.reset(reasonSlow)
	case at == stageHTTP && time.Duration(now-c.opened) > s.opts.HandshakeWait:
		c.reason.CompareAndSwap(0, uint32(reasonStall))
		c.sock.Close(nil)
	case at == stageSocket && !c.hasSpoken() && time.Duration(now-c.opened) > s.opts.HandshakeWait:
		c.closeFor(reasonStall)
	case c.input.age(now) > s.opts.SlowAfter:
		c.closeFor(reasonStall)
	case pinged != 0 && time.Duration(now-pinged) > s.opts.PongWait:
		c.reset(reasonIdle)
	case at == stageSocket && pinged == 0 && quiet > s.opts.PingAfter:
		c.pingSent.Store(now)
		c.pushAnswer(pingFrame)
	}
}
