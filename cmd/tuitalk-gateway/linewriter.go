package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// lineBuffer is the most, in bytes, that waits for whoever reads the output.
	lineBuffer = 256 << 10
	// flushTimeout is how long the end of the program waits for a reader.
	flushTimeout = 2 * time.Second
)

// lineWriter is an io.Writer that never blocks, whatever is behind it: a pipe
// whose reader stalls must not hold up who logs. One goroutine writes what is
// buffered. What finds the buffer full is dropped, counted, and reported in a
// line of its own as soon as there is a reader again.
//
// Each Write MUST be whole lines. It may be called from any goroutine, under any
// lock.
type lineWriter struct {
	out     io.Writer
	limit   int           // bytes buffered at most
	wake    chan struct{} // holds one: there is something to do
	done    chan struct{} // closed when the goroutine has ended
	dropped atomic.Uint64 // lines, since the start

	mu     sync.Mutex
	buf    []byte
	missed uint64 // lines dropped behind buf
	closed bool
	notice func(missed uint64) []byte // the line that reports them
}

var _ io.Writer = (*lineWriter)(nil)

func newLineWriter(out io.Writer, limit int) *lineWriter {
	w := &lineWriter{out: out, limit: limit, wake: make(chan struct{}, 1), done: make(chan struct{}), notice: plainNotice}
	go w.run()
	return w
}

func plainNotice(missed uint64) []byte {
	return fmt.Appendf(nil, "tuitalk-gateway: %d lines are missing here, nobody read them in time\n", missed)
}

// report sets how dropped lines are reported.
func (w *lineWriter) report(notice func(missed uint64) []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notice = notice
}

// Write buffers whole lines or drops them all; it always succeeds. After a drop
// everything is dropped until the goroutine has caught up, so that what is
// missing is missing at one place.
func (w *lineWriter) Write(lines []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.missed > 0 || len(w.buf)+len(lines) > w.limit {
		w.drop(lines)
	} else {
		w.buf = append(w.buf, lines...)
	}
	w.signal()
	return len(lines), nil
}

// drop counts lines that nobody will see. Call with mu held.
func (w *lineWriter) drop(lines []byte) {
	n := uint64(bytes.Count(lines, []byte{'\n'}))
	w.missed += n
	w.dropped.Add(n)
}

func (w *lineWriter) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take empties the buffer. The report on what was dropped comes behind it.
func (w *lineWriter) take(spare []byte) (batch []byte, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	batch, w.buf = w.buf, spare[:0]
	if w.missed > 0 {
		batch = append(batch, w.notice(w.missed)...)
		w.missed = 0
	}
	return batch, w.closed
}

// run writes until close. A reader that has gone costs the lines of the batch.
func (w *lineWriter) run() {
	defer close(w.done)
	var spare []byte
	for range w.wake {
		batch, closed := w.take(spare)
		if n, err := w.out.Write(batch); err != nil {
			w.mu.Lock()
			w.drop(batch[n:])
			w.mu.Unlock()
		}
		if closed {
			return
		}
		spare = batch
	}
}

// close writes what is buffered, for at most so long, and takes no more lines.
func (w *lineWriter) close(most time.Duration) {
	w.mu.Lock()
	w.closed = true
	w.signal()
	w.mu.Unlock()
	end := time.NewTimer(most)
	defer end.Stop()
	select {
	case <-w.done:
	case <-end.C: // it still writes, and ends with the process
	}
}
