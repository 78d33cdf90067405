package transport

import "sync/atomic"

// QueuedBytes counts the bytes that wait for all clients of the process together, or have
// come from them and are no whole message yet. A frame that waits for several
// counts for each. What is queued is added when it is queued, and taken off when it
// is written or dropped, of each connection but for less than a quantum.
type QueuedBytes struct {
	bytes  atomic.Int64
	kernel atomic.Int64  // bytes in the kernel that had not arrived, as last seen
	most   int64         // of both
	over   chan struct{} // capacity 1: there is too much
}

// NewQueuedBytes counts up to a bound.
func NewQueuedBytes(most int) *QueuedBytes {
	return &QueuedBytes{most: int64(most), over: make(chan struct{}, 1)}
}

// countStep is the step in which an outbox counts.
const countStep = 4 << 10

// Changed notes that something which cost before costs now instead.
func (h *QueuedBytes) Changed(before, now int) {
	if before == now {
		return
	}
	if total := h.bytes.Add(int64(now - before)); now > before && total+h.kernel.Load() > h.most {
		select {
		case h.over <- struct{}{}:
		default:
		}
	}
}

// SetKernel notes how many bytes the kernel has that have not arrived.
func (h *QueuedBytes) SetKernel(bytes int) { h.kernel.Store(int64(bytes)) }

// Over tells, once in a while, that there is too much.
func (h *QueuedBytes) Over() <-chan struct{} { return h.over }

// Bytes is what is held by this process, Kernel what is by the kernel, and Total both.
func (h *QueuedBytes) Bytes() int64  { return h.bytes.Load() }
func (h *QueuedBytes) Kernel() int64 { return h.kernel.Load() }
func (h *QueuedBytes) Total() int64  { return h.bytes.Load() + h.kernel.Load() }

// Most is what they may be together.
func (h *QueuedBytes) Most() int64 { return h.most }
