package gateway

import (
	"fmt"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"tuitalk/gateway/limits"
	"tuitalk/gateway/transport"
	"tuitalk/talk"
	"tuitalk/websocket"
)

// stage is how far a connection has come.
type stage uint8

const (
	stageHTTP   stage = iota // waiting for a request
	stageSite                // a request for the site is being answered, the last one
	stageSocket              // upgraded
	stageClosed              // nothing that comes is read any more
)

// conn is one client's connection and, once it has spoken, its user.
//
// Lock order: conn.mu, limits; conn.mu, lane.mu; conn.mu, room.mu, and those of the outbox and the pump.
// nbio's connection mutex is held around OnWritten only.
type conn struct {
	// immutable
	srv    *Server
	serial uint64
	addr   netip.Addr
	sock   transport.Socket // set before the first callback

	network netip.Prefix // of who speaks; set before the first message

	input input

	// read by the sweep
	stage    atomic.Uint32 // a stage; written by the poller goroutine, and closed by anyone
	opened   int64         // coarse time
	lastIn   atomic.Int64  // coarse time of the last whole frame or request
	pingSent atomic.Int64  // coarse time of the ping that is unanswered, 0 for none
	closeBy  atomic.Int64  // coarse time at which the sweep closes it hard, 0 for never
	asyncBy  atomic.Int64  // coarse time by which what the connection waits for must be done, 0 for nothing
	reason   atomic.Uint32 // a closeReason: the first that was given
	adopted  atomic.Bool   // sock is there
	slot     int           // index in its registry shard; guarded by the shard's mu

	out transport.Outbox

	// wantsDrain: something waits for the outbox to drain
	wantsDrain atomic.Bool

	mu      sync.Mutex // guards user and account
	user    user
	account limits.Client // what it may; limits guards its place among the others

	memberOf   atomic.Pointer[room] // where it has a membership; written with that room's mu held
	membership membership           // guarded by memberOf's mu
}

var (
	_ transport.Callbacks = (*conn)(nil)
	_ transport.Client    = (*conn)(nil)
)

func (c *conn) OnData(data []byte) { guard(c, func() { c.onData(data) }) }

func (c *conn) OnWritten(n int) {
	if c.out.OnWritten(n) {
		c.srv.pump.Ready(c, c.serial)
	}
}

func (c *conn) OnClose(err error) { guard(c, func() { c.onClose(err) }) }

// guard keeps a panic in one connection's handling from ending the others.
func guard(c *conn, f func()) {
	defer func() {
		if v := recover(); v != nil {
			c.srv.metrics.panics.Inc()
			c.srv.log.Error("panic while serving a connection", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			c.sock.Close(nil)
		}
	}()
	f()
}

// Outbox and Socket are where a pump worker finds what to write, and where to.
func (c *conn) Outbox() *transport.Outbox { return &c.out }
func (c *conn) Socket() transport.Socket  { return c.sock }

// pushLive queues a room's entry. false: the ring is full, catch up later; the
// same answer follows until the ring has drained.
func (c *conn) pushLive(f *transport.PreparedFrame) bool {
	queued, wake := c.out.QueueLive(f, c.srv.pump)
	if wake {
		c.srv.pump.Ready(c, c.serial)
	}
	return queued
}

// pushAnswer queues something that is for this connection alone. A client that
// leaves no room even for that is too slow: it is closed, and false returned.
func (c *conn) pushAnswer(f *transport.PreparedFrame) bool {
	queued, full, wake := c.out.QueueAnswer(f, c.srv.pump)
	if full {
		c.reset(reasonSlow)
	}
	if wake {
		c.srv.pump.Ready(c, c.serial)
	}
	return queued
}

// pushIfRoom queues what a client can do without, if there is room for it: a room
// may have more pending entries than a client's queue takes, who joins it must not
// be closed for that, and what he misses of them comes when it is stored.
func (c *conn) pushIfRoom(f *transport.PreparedFrame) {
	if _, _, wake := c.out.QueueAnswer(f, c.srv.pump); wake {
		c.srv.pump.Ready(c, c.serial)
	}
}

// finish queues the last prepared frames and closes the connection once they are
// written. What was queued before goes out first, as far as the client reads.
func (c *conn) finish(last ...*transport.PreparedFrame) {
	if c.out.Close(last, c.srv.pump) {
		c.srv.pump.Ready(c, c.serial)
	}
}

// OnFlushed does what waited for an empty ring.
func (c *conn) OnFlushed(closing, behind bool) {
	c.srv.opts.Failpoint("pump")
	switch {
	case closing:
		c.shutdownWrite()
	case behind:
		c.srv.catchUp(c)
	}
	if c.wantsDrain.Load() && c.wantsDrain.Swap(false) {
		c.resumeBacklog()
	}
}

func (c *conn) at() stage { return stage(c.stage.Load()) }

// onData takes what the poller read. data is the poller's buffer.
func (c *conn) onData(data []byte) {
	if c.at() != stageClosed && c.srv.clock.Behind() > c.srv.opts.LeaseLost {
		c.markFrozen()
		c.sock.Close(nil)
		return
	}
	for {
		if s := c.at(); s == stageClosed || s == stageSite {
			return
		}
		in := &c.input
		joined := len(in.rest) > 0
		if joined {
			in.rest = append(in.rest, data...)
			data = in.rest
		}
		taken, again := c.parseInput(data)
		in.bufferRest(data[taken:], joined)
		in.note(c.srv.held, c.srv.clock.Coarse(), taken)
		if !again || len(in.rest) == 0 {
			return
		}
		data, in.rest = in.rest, nil
	}
}

// parseInput reads as many requests or frames as data has. again: the stage has
// changed, and what is left is for the new one.
func (c *conn) parseInput(data []byte) (taken int, again bool) {
	if c.at() == stageHTTP {
		n := c.parseRequest(data)
		return n, n > 0 && c.at() == stageSocket
	}
	for {
		f, err := websocket.Parse(data[taken:], websocket.Client, c.srv.opts.FrameBytes)
		if err == websocket.ErrPartial {
			if err = c.input.assembler.Peek(data[taken:], c.srv.opts.FrameBytes); err == nil {
				return taken, false
			}
		} else if err == nil {
			taken += f.Size
			err = c.onFrame(f)
		}
		if err != nil {
			c.closeViolation(err)
			return len(data), false
		}
		if c.at() == stageClosed {
			return len(data), false
		}
	}
}

// onFrame takes one frame.
func (c *conn) onFrame(f websocket.Frame) error {
	c.lastIn.Store(c.srv.clock.Coarse())
	c.pingSent.Store(0)
	switch f.Opcode {
	case websocket.OpPing:
		if !c.payControlFrame(len(f.Payload)) {
			return nil
		}
		c.pushAnswer(&transport.PreparedFrame{Bytes: append(websocket.AppendHeader(nil, websocket.OpPong, len(f.Payload)), f.Payload...)})
		return nil
	case websocket.OpPong:
		c.payControlFrame(len(f.Payload))
		return nil
	case websocket.OpClose:
		return c.onCloseFrame(f.Payload)
	}
	first := !c.input.assembler.InProgress()
	opcode, message, done, err := c.input.assembler.Add(f, c.srv.opts.FrameBytes)
	if first && c.input.assembler.InProgress() {
		c.input.begun.Store(c.srv.clock.Coarse())
	}
	if err == nil && !done {
		c.payControlFrame(len(f.Payload)) // many pieces are work, too
	}
	if err != nil || !done {
		return err
	}
	c.srv.metrics.framesIn.Inc()
	c.onMessage(opcode, message)
	return nil
}

func (c *conn) onCloseFrame(payload []byte) error {
	code, _, err := websocket.ParseClose(payload)
	if err != nil {
		return err
	}
	if code == 0 {
		code = websocket.CloseNormal
	}
	c.end(reasonClient, code, "")
	return nil
}

// closeViolation ends a connection that broke a rule of RFC 6455.
func (c *conn) closeViolation(err error) {
	broken, ok := err.(*websocket.Error)
	if !ok {
		broken = &websocket.Error{Code: websocket.CloseInternal, Reason: "internal error"}
	}
	c.end(reasonProtocol, broken.Code, broken.Reason)
}

// end says goodbye behind everything that is queued, and closes once it is
// written. The sweep closes hard a client that reads nothing of it.
func (c *conn) end(why closeReason, code int, text string) {
	c.reason.CompareAndSwap(0, uint32(why))
	c.stage.Store(uint32(stageClosed))
	c.finish(&transport.PreparedFrame{Bytes: websocket.Close(code, text)})
}

// closeFor is end with the code and the sentence of the reason.
func (c *conn) closeFor(why closeReason) { c.end(why, why.code(), why.sentence()) }

// reset is dismiss for a client that does not read: what is queued is dropped. It
// may have been said goodbye to before, but this is what ends it.
func (c *conn) reset(why closeReason) {
	c.reason.Store(uint32(why))
	c.out.Drop(false, c.srv.pump)
	c.closeSoon()
	c.closeFor(why)
}

// closeSoon lets the sweep close the connection whatever becomes of it.
func (c *conn) closeSoon() {
	c.closeBy.CompareAndSwap(0, c.srv.clock.Coarse()+int64(c.srv.opts.CloseWait))
}

// shutdownWrite is called when the goodbye has been written.
func (c *conn) shutdownWrite() {
	c.closeSoon()
	if c.sock.CloseWrite() != nil {
		c.sock.Close(nil)
	}
}

// gone is called once, when the connection is closed.
func (c *conn) onClose(err error) {
	if c.at() != stageClosed { // it is loaded first: see adopt
		c.stage.Store(uint32(stageClosed))
	}
	c.reason.CompareAndSwap(0, uint32(reasonLost))
	defer c.input.drop(c.srv.held) // whatever panics in between
	defer c.out.Drop(true, c.srv.pump)
	defer c.cleanup()
	c.srv.conns.remove(c)
	c.srv.metrics.closed[closeReason(c.reason.Load())].Inc()
	c.srv.log.Debug("connection closed", "conn", c.serial, "from", c.from(), "reason", closeReason(c.reason.Load()).label(), "err", err)
}

// askToMove says Reconnect, if the client knows it. reset: what it has of its room is not the
// room's log.
func (c *conn) askToMove(within time.Duration, reset bool) bool {
	form := c.form()
	return form.IsExtended() && c.at() == stageSocket &&
		c.answerIn(form, talk.Reconnect{WithinMS: uint32(within.Milliseconds()), Reset: reset})
}

// markFrozen takes nothing more from the connection, although a poller may have read
// from it already.
func (c *conn) markFrozen() {
	c.reason.CompareAndSwap(0, uint32(reasonFrozen))
	c.stage.Store(uint32(stageClosed))
}

// lookAtEnd ends a connection that shall end. As long as the client takes what was
// said last, it has the time; one that does not is reset, so that the kernel keeps
// nothing for it either.
func (c *conn) lookAtEnd(now int64, l transport.PaceSample) {
	by := c.closeBy.Load()
	late := by != 0 && now >= by
	killed := closeReason(c.reason.Load()).killed()
	switch {
	case l.Slow || late && killed:
		if !killed {
			c.reason.Store(uint32(reasonSlow))
		}
		c.sock.Reset()
	case late && l.Waiting+l.Kernel == 0:
		c.sock.Close(nil)
	}
}

// hasSpoken tells whether the client has said who it is.
func (c *conn) hasSpoken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.user.uuid.IsZero()
}

// holds is what is held for a connection, in bytes.
func (c *conn) holds() int64 {
	waiting := 0
	c.locked(func(u *user) { waiting = u.waiting })
	return int64(c.out.Held()+waiting) + max(0, c.input.held.Load())
}
