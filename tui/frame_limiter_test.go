package tui

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	var p frameLimiter
	now := noon
	if p.wait(now, false) != 0 {
		t.Error("the first frame waits")
	}
	p.drew(now)
	if p.wait(now, true) != 0 {
		t.Error("a key waits after one frame")
	}
	if got := p.wait(now.Add(5*time.Millisecond), false); got != quietFrames-5*time.Millisecond {
		t.Errorf("others' messages wait %v", got)
	}
	if p.wait(now.Add(quietFrames), false) != 0 {
		t.Error("others' messages wait too long")
	}
}

// TestPaceIsBounded asks for frames without end: no second has more than 60.
func TestPaceIsBounded(t *testing.T) {
	for _, urgent := range []bool{true, false} {
		var p frameLimiter
		var drawn []time.Time
		now := noon
		for now.Before(noon.Add(5 * time.Second)) {
			if wait := p.wait(now, urgent); wait > 0 {
				now = now.Add(wait)
				continue
			}
			p.drew(now)
			drawn = append(drawn, now)
			now = now.Add(time.Microsecond)
		}
		for i := maxFrames; i < len(drawn); i++ {
			if d := drawn[i].Sub(drawn[i-maxFrames]); d < time.Second {
				t.Fatalf("urgent %v: %d frames in %v", urgent, maxFrames+1, d)
			}
		}
		if n := len(drawn); n < 150 {
			t.Errorf("urgent %v: only %d frames in 5 s", urgent, n)
		}
	}
}
