package fleetsim

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain lets garbage lie: a world is small, and is forgotten as a whole.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

var forFlag = flag.Duration("for", 0, "TestLong simulates for so long")

// repeats is how often a day that failed is lived through again: a seed decides what goes
// wrong, and not in which order goroutines run.
const repeats = 10

// long is a run over many seeds.
type long struct {
	t     *testing.T
	began time.Time

	mu      sync.Mutex
	next    uint64
	ended   bool
	chaos   int // days that were lived through
	calm    int
	failing []string
	marks   map[string]int
}

// TestLong simulates for as long as -for says, from the seed -from on. Every fifth day
// is calm. It says once a minute how far it is, and at once which day has failed.
func TestLong(t *testing.T) {
	if *forFlag == 0 {
		return // make sim-hour asks for it
	}
	l := &long{t: t, began: time.Now(), next: *fromFlag, marks: map[string]int{}}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(l.work)
	}
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for time.Since(l.began) < *forFlag {
		select {
		case <-tick.C:
			l.say()
		case <-time.After(*forFlag - time.Since(l.began)):
		}
	}
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	workers.Wait()
	l.say()
	fmt.Println(tellMarks(l.marks))
	for _, f := range l.failing {
		t.Error(f)
	}
}

func (l *long) say() {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.chaos + l.calm
	fmt.Printf("%v: %d days of chaos and %d calm ones, %.0f a minute; next is seed %d; failed: %d\n",
		time.Since(l.began).Round(time.Second), l.chaos, l.calm, float64(n)/time.Since(l.began).Minutes(), l.next, len(l.failing))
}

func (l *long) take() (seed uint64, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	return l.next - 1, !l.ended
}

func (l *long) work() {
	for {
		seed, more := l.take()
		if !more {
			return
		}
		o := options{calm: seed%5 == 0}
		r := aside(func() result { return simulate(l.t, seed, o) })
		l.mu.Lock()
		if addMarks(l.marks, r.marks); o.calm {
			l.calm++
		} else {
			l.chaos++
		}
		l.mu.Unlock()
		if len(r.problems) > 0 {
			l.failed(seed, o, r.problems)
		}
	}
}

// failed lives through a day again, and tells how often that ends well.
func (l *long) failed(seed uint64, o options, problems []string) {
	again := redAgain(l.t, seed, o, repeats)
	call := fmt.Sprintf("make sim SEED=%d", seed)
	if o.calm {
		call += " CALM=1"
	}
	text := fmt.Sprintf("%s   fails in %d of %d repeats:\n%s", call, again, repeats, strings.Join(problems, "\n"))
	fmt.Println(text)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing = append(l.failing, text)
}
