//go:build !js

package chromium

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// ErrGone says that the browser has ended.
var ErrGone = errors.New("the browser has ended")

// conn is the DevTools connection: JSON objects, each ended by a zero byte.
type conn struct {
	writeMu sync.Mutex
	out     io.WriteCloser

	mu       sync.Mutex
	lastID   int64
	waiting  map[int64]chan envelope
	sessions map[string]func(method string, params json.RawMessage)
	gone     bool

	done chan struct{} // closed when the reader has ended
}

type envelope struct {
	ID        int64           `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

func newConn(in io.Reader, out io.WriteCloser) *conn {
	c := &conn{
		out:      out,
		waiting:  make(map[int64]chan envelope),
		sessions: make(map[string]func(string, json.RawMessage)),
		done:     make(chan struct{}),
	}
	go c.read(in)
	return c
}

// read hands out what the browser says until the pipe ends.
func (c *conn) read(in io.Reader) {
	defer close(c.done)
	r := bufio.NewReaderSize(in, 64<<10)
	for {
		frame, err := r.ReadBytes(0)
		if err != nil {
			break
		}
		var e envelope
		if json.Unmarshal(frame[:len(frame)-1], &e) != nil {
			continue
		}
		c.deliver(e)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	for id, answer := range c.waiting {
		delete(c.waiting, id)
		close(answer)
	}
}

func (c *conn) deliver(e envelope) {
	c.mu.Lock()
	if e.ID != 0 {
		answer := c.waiting[e.ID]
		delete(c.waiting, e.ID)
		c.mu.Unlock()
		if answer != nil {
			answer <- e
		}
		return
	}
	listen := c.sessions[e.SessionID]
	c.mu.Unlock()
	if listen != nil {
		listen(e.Method, e.Params)
	}
}

// listen sends the events of a session to f, on the reader's goroutine; f must
// not call the browser. A nil f ends it.
func (c *conn) listen(session string, f func(method string, params json.RawMessage)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f == nil {
		delete(c.sessions, session)
		return
	}
	c.sessions[session] = f
}

// call asks the browser and unpacks its answer into result, which may be nil.
func (c *conn) call(ctx context.Context, session, method string, params, result any) error {
	raw, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	id, answer := c.expect()
	if answer == nil {
		return fmt.Errorf("%s: %w", method, ErrGone)
	}
	frame, err := json.Marshal(envelope{ID: id, SessionID: session, Method: method, Params: raw})
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if err := c.write(frame); err != nil {
		c.forget(id)
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case e, ok := <-answer:
		return unpack(method, e, ok, result)
	case <-ctx.Done():
		c.forget(id)
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

func unpack(method string, e envelope, ok bool, result any) error {
	switch {
	case !ok:
		return fmt.Errorf("%s: %w", method, ErrGone)
	case e.Error != nil:
		return fmt.Errorf("%s: %s", method, e.Error.Message)
	case result == nil:
		return nil
	}
	if err := json.Unmarshal(e.Result, result); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

func (c *conn) expect() (int64, chan envelope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return 0, nil
	}
	c.lastID++
	answer := make(chan envelope, 1)
	c.waiting[c.lastID] = answer
	return c.lastID, answer
}

func (c *conn) forget(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

func (c *conn) write(frame []byte) error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	_, err := c.out.Write(append(frame, 0))
	return err
}
