package measure

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestHistIsWithinAThousandth(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var h Hist
	var all []time.Duration
	for range 50_000 {
		d := time.Duration(rng.ExpFloat64() * float64(20*time.Millisecond)).Round(time.Microsecond)
		d = max(d, time.Microsecond)
		all = append(all, d)
		h.Record(d, 1)
	}
	slices.Sort(all)
	for _, p := range []float64{10, 50, 90, 99, 99.9, 100} {
		want := all[int(math.Round(p/100*float64(len(all))))-1]
		if got := h.At(p); float64((got - want).Abs()) > 0.002*float64(want)+float64(2*time.Microsecond) {
			t.Errorf("percentile %v: %s, want %s", p, got, want)
		}
	}
	if h.Count() != 50_000 {
		t.Errorf("%d recorded", h.Count())
	}
}

func TestHistOfExtremes(t *testing.T) {
	var h Hist
	if h.At(50) != 0 || h.Max() != 0 || h.Count() != 0 {
		t.Error("the empty one is not")
	}
	h.Record(-time.Second, 1) // clocks that differ
	h.Record(time.Hour, 1)
	if h.Count() != 2 || h.At(0) > 2*time.Microsecond || h.Max() < longestTime()*999/1000 {
		t.Errorf("%d recorded, from %s to %s", h.Count(), h.At(0), h.Max())
	}
}

func longestTime() time.Duration { return time.Duration(longest) * time.Microsecond }

// randomSample is a sample with something in every field.
func randomSample(rng *rand.Rand) Sample {
	var s Sample
	v := reflect.ValueOf(&s.Counts).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Int64 {
			f.SetInt(rng.Int64N(1000) + 1)
		}
	}
	s.At = 1000 + rng.Int64N(100)
	s.Errors = map[string]int64{"a": rng.Int64N(10) + 1, "b": 1}
	s.Gauges = Gauges{Open: rng.IntN(50) + 1, Inside: rng.IntN(50) + 1, Nodes: map[string]int{"n": rng.IntN(9) + 1}}
	s.Self = Self{CPU: rng.Float64(), Busy: rng.Float64(), RSS: rng.Int64N(1 << 30), Files: rng.IntN(100), MaxOpen: 200}
	for _, h := range []*Hist{&s.Latency, &s.Service, &s.Stored, &s.Late, &s.Joined} {
		for range rng.IntN(100) + 1 {
			h.Record(time.Duration(rng.Int64N(int64(time.Second))), rng.Int64N(3)+1)
		}
	}
	return s
}

func TestSamplesGoThroughJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 20 {
		want := randomSample(rng)
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Sample
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != string(again) {
			t.Fatalf("%s\nbecame\n%s", text, again)
		}
		if got.Counts.Stored != want.Counts.Stored || got.Stored.Count() != want.Stored.Count() || got.Latency.At(99) != want.Latency.At(99) {
			t.Fatalf("%+v became %+v", want, got)
		}
	}
	var h Hist
	if err := h.UnmarshalText([]byte("no histogram")); err == nil {
		t.Error("anything is a histogram")
	}
}

// TestMergedHistsLoseNothing: adding is the same as recording all in one.
func TestMergedHistsLoseNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var whole, sum Hist
	for range 10 {
		var part Hist
		for range 1000 {
			d := time.Duration(rng.Int64N(int64(longestTime())))
			part.Record(d, 1)
			whole.Record(d, 1)
		}
		sum.Add(&part)
	}
	sum.Add(&Hist{})
	a, errA := whole.MarshalText()
	b, errB := sum.MarshalText()
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("the sum of the parts is not the whole (%v, %v)", errA, errB)
	}
}

func TestSamplesOfTwoWorkers(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	a, b := randomSample(rng), randomSample(rng)
	a.Self.Files, a.Self.MaxOpen, b.Self.Files, b.Self.MaxOpen = 90, 100, 100, 1000
	var sum Sample
	sum.Add(&a)
	sum.Add(&b)
	va, vb, vs := reflect.ValueOf(a.Counts), reflect.ValueOf(b.Counts), reflect.ValueOf(sum.Counts)
	for i := range va.NumField() {
		if name := va.Type().Field(i).Name; va.Field(i).Kind() == reflect.Int64 && vs.Field(i).Int() != va.Field(i).Int()+vb.Field(i).Int() {
			t.Errorf("%s: %d, of %d and %d", name, vs.Field(i).Int(), va.Field(i).Int(), vb.Field(i).Int())
		}
	}
	if sum.Errors["a"] != a.Errors["a"]+b.Errors["a"] || sum.Nodes["n"] != a.Nodes["n"]+b.Nodes["n"] || sum.Open != a.Open+b.Open {
		t.Errorf("%+v", sum)
	}
	self := Self{CPU: a.Self.CPU + b.Self.CPU, Busy: max(a.Self.Busy, b.Self.Busy), RSS: a.Self.RSS + b.Self.RSS, Files: 90, MaxOpen: 100}
	if sum.Self != self || sum.At != min(a.At, b.At) {
		t.Errorf("%+v at %d, want %+v", sum.Self, sum.At, self)
	}
	for _, h := range [][3]*Hist{
		{&a.Latency, &b.Latency, &sum.Latency}, {&a.Service, &b.Service, &sum.Service}, {&a.Stored, &b.Stored, &sum.Stored},
		{&a.Late, &b.Late, &sum.Late}, {&a.Joined, &b.Joined, &sum.Joined},
	} {
		if h[2].Count() != h[0].Count()+h[1].Count() {
			t.Errorf("%d of %d and %d", h[2].Count(), h[0].Count(), h[1].Count())
		}
	}
}

func TestSamplesOfTwoSeconds(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	a, b := randomSample(rng), randomSample(rng)
	var whole Sample
	whole.Follow(&a)
	whole.Follow(&b)
	if whole.Posted != a.Posted+b.Posted || whole.Latency.Count() != a.Latency.Count()+b.Latency.Count() {
		t.Errorf("%+v", whole.Counts)
	}
	if whole.At != a.At || whole.Open != b.Open || whole.Inside != b.Inside || whole.Nodes["n"] != b.Nodes["n"] {
		t.Errorf("%+v at %d", whole.Gauges, whole.At)
	}
	if whole.Self.CPU != max(a.Self.CPU, b.Self.CPU) || whole.Self.RSS != max(a.Self.RSS, b.Self.RSS) {
		t.Errorf("%+v", whole.Self)
	}
	whole.Nodes["n"] = -1
	if b.Nodes["n"] == -1 {
		t.Error("the whole shares its nodes with a second")
	}
}
