package gateway

import (
	"sync/atomic"
	"time"

	"tuitalk/gateway/transport"
	"tuitalk/websocket"
)

// input is what a client has made us hold by what it has not ended: a part of a
// request or of a frame, and of a message the frames that have come.
type input struct {
	// owned by the poller goroutine
	rest      []byte // what is not a whole frame yet; nil when there is none
	assembler websocket.Assembler

	held  atomic.Int64 // what of it is counted; closed when the connection is gone
	begun atomic.Int64 // coarse time at which it began to come, 0: there is none
}

// inputDropped is input.held of a connection that is gone: nothing is counted any more.
const inputDropped = -1

// bufferRest stores what is left of the input, if anything. own: it lies in in.rest.
func (in *input) bufferRest(rest []byte, own bool) {
	switch {
	case len(rest) == 0:
		in.rest = nil
	case own && len(rest) == len(in.rest): // nothing was taken
	case own && len(rest) >= cap(in.rest)/4:
		in.rest = append(in.rest[:0], rest...)
	default:
		in.rest = append([]byte(nil), rest...)
	}
}

// note counts what is kept, and since when. taken is how many bytes were no rest.
func (in *input) note(h *transport.QueuedBytes, now int64, taken int) {
	old, size := in.held.Load(), int64(cap(in.rest)+in.assembler.Held())
	if size != old && old != inputDropped && in.held.CompareAndSwap(old, size) {
		h.Changed(int(old), int(size))
	}
	begun := in.begun.Load()
	switch {
	case in.assembler.InProgress(): // it began with the first frame
	case len(in.rest) == 0:
		if begun != 0 {
			in.begun.Store(0)
		}
	case taken > 0 || begun == 0:
		in.begun.Store(now)
	}
}

// drop is called when the connection is gone.
func (in *input) drop(h *transport.QueuedBytes) {
	if old := in.held.Swap(inputDropped); old > 0 {
		h.Changed(int(old), 0)
	}
}

// age is for how long a message has been coming.
func (in *input) age(now int64) time.Duration {
	begun := in.begun.Load()
	if begun == 0 {
		return 0
	}
	return time.Duration(now - begun)
}
