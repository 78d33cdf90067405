package recorder

import (
	"time"

	"tuitalk/bench/checker"
	"tuitalk/talk"
)

// Taken notes entries that the store had until it was set back to an older state.
func (r *Recorder) Taken(entries []talk.Entry) {
	at := checker.Micro(time.Now())
	w := r.begin()
	defer r.finish()
	for i := range entries {
		w.Event(checker.Event{Verb: checker.Taken, At: at, Client: -1, Entry: w.Entry(checker.EntryOf(&entries[i]))})
	}
}
