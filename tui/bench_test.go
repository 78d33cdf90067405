package tui

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"tuitalk/talk"
)

// longLog is a stay with n messages of 80 bytes.
func longLog(t testing.TB, n, w, h int) *stay {
	s := online(t, w, h)
	for i := range n {
		text := fmt.Sprintf("%07d ", i)
		text += strings.Repeat("lorem ipsum ", 7)[:80-len(text)]
		s.now = noon.Add(time.Duration(i) * time.Second)
		s.says([]talk.Member{bob, cleo}[i/5%2], text)
	}
	s.frame()
	return s
}

// BenchmarkKeyToFrame is what a key costs until its frame is written, on a
// large screen with 100,000 messages: typing, and scrolling.
func BenchmarkKeyToFrame(b *testing.B) {
	s := longLog(b, 100_000, 200, 60)
	screen, tty := openTty(b)
	for name, keys := range map[string][]string{
		"type":   {"a", "b", " ", "Backspace"},
		"scroll": {"PgUp", "PgUp", "PgDn", "S-Up"},
		"jump":   {"C-Home", "C-End"},
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			i := 0
			for b.Loop() {
				start := time.Now()
				s.update(keyNamed(keys[i%len(keys)]))
				s.do(s.model.Settle())
				s.model.View(&s.grid)
				screen.Draw(&s.grid)
				took = append(took, time.Since(start))
				i++
				tty.taken()
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkMessage is what a message costs in a long log, without its share of
// a frame.
func BenchmarkMessage(b *testing.B) {
	s := longLog(b, 100_000, 120, 40)
	b.ReportAllocs()
	for b.Loop() {
		s.says(bob, "one more message, neither long nor short")
	}
}

// BenchmarkFrame draws a full screen of which nothing has changed.
func BenchmarkFrame(b *testing.B) {
	s := longLog(b, 1000, 200, 60)
	b.ReportAllocs()
	for b.Loop() {
		s.do(s.model.Settle())
		s.model.View(&s.grid)
	}
}

// TestLongLogIsSmall holds the memory of 100,000 messages of 80 bytes.
func TestLongLogIsSmall(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := longLog(t, 100_000, 120, 40)
	for range 2000 { // look at some of it
		s.press("PgUp")
		s.do(s.model.Settle())
		s.model.View(&s.grid)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := (after.HeapAlloc - before.HeapAlloc) >> 20; n > 36 {
		t.Errorf("%d MiB are live", n)
	}
	runtime.KeepAlive(s)
}
