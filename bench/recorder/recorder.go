package recorder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/talk"
)

const (
	pieceSize = 256 << 10 // so much is written at once
	maxBehind = 64 << 20  // so much may wait to be written
)

// ErrBehind says that a recording was given up.
var ErrBehind = errors.New("the disk is too slow for the recording")

// Recorder is one recording.
type Recorder struct {
	mu     sync.Mutex
	w      *checker.Writer
	behind bool   // too much waits: nothing is taken any more
	closed bool   // no more is taken, and
	last   []byte // is the last that is to be written

	out  io.Writer     // owned by write
	wake chan struct{} // there is something to write, or closed is set
	done chan struct{} // write has ended
	err  error         // of write; to be read after done
}

// New begins a recording. out stays the caller's, who closes it after Close.
func New(out io.Writer) *Recorder {
	r := &Recorder{w: checker.NewWriter(), out: out, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go r.write()
	return r
}

// write carries pieces to out until the recording is closed.
func (r *Recorder) write() {
	defer close(r.done)
	var spare []byte
	for closed := false; !closed; {
		<-r.wake
		r.mu.Lock()
		piece := r.last
		if closed = r.closed; !closed {
			piece = r.w.Take(spare)
		}
		r.mu.Unlock()
		if r.err == nil {
			_, r.err = r.out.Write(piece)
		}
		spare = piece
	}
}

func (r *Recorder) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// begin locks the recording for writing; the caller calls finish.
func (r *Recorder) begin() *checker.Writer {
	r.mu.Lock()
	return r.w
}

func (r *Recorder) finish() {
	size := r.w.Len()
	r.behind = r.behind || size > maxBehind
	if r.behind || r.closed {
		_ = r.w.Take(nil) // nothing fits behind the end, or behind what is missing
	}
	r.mu.Unlock()
	if size > pieceSize {
		r.signal()
	}
}

// Close ends the recording and says whether all of it was written.
func (r *Recorder) Close() error {
	r.mu.Lock()
	if !r.closed && !r.behind {
		r.w.Finish()
		r.last = r.w.Take(nil)
	}
	r.closed = true
	behind := r.behind
	r.mu.Unlock()
	r.signal()
	<-r.done
	switch {
	case r.err != nil:
		return fmt.Errorf("write the recording: %w", r.err)
	case behind:
		return fmt.Errorf("write the recording: %w", ErrBehind)
	}
	return nil
}

// put writes an event of no client.
func (r *Recorder) put(e checker.Event) {
	e.At, e.Client = checker.Micro(time.Now()), -1
	w := r.begin()
	w.Event(e)
	r.finish()
}

// Fault marks a fault. evidence says how it is known that it took hold, or why
// not. The number is for FaultOver.
func (r *Recorder) Fault(at time.Time, what string, held bool, evidence string) (fault int) {
	w := r.begin()
	defer r.finish()
	return w.Fault(checker.Fault{What: what, Evidence: evidence, Held: held, At: checker.Micro(at)})
}

// FaultOver marks the moment at which a fault was undone.
func (r *Recorder) FaultOver(fault int, at time.Time) {
	w := r.begin()
	defer r.finish()
	w.FaultOver(fault, checker.Micro(at))
}

// Outsider names a user who writes to the rooms of the run and has no Client.
func (r *Recorder) Outsider(user talk.UUID) {
	r.put(checker.Event{Verb: checker.Outsider, ID: user})
}

// Head notes that a room's store has entries up to seq: they are owed to those
// who are there.
func (r *Recorder) Head(room int32, seq int64) {
	r.put(checker.Event{Verb: checker.Head, Room: room, Seq: seq})
}

// Truth notes the entries of a room behind after, all of them, as the store or
// its history has them. It may be called several times for a room, with what
// different sources say.
func (r *Recorder) Truth(room int32, after int64, entries []talk.Entry) {
	r.put(checker.Event{Verb: checker.Reading, Room: room, Seq: after})
	r.kept(entries)
}

func (r *Recorder) kept(entries []talk.Entry) {
	at := checker.Micro(time.Now())
	w := r.begin()
	defer r.finish()
	for i := range entries {
		w.Event(checker.Event{Verb: checker.Kept, At: at, Client: -1, Entry: w.Entry(checker.EntryOf(&entries[i]))})
	}
}

// Source is what ReadStore reads: a history.Store is one.
type Source interface {
	// After returns up to limit entries of the room with seq > after, ascending.
	After(ctx context.Context, room int32, after int64, limit int) ([]talk.Entry, error)
}

// readPage is how many entries are read at once.
const readPage = 1000

// ReadStore notes the whole log of a room behind after.
func (r *Recorder) ReadStore(ctx context.Context, store Source, room int32, after int64) error {
	r.put(checker.Event{Verb: checker.Reading, Room: room, Seq: after})
	for {
		page, err := store.After(ctx, room, after, readPage)
		if err != nil {
			return fmt.Errorf("read room %d behind %d: %w", room, after, err)
		}
		if len(page) == 0 {
			return nil
		}
		last := page[len(page)-1].Seq
		if last <= after {
			return fmt.Errorf("read room %d behind %d: the store does not get on", room, after)
		}
		r.kept(page)
		after = last
	}
}
