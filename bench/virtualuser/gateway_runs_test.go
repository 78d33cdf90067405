//go:build integration

package virtualuser_test

import (
	"testing"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/scenario"
)

// TestStorm: two thousand clients talk; then all lose their lines at once.
func TestStorm(t *testing.T) {
	tg := startTarget(t)
	sc := crowd(2000, 20)
	sc.Check = true
	r := begin(t, tg, sc)
	if r.whole.Inside != 2000 || r.whole.Open != 2000 || r.whole.Nodes["gateway"] != 2000 || r.whole.Counts.Joins != 2000 {
		t.Errorf("after Connect: %+v %+v", r.whole.Gauges, r.whole.Counts)
	}
	r.last(4) // so that everybody may come back at once
	if got := r.group.Outages(); len(got) != 0 && r.calm() {
		t.Errorf("outages without a reason: %v", got[0])
	}
	r.group.Storm()
	r.last(4)
	r.settle()
	r.sound()
	if r.whole.Lost < 2000 || r.whole.Lost > 2000 && r.calm() || r.whole.Joins < 4000 {
		t.Errorf("%d lines lost, %d joins", r.whole.Lost, r.whole.Joins)
	}
	if got, want := r.whole.Delivered, 100*r.whole.Posted; got != want {
		t.Errorf("%d deliveries, want %d: what was missed is shown later", got, want)
	}
	outages := r.group.Outages()
	if len(outages) < 2000 || len(outages) > 2000 && r.calm() {
		t.Errorf("%d outages", len(outages))
	}
	for _, o := range outages {
		if o.Opened.IsZero() && !r.calm() {
			continue // it was suspected only
		}
		if o.Node != "gateway" || o.Detected.Before(o.Lost) || !o.Opened.After(o.Detected) || !o.Joined.After(o.Opened) || o.CaughtUp.Before(o.Joined) {
			t.Fatalf("%+v", o)
		}
	}
}

func TestPeopleWhoComeAndGo(t *testing.T) {
	tg := startTarget(t)
	sc := crowd(2000, 20)
	sc.Check, sc.Hops, sc.Renames, sc.Returns, sc.Fetches, sc.Rate = true, 40, 40, 40, 40, 60
	r := begin(t, tg, sc)
	r.last(6)
	r.settle()
	r.sound()
	if r.whole.Fetched == 0 || r.whole.Joins < 2100 {
		t.Errorf("too little happened: %+v", r.whole.Counts)
	}
	if names := r.lived(checker.Named); names < 2100 {
		t.Errorf("%d clients had %d names", 2000, names)
	}
	if got := r.group.Outages(); len(got) != 0 && r.calm() {
		t.Errorf("outages without a reason: %d, %+v", len(got), got[0])
	}
}

func TestWire(t *testing.T) {
	tg := startTarget(t)
	sc := crowd(1000, 10)
	sc.Speak, sc.Hops, sc.Fetches = scenario.Wire, 20, 20
	r := begin(t, tg, sc)
	r.last(4)
	r.group.Storm()
	r.last(3)
	r.settle()
	c := r.whole.Counts
	t.Logf("%+v", c)
	outages := int64(len(r.group.Outages()))
	if c.Posted == 0 || c.Stored != c.Posted || c.Fetched == 0 || min(c.Lost, outages) < 1000 || max(c.Lost, outages) > 1000 && r.calm() {
		t.Errorf("%+v, %d outages", c, outages)
	}
}

func TestSlowReaders(t *testing.T) {
	t.Parallel()
	tg := startTarget(t)
	sc := crowd(200, 2)
	sc.Check, sc.Slow, sc.SlowBytes, sc.Rate, sc.Size = true, 0.1, 2000, 50, 1000
	r := begin(t, tg, sc)
	r.last(4)
	before := r.whole.Delivered
	if most := 100 * r.whole.Posted; before >= most*95/100 {
		t.Errorf("%d of %d deliveries: nobody is slow", before, most)
	}
	r.settle()
	r.sound()
	if got, want := r.whole.Delivered, 100*r.whole.Posted; got != want {
		t.Errorf("%d deliveries, want %d: slow readers read on after Hush", got, want)
	}
	if got, want := r.whole.Latency.Count(), 90*r.whole.Posted; got != want {
		t.Errorf("%d latencies, want %d: those of slow readers are their own", got, want)
	}
}

// TestAFrozenGateway: a line that goes silent is lost when it was heard last, and
// detected when the session gives it up.
func TestAFrozenGateway(t *testing.T) {
	t.Parallel()
	tg := startTarget(t)
	sc := crowd(200, 2)
	sc.Check = true
	r := begin(t, tg, sc)
	r.last(3)
	frozen := time.Now()
	if err := tg.gateway.Freeze(); err != nil {
		t.Fatal(err)
	}
	r.last(9)
	for end := time.Now().Add(patience); r.whole.Inside > 0; r.last(1) {
		if time.Now().After(end) {
			t.Fatalf("%d clients believe to be inside", r.whole.Inside)
		}
	}
	thawed := time.Now()
	if err := tg.gateway.Thaw(); err != nil {
		t.Fatal(err)
	}
	r.last(3)
	r.settle()
	r.sound()
	first := map[int]bool{} // the gateway may still close a line that speaks again
	for _, o := range r.group.Outages() {
		if first[o.Client] {
			continue
		}
		first[o.Client] = true
		if o.Lost.After(frozen.Add(time.Second+r.witness.Late(100))) || o.Detected.Sub(o.Lost) < 5*time.Second || o.Detected.After(thawed) ||
			o.Joined.Before(thawed) || o.CaughtUp.Before(o.Joined) || o.Node != "gateway" {
			t.Fatalf("frozen at %s, thawed at %s: %+v", frozen, thawed, o)
		}
	}
	if len(first) != 200 {
		t.Errorf("%d clients had outages", len(first))
	}
}
