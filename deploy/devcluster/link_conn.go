package devcluster

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// Directions of a connection.
const (
	forward = iota
	back
)

const (
	chunkBytes  = 8 << 10
	chunkQueued = 32 // chunks that wait, in each direction
)

// chunk is a piece of a stream, and when it may go on.
type chunk struct {
	data []byte
	due  time.Time
}

// linkConn is one connection of a link: the two ends of it.
type linkConn struct {
	link   *Link
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc

	mu    sync.Mutex
	ends  []*net.TCPConn // the accepted one, then the dialled one
	ended bool
}

func newLinkConn(l *Link, accepted *net.TCPConn) *linkConn {
	c := &linkConn{link: l}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.join(accepted)
	return c
}

// join adds an end; false if the connection is over.
func (c *linkConn) join(end *net.TCPConn) bool {
	_ = end.SetKeepAlive(false) // the ends find out for themselves that they are alone
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		resetConn(end)
		return false
	}
	c.ends = append(c.ends, end)
	return true
}

// end resets both ends, and with them what carries.
func (c *linkConn) end() {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for _, end := range c.ends {
		resetConn(end)
	}
}

func resetConn(conn *net.TCPConn) {
	_ = conn.SetLinger(0) // closed already, if it fails
	_ = conn.Close()
}

// setDeaf: an end that has gone needs no cure.
func (c *linkConn) setDeaf(deaf bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	for _, end := range c.ends {
		if err := setDeaf(end, deaf); err != nil {
			return err
		}
	}
	return nil
}

func setDeaf(c syscall.Conn, deaf bool) error {
	if deaf {
		return deafen(c)
	}
	return undeaf(c)
}

// carry dials and carries until either end is gone.
func (c *linkConn) carry(dial string) {
	defer c.link.remove(c)
	defer c.end()
	if c.hear() != nil {
		return
	}
	if _, ok := c.link.passes(c.ctx); !ok {
		return
	}
	dialled, err := c.link.to.dial(c.ctx, dial)
	if err != nil {
		c.link.refused.Add(1)
		return
	}
	if !c.join(dialled) || c.hear() != nil {
		return
	}
	accepted := c.ends[0]
	var streams sync.WaitGroup
	streams.Go(func() { c.stream(accepted, dialled, forward) })
	streams.Go(func() { c.stream(dialled, accepted, back) })
	streams.Wait()
	c.part()
}

// part closes both ends without a reset, which would lose what is on its way.
func (c *linkConn) part() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for _, end := range c.ends {
		_ = end.Close() // a broken one is closed already
	}
}

// hear gives a connection that a change of mode may have missed while it came
// about the mode that holds now.
func (c *linkConn) hear() error {
	c.link.changing.Lock()
	defer c.link.changing.Unlock()
	return c.setDeaf(c.link.now().mode == Drop)
}

// stream carries one direction, its end included.
func (c *linkConn) stream(from, to *net.TCPConn, direction int) {
	queue := make(chan chunk, chunkQueued)
	var written sync.WaitGroup
	written.Go(func() { c.write(to, queue, direction) })
	if !c.read(from, queue) {
		c.end()
	}
	close(queue)
	written.Wait()
}

// read queues what comes until the stream ends; false if it broke.
func (c *linkConn) read(from *net.TCPConn, queue chan<- chunk) bool {
	buffer := make([]byte, chunkBytes)
	for {
		n, err := from.Read(buffer)
		delay, ok := c.link.passes(c.ctx)
		if !ok {
			return false
		}
		if n > 0 {
			select {
			case queue <- chunk{append([]byte(nil), buffer[:n]...), time.Now().Add(delay)}:
			case <-c.ctx.Done():
				return false
			}
		}
		if err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

// write writes what is queued when it is due, and then says that there is no more.
func (c *linkConn) write(to *net.TCPConn, queue <-chan chunk, direction int) {
	for k := range queue {
		if !c.awaitDue(k.due) {
			continue // over: what is queued is thrown away
		}
		if _, ok := c.link.passes(c.ctx); !ok {
			continue
		}
		n, err := to.Write(k.data)
		c.link.carried[direction].Add(uint64(n))
		if err != nil {
			c.end()
		}
	}
	_ = to.CloseWrite() // gone already, if it fails
}

// awaitDue waits until a moment; false if the connection is over before.
func (c *linkConn) awaitDue(due time.Time) bool {
	wait := time.Until(due)
	if wait <= 0 {
		return c.ctx.Err() == nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}
