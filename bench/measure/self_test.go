package measure

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestBottleneck(t *testing.T) {
	sample := func(late, latency time.Duration, self Self) *Sample {
		s := &Sample{Gauges: Gauges{Self: self}}
		s.Late.Record(late, 100)
		s.Latency.Record(latency, 100)
		return s
	}
	const ms = time.Millisecond
	idle := Self{Busy: 0.5, Files: 100, MaxOpen: 20_000}
	for _, tc := range []struct {
		what string
		s    *Sample
		want string // a part of it
	}{
		{"nothing", &Sample{}, ""},
		{"in time", sample(ms, 2*ms, idle), ""},
		{"late", sample(6*ms, 2*ms, idle), "6ms late"},
		{"late, but the target is far slower", sample(50*ms, 600*ms, idle), ""},
		{"late, and the target is not much slower", sample(50*ms, 400*ms, idle), "bound: 40ms"},
		{"busy", sample(ms, 2*ms, Self{Busy: 0.95}), "95% of the time"},
		{"files", sample(ms, 2*ms, Self{Files: 19_900, MaxOpen: 20_000}), "19900 files"},
	} {
		if got := Bottleneck(tc.s); tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want something with %q", tc.what, got, tc.want)
		}
	}
}

func TestWatchSeesThisProcess(t *testing.T) {
	w := NewWatch()
	var worked time.Duration
	w.Loop(func() time.Duration { return worked })
	before, err := w.Read()
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	for begin := time.Now(); time.Since(begin) < 50*time.Millisecond; {
		runtime.Gosched()
	}
	worked = time.Hour // more than there was: it counts as all of it
	after, err := w.Read()
	if err != nil {
		t.Fatal(err)
	}
	if after.Files < before.Files+10 || after.MaxOpen < after.Files {
		t.Errorf("%d files open of %d, %d before", after.Files, after.MaxOpen, before.Files)
	}
	if after.CPU <= 0 || after.Busy != 1 || before.Busy != 0 || after.RSS < 1<<20 {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestThreadWork(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, _, err := ThreadWork(unix.Gettid())
	if err != nil {
		t.Fatal(err)
	}
	for begin := ProcessCPU(); ProcessCPU() < begin+20*time.Millisecond; {
		continue
	}
	after, _, err := ThreadWork(unix.Gettid())
	if err != nil || after <= before {
		t.Errorf("%s, then %s (%v)", before, after, err)
	}
	if _, _, err := ThreadWork(-1); err == nil {
		t.Error("a thread that is not there has worked")
	}
}

func TestRaiseFiles(t *testing.T) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		t.Fatal(err)
	}
	low := r
	low.Cur = min(r.Cur, 500)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	if n, err := RaiseFiles(); err != nil || uint64(n) != min(r.Max, 1<<31-1) {
		t.Errorf("raised to %d of %d (%v)", n, r.Max, err)
	}
}
