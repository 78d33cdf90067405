package fleetsim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Whether the judge notices when something is broken is tested by breaking it. A mutant
// is the product with something left out: it is built with its files laid over the real
// ones, and simulated until a seed fails that does not fail without it.

// mutant is a small spoiling of the product.
type mutant struct {
	name  string // what is left out or wrong
	fix   string // whose fix is taken back by it: the issue and its item; "" nobody's
	edits []edit
	// blind: why the simulation cannot notice it, and which test does; "" it can.
	blind string
}

// edit replaces a text that stands in a file once.
type edit struct{ file, old, new string }

// apply returns the file with the edit done to it.
func (e *edit) apply(text string) (string, error) {
	if n := strings.Count(text, e.old); n != 1 {
		return "", fmt.Errorf("%s has %d times, and not once: %s", e.file, n, e.old)
	}
	return strings.Replace(text, e.old, e.new, 1), nil
}

// texts are the mutant's files, by their name in the tree.
func (m *mutant) texts() (map[string]string, error) {
	texts := map[string]string{}
	for _, e := range m.edits {
		if _, read := texts[e.file]; !read {
			b, err := os.ReadFile(filepath.Join("..", e.file))
			if err != nil {
				return nil, err
			}
			texts[e.file] = string(b)
		}
		text, err := e.apply(texts[e.file])
		if err != nil {
			return nil, err
		}
		texts[e.file] = text
	}
	return texts, nil
}

// TestMutantsFit: whoever changes a line that a mutant changes is told so at once.
func TestMutantsFit(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for i := range mutants {
		m := &mutants[i]
		if names[m.name] {
			t.Errorf("two mutants are called %q", m.name)
		}
		names[m.name] = true
		texts, err := m.texts()
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		for file, text := range texts {
			if _, err := parser.ParseFile(token.NewFileSet(), file, text, 0); err != nil {
				t.Errorf("%s: %v", m.name, err)
			}
		}
	}
}

var (
	mutantsFlag = flag.String("mutants", "", "hunt the mutants whose names match this `pattern`; . is all")
	huntFlag    = flag.Duration("hunt", time.Minute, "so much of a processor's time a mutant may take until it is noticed")
	huntedFlag  = flag.Bool("hunted", false, "simulate until a seed fails (the test runs itself so)")
)

// TestMutants hunts each mutant until a seed shows it. At least 95 of 100 must be
// noticed within -hunt, and the product itself must not be.
func TestMutants(t *testing.T) {
	if *mutantsFlag == "" {
		return // make mutants asks for it
	}
	pattern := regexp.MustCompile(*mutantsFlag)
	list := []mutant{{name: "nothing is changed"}}
	for _, m := range mutants {
		if pattern.MatchString(m.name) {
			list = append(list, m)
		}
	}
	h := &hunt{t: t, dir: t.TempDir()}
	base, err := h.build(0, &list[0])
	if err != nil {
		t.Fatal(err)
	}
	h.base = base
	caught := make([]*catch, len(list))
	var hunters sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		hunters.Go(func() {
			for i := range next {
				caught[i] = h.one(i, &list[i])
				fmt.Printf("%s\n", caught[i].row(&list[i]))
			}
		})
	}
	for i := range list {
		next <- i
	}
	close(next)
	hunters.Wait()
	if c := caught[0]; c.noticed() {
		t.Errorf("seeds fail without a mutant: %s", c.row(&list[0]))
	}
	judgeHunt(t, list[1:], caught[1:])
}

// judgeHunt prints the table, and counts.
func judgeHunt(t *testing.T, list []mutant, caught []*catch) {
	var b strings.Builder
	fmt.Fprintln(&b, "| mutant | fix of | noticed in | of seeds | s | by |\n|---|---|---|---|---|---|")
	able, noticed := 0, 0
	for i := range list {
		fmt.Fprintln(&b, caught[i].row(&list[i]))
		if list[i].blind == "" {
			able++
			if caught[i].noticed() {
				noticed++
			}
		}
	}
	fmt.Printf("%s\nnoticed: %d of %d\n", b.String(), noticed, able)
	if noticed*100 < able*95 {
		t.Errorf("of %d mutants %d were noticed", able, noticed)
	}
}

// hunt builds mutants and simulates them.
type hunt struct {
	t    *testing.T
	dir  string
	base string // the program without a mutant
}

// catch is what became of a mutant.
type catch struct {
	Seed    uint64  // that failed
	Calm    bool    // in its calm day
	Seeds   int     // that were simulated until then
	Seconds float64 // of a processor
	Problem string  // what was noticed; "" nothing
}

func (c *catch) noticed() bool { return c.Problem != "" }

// row is a line of the table.
func (c *catch) row(m *mutant) string {
	where := "-"
	if c.noticed() {
		where = strconv.FormatUint(c.Seed, 10)
		if c.Calm {
			where += ", calm"
		}
	}
	why, _, _ := strings.Cut(c.Problem, "\n")
	if !c.noticed() {
		why = m.blind
	}
	return fmt.Sprintf("| %s | %s | %s | %d | %.0f | %s |", m.name, m.fix, where, c.Seeds, c.Seconds, strings.ReplaceAll(why, "|", "/"))
}

// one builds and hunts one mutant. What fails without it, too, does not count.
func (h *hunt) one(number int, m *mutant) *catch {
	program := h.base
	if number > 0 {
		built, err := h.build(number, m)
		if err != nil {
			h.t.Errorf("%s: %v", m.name, err)
			return &catch{}
		}
		program = built
		defer os.Remove(built)
	}
	all := &catch{}
	for from := uint64(1); ; from = all.Seed + 1 {
		c := h.simulate(program, from, *huntFlag-time.Duration(all.Seconds*float64(time.Second)))
		all.Seeds, all.Seconds = all.Seeds+c.Seeds, all.Seconds+c.Seconds
		all.Seed, all.Calm, all.Problem = c.Seed, c.Calm, c.Problem
		if !c.noticed() || number == 0 || h.isWell(c) || all.Seconds > huntFlag.Seconds() {
			return all
		}
	}
}

// build makes the test program of a mutant.
func (h *hunt) build(number int, m *mutant) (program string, err error) {
	texts, err := m.texts()
	if err != nil {
		return "", err
	}
	root, err := filepath.Abs("..")
	if err != nil {
		return "", err
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range texts {
		to := filepath.Join(h.dir, fmt.Sprintf("%d-%s", number, strings.ReplaceAll(file, "/", "-")))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
		overlay.Replace[filepath.Join(root, file)] = to
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	list := filepath.Join(h.dir, fmt.Sprintf("%d.json", number))
	if err := os.WriteFile(list, b, 0o600); err != nil {
		return "", err
	}
	program = filepath.Join(h.dir, fmt.Sprintf("%d.test", number))
	out, err := exec.CommandContext(h.t.Context(), "go", "test", "-overlay", list, "-vet=off", "-ldflags=-s -w", "-c", "-o", program, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
}

// huntMost is how much longer than its processor's time a hunt may take, on a machine
// that has other things to do.
const huntMost = 6

// simulate runs a program until a seed fails, or its time is over.
func (h *hunt) simulate(program string, from uint64, most time.Duration) *catch {
	cmd := exec.Command(program, "-test.run=^TestHunted$", "-test.v", "-test.timeout=0", "-test.cpu=1", "-hunted",
		"-from="+strconv.FormatUint(from, 10), "-hunt="+most.String())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		h.t.Error(err)
		return &catch{}
	}
	var late atomic.Bool // not its fault: what stands still ends itself
	end := time.AfterFunc(huntMost*most+time.Minute, func() {
		late.Store(true)
		_ = cmd.Process.Kill() // it may have ended
	})
	defer end.Stop()
	err := cmd.Wait()
	c := &catch{}
	lines := bufio.NewScanner(&out)
	lines.Buffer(nil, 64<<20)
	last, panicked := "", ""
	for lines.Scan() {
		if now, ok := strings.CutPrefix(lines.Text(), "CATCH "); ok {
			last = now
		} else if strings.HasPrefix(lines.Text(), "panic: ") {
			panicked = lines.Text()
		}
	}
	if e := json.Unmarshal([]byte(last), c); e != nil {
		h.t.Errorf("%s says nothing: %v, %v", program, e, err)
		return c
	}
	if err != nil && !c.noticed() && !late.Load() {
		c.Problem = "the process ended: " + err.Error() + " " + panicked
	}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.Seconds = processorTime(u).Seconds()
	}
	return c
}

// isWell tells whether a seed in which a mutant was noticed passes without it.
func (h *hunt) isWell(c *catch) bool {
	args := []string{"-test.run=^TestChaos$", "-test.cpu=1", "-seed=" + strconv.FormatUint(c.Seed, 10)}
	if c.Calm {
		args = append(args, "-calm")
	}
	for range 2 {
		if exec.Command(h.base, args...).Run() != nil {
			return false
		}
	}
	return true
}

func processorTime(u *syscall.Rusage) time.Duration {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestHunted simulates until a seed fails, and says after each how far it is: it may be
// ended at any time. Every third day is calm.
func TestHunted(t *testing.T) {
	if !*huntedFlag {
		return // TestMutants runs it
	}
	c := catch{Seed: *fromFlag}
	for {
		c.Calm = c.Seed%3 == 0
		c.say()
		r := aside(func() result { return simulate(t, c.Seed, options{calm: c.Calm}) })
		c.Seeds++
		c.Problem = strings.Join(slices.Compact(r.problems), "\n")
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		if c.say(); c.noticed() || processorTime(&u) > *huntFlag {
			return
		}
		c.Seed++
	}
}

func (c *catch) say() {
	b, _ := json.Marshal(c) // it can
	fmt.Printf("CATCH %s\n", b)
}
