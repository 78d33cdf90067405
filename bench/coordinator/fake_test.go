package coordinator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/recorder"
	"tuitalk/bench/virtualuser"
)

// fake is a worker's clients that do nothing but note what they are told.
type fake struct {
	cfg virtualuser.Config
	now func() time.Time
	rec *recorder.Recorder // nil: nothing is recorded

	mu     sync.Mutex
	told   []string
	begun  time.Time
	heads  map[int32]int64
	refuse string // Connect fails with it
	deaf   bool   // Storm cuts nothing
	behind bool   // what is stored is never shown to anybody completely
	cut    int64  // lines that were lost and not told of
	struck time.Time
}

func newFake(cfg virtualuser.Config) *fake {
	f := &fake{cfg: cfg, now: time.Now}
	if cfg.Recording != nil {
		f.rec = recorder.New(cfg.Recording)
		f.rec.Client(fmt.Sprint("of share ", cfg.Share))
	}
	return f
}

func (f *fake) note(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, what)
}

func (f *fake) Connect(context.Context) error {
	f.note("connect")
	if f.refuse != "" {
		return errors.New(f.refuse)
	}
	return nil
}

func (f *fake) Begin(at time.Time) {
	f.note("begin")
	f.mu.Lock()
	f.begun = at
	f.mu.Unlock()
}

func (f *fake) StopPosting()      { f.note("hush") }
func (f *fake) Rate(perS float64) { f.note(fmt.Sprint("rate ", perS)) }

func (f *fake) Storm() {
	f.note("storm")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.struck = f.now()
	if !f.deaf {
		f.cut = 5
	}
}

// Sample tells of ten messages a second while there is load.
func (f *fake) Sample() (s measure.Sample) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.Open, s.Inside = 5, 5
	s.Counts.Lost, f.cut = f.cut, 0
	if f.behind {
		s.Delivered = 1
	}
	if slices.Contains(f.told, "begin") && !slices.Contains(f.told, "hush") {
		s.Intended, s.Posted, s.Delivered = 10, 10, 50
		s.Counts.Stored = 10
		s.Latency.Record(time.Duration(f.cfg.Share+1)*time.Millisecond, 50)
	}
	return s
}

func (f *fake) Outages() (all []virtualuser.Outage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.struck.IsZero() {
		return nil
	}
	for i := range 2500 { // many for one answer
		at := f.struck.Add(f.cfg.Offset + 50*time.Millisecond)
		all = append(all, virtualuser.Outage{Client: i, Lost: at, Detected: at, Joined: at.Add(time.Second), CaughtUp: at.Add(time.Second)})
	}
	return all
}

// Owed is known once it is known what there is.
func (f *fake) Owed() (clients, messages int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.behind && f.heads != nil {
		return 3, 40
	}
	return 0, 0
}

func (f *fake) Heads(heads map[int32]int64) {
	f.note("heads")
	f.mu.Lock()
	f.heads = heads
	f.mu.Unlock()
}

func (f *fake) Close() error {
	f.note("close")
	if f.rec == nil {
		return nil
	}
	return f.rec.Close()
}

// inProcess are workers of this process, with fake clients.
type inProcess struct {
	addrs []string
	stop  []context.CancelFunc

	mu    sync.Mutex
	fakes []*fake
}

// startWorkers starts them; each may be changed before.
func startWorkers(t *testing.T, n int, change func(i int, w *Worker)) *inProcess {
	t.Helper()
	all := &inProcess{}
	for i := range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		w := Worker{Key: "k"}
		w.newGroup = func(cfg virtualuser.Config) (LoadGenerator, error) {
			f := newFake(cfg)
			if w.now != nil {
				f.now = w.now
			}
			all.mu.Lock()
			all.fakes = append(all.fakes, f)
			all.mu.Unlock()
			return f, nil
		}
		if change != nil {
			change(i, &w)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = w.Serve(ctx, l) // a conversation that a test spoils is no error here
		}()
		t.Cleanup(func() {
			cancel()
			<-done
		})
		all.addrs, all.stop = append(all.addrs, l.Addr().String()), append(all.stop, cancel)
	}
	return all
}
