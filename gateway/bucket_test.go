package gateway

import (
	"testing"
	"time"
)

// TestBucketChargedAfterTheFact: a charge is paid by who comes next, up to a bound.
func TestBucketChargedAfterTheFact(t *testing.T) {
	now := time.Unix(1000, 0)
	var b bucket
	b.charge(now, 5, 20, 30, 100)
	if ok, at := b.take(now, 5, 20); ok || at.Sub(now) != 2200*time.Millisecond {
		t.Errorf("after a charge of 30 with a burst of 20: %v, in %v", ok, at.Sub(now))
	}
	b.charge(now, 5, 20, 1e9, 100)
	if ok, at := b.take(now, 5, 20); ok || at.Sub(now) > 21*time.Second {
		t.Errorf("a charge has no bound: %v, in %v", ok, at.Sub(now))
	}
	b.charge(now, 0, 0, 5, 100)
	if ok, _ := b.take(now, 0, 0); !ok {
		t.Error("without a limit somebody must wait")
	}
}
