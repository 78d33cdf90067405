package fanout

import "sync"

// Limits of an Inbox. What is being handed over counts no more, so up to twice
// as much can be in memory while a handler is slow.
const (
	InboxNotes = 16 << 10
	InboxBytes = 16 << 20 // by Note.Size
)

// Inbox is the queue between a bus and one Handler: bounded, with one goroutine
// that calls the handler.
type Inbox struct {
	handler Handler
	notes   int // most notes queued
	bytes   int // most bytes queued, by Note.Size
	done    chan struct{}

	mu     sync.Mutex
	wake   sync.Cond // something is queued, or closed
	queue  []*Note
	size   int                // of queue, by Note.Size
	lost   map[int32]struct{} // rooms whose loss is not yet reported
	closed bool
}

// NewInbox starts an inbox that queues at most so many notes and bytes.
func NewInbox(handler Handler, notes, bytes int) *Inbox {
	in := &Inbox{
		handler: handler,
		notes:   notes,
		bytes:   bytes,
		done:    make(chan struct{}),
		lost:    make(map[int32]struct{}),
	}
	in.wake.L = &in.mu
	go in.run()
	return in
}

// Put queues a note, or, if there is no room for it, marks its room as lost. It
// never blocks and reports whether the note was queued.
func (in *Inbox) Put(note *Note) bool {
	size := note.Size()
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return false
	}
	fits := len(in.queue) < in.notes && in.size+size <= in.bytes
	if fits {
		in.queue = append(in.queue, note)
		in.size += size
	} else {
		in.lost[note.Room] = struct{}{}
	}
	in.wake.Signal()
	return fits
}

// MarkLost has the handler told, behind what is queued now, that notes of these
// rooms may be missing. It never blocks.
func (in *Inbox) MarkLost(rooms ...int32) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed || len(rooms) == 0 {
		return
	}
	for _, room := range rooms {
		in.lost[room] = struct{}{}
	}
	in.wake.Signal()
}

// Close drops what is queued and waits for the handler to return. The handler
// must not call it.
func (in *Inbox) Close() {
	in.mu.Lock()
	in.closed = true
	in.wake.Signal()
	in.mu.Unlock()
	<-in.done
}

func (in *Inbox) run() {
	defer close(in.done)
	var batch []*Note
	for {
		var lost map[int32]struct{}
		var open bool
		batch, lost, open = in.take(batch)
		if !open {
			return
		}
		for i, note := range batch {
			if in.isClosed() {
				return
			}
			in.handler.Deliver(note)
			batch[i] = nil
		}
		for room := range lost {
			if in.isClosed() {
				return
			}
			in.handler.Lost(room)
		}
	}
}

// take waits for something to hand over and returns it; spent is reused as the
// next queue. What is lost was lost behind the returned notes.
func (in *Inbox) take(spent []*Note) (batch []*Note, lost map[int32]struct{}, open bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for !in.closed && len(in.queue) == 0 && len(in.lost) == 0 {
		in.wake.Wait()
	}
	if in.closed {
		return nil, nil, false
	}
	batch, in.queue, in.size = in.queue, spent[:0], 0
	if len(in.lost) > 0 {
		lost, in.lost = in.lost, make(map[int32]struct{})
	}
	return batch, lost, true
}

func (in *Inbox) isClosed() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.closed
}
