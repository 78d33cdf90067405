package app

import (
	"strings"
	"testing"
)

// What a frame costs while messages stream in: the window is full, one message
// is new and one row leaves.
func BenchmarkFrameWithOneNewMessage(b *testing.B) {
	s := benchStage(b)
	var p Patch
	for b.Loop() {
		s.say(ada, "ada", "one more line of ordinary length, as people write them")
		p.Reset()
		s.app.Frame(s.now, &p)
	}
}

// What a message costs that comes within the same frame as others.
func BenchmarkArrival(b *testing.B) {
	s := benchStage(b)
	for b.Loop() {
		s.say(ada, "ada", "one more line of ordinary length, as people write them")
	}
}

// What a frame costs that finds nothing to change in a full window.
func BenchmarkFrameWithoutChange(b *testing.B) {
	s := benchStage(b)
	var p Patch
	for b.Loop() {
		s.app.stale |= partRows
		p.Reset()
		s.app.Frame(s.now, &p)
	}
}

func benchStage(b *testing.B) *stage {
	b.Helper()
	s := newStage(b, nil)
	s.open(100)
	for range 1000 {
		s.say(ada, "ada", strings.Repeat("word ", 12))
	}
	s.frame()
	b.ReportAllocs()
	return s
}
