package fanouttest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"tuitalk/fanout"
)

// patience is how long a test waits for what must happen. It only ends a test
// that would hang.
const patience = time.Minute

// Recorder is a Handler that keeps what it is given.
type Recorder struct {
	Entered chan struct{} // receives at the start of each Deliver while Hold is set

	mu    sync.Mutex
	news  sync.Cond
	notes map[int32][]*fanout.Note
	count int
	lost  map[int32]int
	gate  chan struct{} // Deliver waits until it is closed
	busy  int           // calls under way
	rooms map[int32]bool
	wrong []string // breaches of the contract
}

var _ fanout.Handler = (*Recorder)(nil)

// NewRecorder returns an empty recorder.
func NewRecorder() *Recorder {
	r := &Recorder{
		Entered: make(chan struct{}, 1),
		notes:   make(map[int32][]*fanout.Note),
		lost:    make(map[int32]int),
		rooms:   make(map[int32]bool),
	}
	r.news.L = &r.mu
	return r
}

// Deliver implements fanout.Handler.
func (r *Recorder) Deliver(note *fanout.Note) {
	r.enter(note.Room)
	defer r.leave(note.Room)
	r.mu.Lock()
	gate := r.gate
	r.mu.Unlock()
	if gate != nil {
		select {
		case r.Entered <- struct{}{}:
		default:
		}
		<-gate
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes[note.Room] = append(r.notes[note.Room], note)
	r.count++
	r.news.Broadcast()
}

// Lost implements fanout.Handler.
func (r *Recorder) Lost(room int32) {
	r.enter(room)
	defer r.leave(room)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost[room]++
	r.news.Broadcast()
}

func (r *Recorder) enter(room int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy++
	if r.rooms[room] {
		r.wrong = append(r.wrong, fmt.Sprintf("two calls at once for room %d", room))
	}
	r.rooms[room] = true
}

func (r *Recorder) leave(room int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy--
	delete(r.rooms, room)
}

// Hold makes every Deliver wait until the returned function is called.
func (r *Recorder) Hold() (release func()) {
	gate := make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gate = gate
	return sync.OnceFunc(func() {
		r.mu.Lock()
		r.gate = nil
		r.mu.Unlock()
		close(gate)
	})
}

// Busy tells how many calls are under way.
func (r *Recorder) Busy() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.busy
}

// Notes returns the notes of a room so far.
func (r *Recorder) Notes(room int32) []*fanout.Note {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*fanout.Note(nil), r.notes[room]...)
}

// Count returns the number of notes of all rooms so far.
func (r *Recorder) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// LostCount returns how often a room was reported lost.
func (r *Recorder) LostCount(room int32) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost[room]
}

// Await waits until done, which is called under the recorder's lock and may
// look at notes and lost, returns true.
func (r *Recorder) await(t testing.TB, what string, done func() bool) {
	t.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		late = true
		r.news.Broadcast()
	})
	defer timer.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !done() {
		if late {
			t.Fatalf("still waiting for %s; %d notes so far", what, r.count)
		}
		r.news.Wait()
	}
}

// AwaitNotes waits for so many notes of a room and returns them.
func (r *Recorder) AwaitNotes(t testing.TB, room int32, n int) []*fanout.Note {
	t.Helper()
	r.await(t, fmt.Sprintf("note %d of room %d", n, room), func() bool { return len(r.notes[room]) >= n })
	return r.Notes(room)
}

// AwaitCount waits for so many notes of all rooms together.
func (r *Recorder) AwaitCount(t testing.TB, n int) {
	t.Helper()
	r.await(t, fmt.Sprintf("%d notes", n), func() bool { return r.count >= n })
}

// AwaitTold waits until as many rooms have a note or were reported lost.
func (r *Recorder) AwaitTold(t testing.TB, rooms int) {
	t.Helper()
	r.await(t, fmt.Sprintf("news of %d rooms", rooms), func() bool { return len(r.notes)+len(r.lost) >= rooms })
}

// AwaitSeq waits for a note of a room with an entry, and that it is the last one.
func (r *Recorder) AwaitSeq(t testing.TB, room int32, seq int64) {
	t.Helper()
	r.await(t, fmt.Sprintf("entry %d of room %d", seq, room), func() bool {
		notes := r.notes[room]
		return len(notes) > 0 && notes[len(notes)-1].Entries[0].Seq == seq
	})
}

// AwaitLost waits until a room was reported lost more than so many times.
func (r *Recorder) AwaitLost(t testing.TB, room int32, more int) {
	t.Helper()
	r.await(t, fmt.Sprintf("room %d to be lost", room), func() bool { return r.lost[room] > more })
}

// Check reports breaches of the contract that a handler can see.
func (r *Recorder) Check(t testing.TB) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, wrong := range r.wrong {
		t.Error(wrong)
	}
}
