package attack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

// Group is so many attackers who do the same.
type Group struct {
	Connections int           // open at once
	PerSecond   float64       // connections opened, of the group
	After       time.Duration // from the beginning of the attack
	Again       bool          // who has ended comes again
	Receive     int           // receive buffer in bytes; 0: the usual one
	Do          Step
}

// crowd is the attackers of one attack.
type crowd struct {
	target *Target
	from   []netip.Addr
	room   int32       // of the people
	victim talk.Member // one of them
	tally  *tally
	ctx    context.Context
	end    context.CancelFunc

	attackers sync.WaitGroup
	listeners sync.WaitGroup

	mu    sync.Mutex
	conns map[*conn]struct{}
	ended bool
}

func newCrowd(ctx context.Context, target *Target, from []netip.Addr, room int32) *crowd {
	ctx, end := context.WithCancel(ctx)
	return &crowd{target: target, from: from, room: room, tally: newTally(end), ctx: ctx, end: end, conns: map[*conn]struct{}{}}
}

// attack lets all groups do what they do, for so long or until a bound is reached,
// and closes all that is open then.
func (c *crowd) attack(groups []Group, lasts time.Duration) {
	for i := range groups {
		c.attackers.Go(func() { c.lead(&groups[i]) })
	}
	t := time.NewTimer(min(lasts, maxLasts))
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.ctx.Done():
	}
	c.stop()
}

// stop closes everything. Who is open then was held to the end.
func (c *crowd) stop() {
	c.mu.Lock()
	c.ended = true
	open := make([]*conn, 0, len(c.conns))
	for one := range c.conns {
		open = append(open, one)
	}
	c.mu.Unlock()
	var held []time.Time
	for _, one := range open {
		if one.established() {
			held = append(held, one.since)
		} else {
			c.tally.closed(unread)
		}
	}
	c.tally.finish(held)
	c.end()
	for _, one := range open {
		one.reset()
	}
	c.attackers.Wait()
	c.listeners.Wait()
}

// lead opens a group's connections at its pace.
func (c *crowd) lead(g *Group) {
	if !c.pause(g.After) {
		return
	}
	begun := time.Now()
	rate := min(g.PerSecond, maxPerSecond)
	for i := range min(g.Connections, maxConnections) {
		if !c.pause(time.Until(begun.Add(time.Duration(float64(i) / rate * float64(time.Second))))) {
			return
		}
		c.attackers.Go(func() { c.live(g, i) })
	}
}

// again is how long who has ended waits before he comes again.
const again = 100 * time.Millisecond

func (c *crowd) live(g *Group, n int) {
	for c.tally.try() {
		c.once(g, n)
		if !g.Again || !c.pause(again) {
			return
		}
	}
	if c.ctx.Err() == nil {
		c.tally.bound("the attackers had opened as many connections as they may")
	}
}

func (c *crowd) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// once is the life of one connection.
func (c *crowd) once(g *Group, n int) {
	one, err := c.open(g, n)
	if err != nil {
		if c.ctx.Err() == nil {
			c.tally.refused(dialFailure(err))
		}
		return
	}
	defer c.close(one)
	err = g.Do(one)
	ended, refused := endedError{}, refusedError{}
	switch {
	case err == nil, errors.Is(err, errDone), c.ctx.Err() != nil:
	case errors.As(err, &refused):
		c.tally.refused(refused.how)
	case errors.As(err, &ended):
		c.tally.closed(ended.how)
	case errors.Is(err, errNoAnswer):
		c.tally.answer("no answer")
	default:
		c.tally.closed("broken")
	}
}

func dialFailure(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case isTimeout(err):
		return "no connection"
	}
	return "dial failed"
}

func (c *crowd) open(g *Group, n int) (*conn, error) {
	from := netip.Addr{}
	if len(c.from) > 0 {
		from = c.from[n%len(c.from)]
	}
	plain, tcp, err := dial(c.ctx, c.target, from, g.Receive)
	if err != nil {
		return nil, err
	}
	one := &conn{ctx: c.ctx, crowd: c, n: n, Conn: plain, tcp: tcp, since: time.Now()}
	one.r = bufio.NewReaderSize(one, 4<<10)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		_ = tcp.Close() // it was never used
		return nil, context.Canceled
	}
	c.conns[one] = struct{}{}
	c.tally.opened()
	return one, nil
}

func (c *crowd) close(one *conn) {
	c.mu.Lock()
	delete(c.conns, one)
	c.mu.Unlock()
	_ = one.tcp.Close() // nothing is under way
	if one.heard != nil {
		<-one.heard
	}
	c.tally.ended(one.since)
}

// greeting is the Hello of a newcomer, as a session of ours would say it.
func (c *crowd) greeting() (hello talk.Message, name string, err error) {
	name = fmt.Sprintf("stranger %06d", rand.IntN(1_000_000))
	s, err := client.New(client.Config{Servers: []string{c.target.URL}, Name: name, Room: attackRooms, Client: "tuitalk-bench attack"}, client.State{})
	if err != nil {
		return nil, "", err
	}
	conn := client.ConnID(0)
	for _, e := range s.Handle(time.Now(), client.Start{}) {
		if d, ok := e.(client.Dial); ok {
			conn = d.Conn
		}
	}
	for _, e := range s.Handle(time.Now(), client.Opened{Conn: conn}) {
		if m, ok := e.(client.Send); ok && m.Message.Tag() == talk.TagHello {
			return m.Message, name, nil
		}
	}
	return nil, "", errors.New("a session says no Hello")
}
