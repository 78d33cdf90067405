//go:build nightly

package virtualuser

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/scenario"
)

// What else the machine is doing spoils a measurement in real time. So one that is
// wrong counts only if a witness was always woken in time, and only if it happens
// again: what is wrong with the program spoils all of them. A machine that is never
// quiet proves nothing; what is measured of known times is tested by
// TestKnownTimesAreMeasured on any.
const (
	attempts  = 5
	enough    = 2                      // of those that count
	usualLate = 500 * time.Microsecond // of a quiet machine's witness, at most, in 90 of 100 cases
	mostLate  = 5 * time.Millisecond   // ever
)

func retried(t *testing.T, what func() error) {
	t.Helper()
	counted := 0
	for range attempts {
		witness := StartWitness()
		err := what()
		witness.End()
		usual, most := witness.Late(90), witness.Late(100)
		if err == nil {
			return
		}
		t.Logf("once more: %v; the witness was late by %s, at most %s", err, usual, most)
		if usual <= usualLate && most <= mostLate {
			counted++
		}
		if counted == enough {
			t.Error(err)
			return
		}
	}
	t.Skip("the machine is too busy to measure anything in real time")
}

// injected is n times as they would be if nothing but ofRoom took time.
func injected(n int) (all []time.Duration) {
	for i := range n {
		all = append(all, ofRoom(int32(i*pairs/n)))
	}
	return all
}

func TestPercentilesAreTrueWithinOnePercent(t *testing.T) {
	for _, speak := range []scenario.Speech{scenario.Session, scenario.Wire} {
		t.Run(string(speak), func(t *testing.T) {
			retried(t, func() error {
				whole, truth := measured(t, speak, ofRoom, func(*fakeServer, *Group) { time.Sleep(2 * time.Second) })
				t.Logf("%d posts; p50 %s p90 %s p99 %s max %s", whole.Posted, whole.Latency.At(50), whole.Latency.At(90), whole.Latency.At(99), whole.Latency.Max())
				if whole.Delivered < 2*perSecond {
					return fmt.Errorf("only %d deliveries", whole.Delivered)
				}
				return errors.Join(
					compare(&whole.Latency, truth, 50, 90, 99, 100),
					compare(&whole.Latency, injected(len(truth)), 50, 90, 99), // the longest of all is the machine's
				)
			})
		})
	}
}

// share is which part of all times is longer than d.
func share(h *measure.Hist, d time.Duration) float64 {
	for p := 0.0; p <= 100; p += 0.1 {
		if h.At(p) > d {
			return 1 - p/100
		}
	}
	return 0
}

// TestAStallIsMeasured: what falls due while the target stalls for a
// second waits from 1 s down to nothing.
func TestAStallIsMeasured(t *testing.T) {
	const seconds, stall = 3, time.Second
	const usual = 100 * time.Millisecond // of which loopback is no 1%
	quick := func(int32) time.Duration { return usual }
	retried(t, func() error {
		whole, truth := measured(t, scenario.Session, quick, func(f *fakeServer, _ *Group) {
			f.mu.Lock()
			f.stall = [2]time.Time{time.Now().Add(time.Second), time.Now().Add(time.Second + stall)}
			f.mu.Unlock()
			time.Sleep(seconds * time.Second)
		})
		if err := compare(&whole.Latency, truth, 50, 90, 99, 100); err != nil {
			return err
		}
		for _, d := range []time.Duration{stall / 4, stall / 2, 3 * stall / 4} {
			want := float64(stall+usual-d) / float64(seconds*time.Second)
			if got := share(&whole.Latency, d); math.Abs(got-want) > 0.02 {
				return fmt.Errorf("%.3f of all waited for more than %s, want %.3f", got, d, want)
			}
		}
		return nil
	})
}

// TestOwnLagIsMeasured: what falls due while the generator itself hangs is
// late, and is charged as latency, but not as service.
func TestOwnLagIsMeasured(t *testing.T) {
	const seconds, hang = 2, 500 * time.Millisecond
	quick := func(int32) time.Duration { return time.Millisecond }
	retried(t, func() error {
		whole, _ := measured(t, scenario.Wire, quick, func(_ *fakeServer, s *Group) {
			time.Sleep(500 * time.Millisecond)
			s.loops[0].mu.Lock()
			time.Sleep(hang)
			s.loops[0].mu.Unlock()
			time.Sleep(time.Second)
		})
		want := float64(hang/2) / float64(seconds*time.Second)
		for what, h := range map[string]*measure.Hist{"late": &whole.Late, "latency": &whole.Latency} {
			if got := share(h, hang/2); math.Abs(got-want) > 0.03 {
				return fmt.Errorf("%s: %.3f above %s, want %.3f", what, got, hang/2, want)
			}
		}
		if got := whole.Service.At(99); got > hang/5 {
			return fmt.Errorf("service: p99 is %s", got)
		}
		if measure.Bottleneck(whole) == "" {
			return fmt.Errorf("the generator was not the bottleneck")
		}
		return nil
	})
}
