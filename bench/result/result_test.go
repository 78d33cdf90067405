package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/measure"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update writes it anew); got\n%s", path, got)
	}
}

func text(t *testing.T, write func(*bytes.Buffer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func summaryOf(t *testing.T, r *Result, color bool) string {
	t.Helper()
	return text(t, func(b *bytes.Buffer) error { return r.Summary(b, color) })
}

func TestReadGivesWhatWasWritten(t *testing.T) {
	r := demo()
	r.Checked.Counts[checker.Reordered] = 3
	r.Checked.Violations = []checker.Violation{{Kind: checker.Reordered, What: "it was", Story: []string{"so"}}}
	written := text(t, func(b *bytes.Buffer) error { return r.Write(b) })
	got, err := Read(strings.NewReader(written))
	if err != nil {
		t.Fatal(err)
	}
	if again := text(t, func(b *bytes.Buffer) error { return got.Write(b) }); again != written {
		t.Error("what was read is written otherwise")
	}
	if !reflect.DeepEqual(got.Checked, r.Checked) || !reflect.DeepEqual(got.Faults, r.Faults) {
		t.Errorf("read %+v, %+v", got.Checked, got.Faults)
	}
	if a, b := got.Whole.Counts, r.Whole.Counts; !reflect.DeepEqual(a, b) {
		t.Errorf("read the counts %+v, written were %+v", a, b)
	}
	for _, p := range Percentiles {
		if a, b := got.Seconds[31].Latency.At(p), r.Seconds[31].Latency.At(p); a != b {
			t.Errorf("read a p%v of %v, written was %v", p, a, b)
		}
		if a, b := got.Whole.Stored.At(p), r.Whole.Stored.At(p); a != b {
			t.Errorf("read a p%v of stored of %v, written was %v", p, a, b)
		}
	}
	c := demoComparison()
	written = text(t, func(b *bytes.Buffer) error { return c.Write(b) })
	if got, err := ReadComparison(strings.NewReader(written)); err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("read %+v, %v", got, err)
	}
}

// A run of three hours must fit into memory when it is read again.
func TestLongResultIsSmallInMemory(t *testing.T) {
	r := demo()
	for len(r.Seconds) < 500 {
		r.Seconds = append(r.Seconds, r.Seconds[len(r.Seconds)%60])
	}
	written := text(t, func(b *bytes.Buffer) error { return r.Write(b) })
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	got, err := Read(strings.NewReader(written))
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / 500; each > 8<<10 {
		t.Errorf("a second takes %d bytes", each)
	}
	h := &got.Seconds[31].Latency
	if h.Record(time.Second, 1); h.Count() != 9901 || h.Max() < time.Second {
		t.Error("what was read cannot be added to")
	}
	if err := h.Pack(); err != nil || h.Count() != 9901 || h.Max() < time.Second {
		t.Errorf("packed, it is another: %v", err)
	}
}

func TestReadRefusesInASentence(t *testing.T) {
	r := demo()
	whole := text(t, func(b *bytes.Buffer) error { return r.Write(b) })
	later, err := json.Marshal(map[string]any{"version": 7, "seconds": "otherwise"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, file, want string }{
		{"empty", "", "read the result: the file is empty"},
		{"cut off", whole[:len(whole)/2], "read the result: the file is cut off"},
		{"cut off at the end", strings.TrimSpace(whole)[:len(whole)-3], "read the result: the file is cut off"},
		{"later", string(later), "read the result: the file has version 7 of the form, and this program knows only version 1"},
		{"without a version", "{}", "read the result: the file has version 0 of the form, and this program knows only version 1"},
		{"no object", "[1]", "read the result: json: "},
		{"no JSON", "<html>", "read the result: invalid character"},
		{"a bad histogram", `{"version":1,"whole":{"latency":"xx"}}`, "read the result: "},
		{"an unknown kind", `{"version":1,"checked":{"Counts":{"eaten":1}}}`, "read the result: "},
	} {
		if _, err := Read(strings.NewReader(c.file)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := ReadComparison(strings.NewReader(`{"version":2}`)); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("a later comparison: %v", err)
	}
}

func TestSummary(t *testing.T) {
	golden(t, "summary.txt", summaryOf(t, demo(), false))
	golden(t, "faults.md", text(t, func(b *bytes.Buffer) error { return demo().FaultsMarkdown(b) }))
	golden(t, "load.md", text(t, func(b *bytes.Buffer) error { return LoadMarkdown(b, demo(), slowGenerator()) }))
	golden(t, "compare.md", text(t, func(b *bytes.Buffer) error { return demoComparison().Markdown(b) }))
	golden(t, "compare.txt", text(t, func(b *bytes.Buffer) error { return demoComparison().Summary(b, false) }))
	if colored := summaryOf(t, demo(), true); strings.Count(colored, "\x1b[") < 4 {
		t.Error("a coloured summary has no colours")
	}
	if empty := summaryOf(t, &Result{}, false); strings.Contains(empty, "NaN") || !strings.Contains(empty, "not recorded") {
		t.Errorf("the summary of nothing: %s", empty)
	}
}

func slowGenerator() *Result {
	r := demo()
	r.Bottleneck = "its loop was busy for 97% of a second"
	return r
}

func TestNoTimesWhenTheGeneratorWasTheBottleneck(t *testing.T) {
	r := slowGenerator()
	all := summaryOf(t, r, false) + text(t, func(b *bytes.Buffer) error { return r.FaultsMarkdown(b) })
	for _, c := range r.Check(Thresholds{MaxP50: time.Hour, MaxP99: time.Hour, MaxLatency: time.Hour, MaxBlackout: time.Hour}) {
		all += c.Why + "\n"
		if c.Passed && (strings.Contains(c.Name, "latency") || strings.Contains(c.Name, "blackout") || strings.Contains(c.Name, "kept up")) {
			t.Errorf("%q passed", c.Name)
		}
	}
	if strings.Contains(all, " ms") || strings.Count(all, "the generator was the bottleneck: its loop was busy") < 5 {
		t.Errorf("times are told:\n%s", all)
	}
}

func TestBrokenPromisesAreTold(t *testing.T) {
	r := demo()
	r.Checked.Counts[checker.Lost] = 1
	r.Checked.Violations = []checker.Violation{{Kind: checker.Lost, What: "c17 was never shown 812", Story: []string{"c3 sends\x1b[2J it"}}}
	got := summaryOf(t, r, false)
	if !strings.Contains(got, "NOT KEPT") || !strings.Contains(got, "c17 was never shown 812") || strings.Contains(got, "\x1b") {
		t.Errorf("%s", got)
	}
}

func TestRecovery(t *testing.T) {
	seconds := func(p99s ...int) (all []measure.Sample) { // milliseconds; 0: nothing delivered
		for i, ms := range p99s {
			s := measure.Sample{At: 1000 + int64(i)}
			if ms > 0 {
				s.Latency.Record(time.Duration(ms)*time.Millisecond, 100)
			}
			all = append(all, s)
		}
		return all
	}
	for _, c := range []struct {
		name  string
		p99s  []int
		fault int64
		want  float64
	}{
		{"at once", []int{10, 10, 10, 10, 11, 10, 10}, 3, 0},
		{"after three seconds", []int{10, 10, 10, 90, 80, 70, 10, 10, 10, 10, 10}, 3, 3},
		{"a quiet second is not the end", []int{10, 10, 10, 90, 10, 70, 60, 50, 10, 10, 10}, 3, 5},
		{"a silent second is not within", []int{10, 10, 10, 0, 0, 10, 10, 10}, 3, 2},
		{"never", []int{10, 10, 10, 90, 12, 12, 12, 12, 12}, 3, Never},
		{"too near the end", []int{10, 10, 10, 90, 90, 10, 10}, 3, Never},
		{"nothing before", []int{0, 0, 10, 10, 10, 10}, 1, Unknown},
		{"two seconds before", []int{10, 10, 10, 10, 10, 10}, 2, Unknown},
		{"one bad second before", []int{10, 300, 10, 11, 10, 90, 90, 10, 10, 10}, 5, 2},
		{"no samples", nil, 3, Unknown},
	} {
		if got := Recovery(seconds(c.p99s...), time.Time{}, time.Unix(1000+c.fault, 5e8), time.Unix(2000, 0)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if f := demo().Faults[0]; f.Recovery != 8 || f.Herd != 500 {
		t.Errorf("the fault has recovery %v and herd %v, want 8 and 500", f.Recovery, f.Herd)
	}
	r := demo()
	r.Faults = append(r.Faults, Fault{At: r.Faults[0].At.Add(4 * time.Second)})
	r.Derive()
	if r.Faults[0].Recovery != Never || r.Faults[0].Herd != 500 || r.Faults[1].Herd != 460 {
		t.Errorf("what belongs to a fault does not end with the next: %+v", r.Faults)
	}
}

// What a fault leaves behind is not what was normal before the next. The first
// one is felt for 8 s, the second comes 12 s after it and is felt to the end.
func TestBeforeBeginsBehindTheLastFault(t *testing.T) {
	for _, c := range []struct {
		name  string
		over  time.Duration // of the first; 0: it goes on
		want  float64
		words string
	}{
		{"more calm than trouble", 3 * time.Second, Never, "never"},
		{"two seconds of calm", 7 * time.Second, Unknown, "not known"},
		{"it goes on", 0, Unknown, "not known"},
	} {
		r := demo()
		first := &r.Faults[0]
		if first.Over = first.At.Add(c.over); c.over == 0 {
			first.Over = time.Time{}
		}
		r.Faults = append(r.Faults, Fault{At: first.At.Add(12 * time.Second)})
		for i := 42; i < len(r.Seconds); i++ {
			r.Seconds[i].Latency.Record(50*time.Millisecond, 500)
		}
		r.Derive()
		if got := &r.Faults[1]; got.Recovery != c.want || got.Recovered() != c.words {
			t.Errorf("%s: %v (%s), want %v", c.name, got.Recovery, got.Recovered(), c.want)
		}
	}
}

func TestWhatNeverCameIsTold(t *testing.T) {
	r := demo()
	r.Behind = Behind{Clients: 3, Messages: 7}
	if got := summaryOf(t, r, false); !strings.Contains(got, "not everything was delivered: 3 clients behind, 7 messages") {
		t.Errorf("%s", got)
	}
}

func TestUnits(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Time(0), "0 ms"}, {Time(1e-6), "1 µs"}, {Time(0.0009994), "999 µs"}, {Time(0.0009996), "1.00 ms"}, {Time(0.01234), "12.3 ms"},
		{Time(0.9996), "1.00 s"}, {Time(12.5), "12.5 s"}, {Time(300), "5.00 min"}, {Time(36000), "10.0 h"}, {Times(.031, .093, 1.2), "31.0 / 93.0 ms / 1.20 s"}, {Time(-0.001), "−1.00 ms"},
		{Number(0), "0"}, {Number(999), "999"}, {Number(1234567), "1,234,567"}, {Number(-1234), "−1,234"}, {Number(1.5), "1.50"}, {Number(1234.6), "1,235"},
		{Bytes(0), "0 B"}, {Bytes(999), "999 B"}, {Bytes(1024), "1.00 KiB"}, {Bytes(1 << 30), "1.00 GiB"},
		{Line("a\n\x1b[31mb\u202e"), "a [31mb"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	if Median(nil) != 0 || Median([]float64{3, 1, 2}) != 2 || Median([]float64{4, 1, 2, 3}) != 2.5 {
		t.Error("the median is wrong")
	}
}

// TestSmallTellsTheSame: what Small leaves out is in no report.
func TestSmallTellsTheSame(t *testing.T) {
	r := demo()
	r.Seconds[0].Service.Record(time.Second, 3)
	r.Seconds[0].Stored.Record(time.Second, 3)
	var whole, small bytes.Buffer
	if err := errors.Join(r.Summary(&whole, false), r.Small().Summary(&small, false)); err != nil {
		t.Fatal(err)
	}
	if whole.String() != small.String() {
		t.Errorf("the summary of the small one differs:\n%s", small.String())
	}
	if s := r.Small().Seconds[0]; s.Service.Count()+s.Stored.Count() != 0 || r.Seconds[0].Service.Count() == 0 {
		t.Error("nothing was left out, or from the original too")
	}
}
