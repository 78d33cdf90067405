package gorilla

import (
	"net"
	"sync"
)

// corkedListener gives its connections a cork.
type corkedListener struct{ net.Listener }

func (l corkedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &corked{Conn: c}, nil
}

// corked is a connection that can hold back what is written until it is uncorked,
// so that several frames go to the kernel with one call. The websocket package
// writes each frame with a call of its own.
type corked struct {
	net.Conn

	mu   sync.Mutex // answers to pings are written by the goroutine that reads
	held *[]byte    // what is held back, from the pool; nil: nothing is
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

func (c *corked) cork() {
	c.mu.Lock()
	c.held = buffers.Get().(*[]byte)
	c.mu.Unlock()
}

// uncork writes what was held back.
func (c *corked) uncork() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.Conn.Write(*c.held)
	*c.held = (*c.held)[:0]
	buffers.Put(c.held)
	c.held = nil
	return err
}

func (c *corked) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		return c.Conn.Write(b)
	}
	*c.held = append(*c.held, b...)
	return len(b), nil
}
