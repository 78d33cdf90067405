package fleetsim

import (
	"flag"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"
)

// options are what a simulation is told besides its seed.
type options struct {
	production bool          // production's settings instead of drawn ones
	lasts      time.Duration // how long things go wrong
	calm       bool          // one thing at most, with production's settings: see calm
}

// result is what became of one seed.
type result struct {
	seed     uint64
	problems []string
	story    string
	marks    map[string]int
	entries  int
	lived    time.Duration // of virtual time
	took     time.Duration // of the machine's
}

// simulate lives through the bad day of a seed.
func simulate(t *testing.T, seed uint64, o options) (r result) {
	r.seed, r.marks = seed, map[string]int{}
	began := time.Now()
	var w *world
	defer func() {
		if v := recover(); v != nil {
			r.problems = append(r.problems, fmt.Sprint("wedged: ", v))
		}
		if w != nil {
			r.story, r.marks = w.story.String(), w.marks
		}
		r.took = time.Since(began)
	}()
	var beats atomic.Int64
	watched := make(chan struct{})
	defer close(watched)
	go watchdog(seed, &beats, watched)
	synctest.Test(t, func(*testing.T) {
		w = newWorld(seed, o, &beats)
		began := time.Now()
		w.populate()
		if o.calm {
			w.calmDay()
		} else {
			w.badDay(o)
		}
		r.problems = w.judge()
		for _, room := range w.store.Rooms() {
			r.entries += len(w.store.Log(room))
		}
		w.end()
		r.lived = time.Since(began)
	})
	return r
}

// watchdog ends the process if virtual time stands still: something turns without end,
// or waits for a lock whose owner waits for time to pass.
func watchdog(seed uint64, beats *atomic.Int64, ended <-chan struct{}) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for last, still := beats.Load(), 0; ; {
		select {
		case <-ended:
			return
		case <-tick.C:
		}
		if now := beats.Load(); now != last {
			last, still = now, 0
		} else if still++; still == 24 || still == 6 && *huntedFlag {
			buf := make([]byte, 4<<20)
			fmt.Fprintf(os.Stderr, "seed %d: time stands still\n%s\n", seed, buf[:runtime.Stack(buf, true)])
			os.Exit(3)
		}
	}
}

// badDay lets things go wrong, and heals them.
func (w *world) badDay(o options) {
	if o.lasts == 0 {
		o.lasts = w.dice.duration(20*time.Second, 60*time.Second)
	}
	w.bad = o.lasts
	var going []undone
	end := time.Now().Add(o.lasts)
	gap := w.dice.duration(300*time.Millisecond, 4*time.Second)
	next := time.Now().Add(w.dice.duration(0, 2*gap))
	for time.Now().Before(end) {
		time.Sleep(w.dice.duration(time.Millisecond, 250*time.Millisecond))
		w.live()
		going = w.undo(going, false)
		if time.Now().After(next) {
			next = time.Now().Add(w.dice.duration(0, 2*gap))
			going = w.strike(w.draw(), going)
		}
	}
	w.undo(going, true)
	w.dismissEnemies()
	w.healLines()
	w.story.tell("all is healed")
	for _, p := range w.people {
		if !p.runs() {
			p.begin()
		}
	}
}

// Of `make sim`, and of runs that are longer than those of each day.
var (
	seedFlag  = flag.Uint64("seed", 0, "simulate this seed only, and print its story")
	fromFlag  = flag.Uint64("from", 1, "the first seed")
	storyFlag = flag.String("stories", "", "the directory that keeps the stories of days that fail; none: they are forgotten")
	seedsFlag = flag.Int("seeds", 10, "so many seeds are simulated")
)

// listOfMembers is what unwell says of one that is not true.
var listOfMembers = regexp.MustCompile(`(?:the store has|sees) \[.*\] in room \d+, and there are \[.*\]$`)

// TestChaos lets everything go wrong in many worlds; in one only, and with its story,
// if -seed is given.
func TestChaos(t *testing.T) {
	if *seedFlag != 0 {
		cryptotest.SetGlobalRandom(t, *seedFlag) // all repeats of it have the same ids
		r := simulate(t, *seedFlag, options{calm: *calmFlag})
		fmt.Println(r.story)
		for _, p := range r.problems {
			t.Error(p)
		}
		return
	}
	marks := map[string]int{}
	for r := range simulateAll(t, options{}) {
		for k, v := range r.marks {
			marks[k] += v
		}
		if len(r.problems) > 0 {
			r.keep(t)
			told := fmt.Sprintf("seed %d:\n%s", r.seed, strings.Join(r.problems, "\n"))
			if red := 1 + redAgain(t, r.seed, options{}, lives-1); red > lives/2 {
				t.Errorf("red in %d of %d lives, %s", red, lives, told)
			} else {
				t.Logf("RARE: red in %d of %d lives, %s", red, lives, told)
			}
		}
		t.Logf("seed %d: %d entries, %v lived in %v", r.seed, r.entries, r.lived.Round(time.Second), r.took.Round(time.Millisecond))
	}
	t.Log(tellMarks(marks))
}

// lives is how often a day is lived through that has failed: a seed decides what happens
// to a fleet, and not in which order goroutines run. What fails in few of its lives is a
// race that docs/simulation.md counts as open; TestLong bears none of it, TestChaos, which is
// run for each change, what does not fail in most.
const lives = 7

// redAgain is how many of so many more lives of a day fail.
func redAgain(t *testing.T, seed uint64, o options, more int) (red int) {
	for range more {
		if r := aside(func() result { return simulate(t, seed, o) }); len(r.problems) > 0 {
			red++
		}
	}
	return red
}

// keep writes down the story of a day that failed, which may not be the same in a repeat.
func (r *result) keep(t *testing.T) {
	if *storyFlag == "" {
		return
	}
	text := r.story + "\n\n" + strings.Join(r.problems, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(*storyFlag, fmt.Sprint(r.seed)), []byte(text), 0o600); err != nil {
		t.Error(err)
	}
}

// simulateAll simulates seeds on all processors.
func simulateAll(t *testing.T, o options) iter.Seq[result] {
	return func(yield func(result) bool) {
		seeds, results := make(chan uint64), make(chan result)
		var workers sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			workers.Go(func() {
				for seed := range seeds {
					results <- aside(func() result { return simulate(t, seed, o) })
				}
			})
		}
		go func() {
			for i := range *seedsFlag {
				seeds <- *fromFlag + uint64(i)
			}
			close(seeds)
			workers.Wait()
			close(results)
		}()
		for r := range results {
			yield(r)
		}
	}
}

// aside calls f on a goroutine of its own, which the testing package ends when a data
// race was found.
func aside(f func() result) result {
	done := make(chan result, 1)
	go func() {
		r := result{marks: map[string]int{}, problems: []string{"it was ended"}}
		defer func() { done <- r }()
		r = f()
	}()
	return <-done
}

// tellMarks is the table of how often each path was walked.
func tellMarks(marks map[string]int) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(marks)) {
		fmt.Fprintf(&b, "\n%8d  %s", marks[k], k)
	}
	return b.String()
}
