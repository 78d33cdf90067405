package compare

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPeopleAreToldHowFarItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rehearse(t, "a", "dead")
		r.Repeats = 1
		if _, err := r.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{
			"4 trials of 2 targets, about 10s in all",
			" 1/4  a, 2 rooms of 5, run 1 of 1: 10,000 joins/s; 100/s: 200 per CPU-second, p99 1.00 ms; 200/s: 400 per CPU-second",
			" 2/4  dead, 2 rooms of 5, run 1 of 1: it does not start: no such program",
			" 3/4  a, 10 idle, run 1 of 1: ",
		} {
			if i >= len(r.told) || !strings.HasPrefix(r.told[i], want) {
				t.Errorf("people are told %q, want %q", r.told, want)
			}
		}
		var doing []string
		for i, p := range r.shown {
			doing = append(doing, p.Doing)
			if p.Trials != 4 || p.Left < 0 || i > 0 && p.Trial == r.shown[i-1].Trial && p.Left > r.shown[i-1].Left {
				t.Errorf("%+v comes after %+v", p, r.shown[max(i-1, 0)])
			}
		}
		want := "starting connecting settling in at 100/s measuring 100/s settling in at 200/s measuring 200/s starting starting connecting resting starting"
		if got := strings.Join(doing, " "); got != want {
			t.Errorf("shown is %s, want %s", got, want)
		}
		if p := r.shown[3]; p.What != "a, 2 rooms of 5, run 1 of 1" || p.Elapsed != time.Millisecond {
			t.Errorf("it measures, and shown is %+v", p)
		}
	})
}

// The estimate goes by how long the first trials took.
func TestTheEstimateLearns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rehearse(t, "a")
		r.Idle, r.Repeats = 0, 3
		r.began, r.trials = time.Now(), r.plan()
		r.came = r.began
		one := r.takes(r.trials[:1])
		if got := r.left(); got != 3*one {
			t.Errorf("at first %v are left, want %v", got, 3*one)
		}
		time.Sleep(3 * one) // it took three times as long
		r.now, r.came = 1, time.Now()
		time.Sleep(one)
		if got := r.left().Round(time.Millisecond); got != (5 * one).Round(time.Millisecond) {
			t.Errorf("then %v are left, want %v", got, 5*one)
		}
		time.Sleep(time.Hour) // it hangs
		if got := r.left(); got != 3*one {
			t.Errorf("at last %v are left, want %v", got, 3*one)
		}
	})
}

func TestAllOfItTakesLessThanTenMinutes(t *testing.T) {
	comparer := &comparer{Options: Defaults()}
	comparer.Targets = Targets("tuitalk-gateway", "peers")
	if took := comparer.takes(comparer.plan()); took > 10*time.Minute || took < 5*time.Minute {
		t.Errorf("it is expected to take %v", took)
	}
}
