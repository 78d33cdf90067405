//go:build integration

package recorder_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/recorder"
	"tuitalk/client"
	"tuitalk/deploy/devcluster"
	"tuitalk/history/sqlitestore"
	"tuitalk/talk"
)

const (
	realRoom = 1
	patience = 30 * time.Second // for what must come; it decides nothing else
)

// gatewayProgram builds the real gateway.
func gatewayProgram(t *testing.T) string {
	t.Helper()
	program, err := devcluster.Build(t.TempDir(), "tuitalk/cmd/tuitalk-gateway", false)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// await waits until it is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !so(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// pair is two people who talk through a proxy to a real gateway.
type pair struct {
	t       *testing.T
	gateway *devcluster.Gateway
	store   string
	proxy   *proxy
	out     bytes.Buffer
	rec     *recorder.Recorder
	people  []*person
	said    int
}

func newPair(t *testing.T, program string, every int, m mutation) *pair {
	t.Helper()
	dir := t.TempDir()
	p := &pair{t: t, store: filepath.Join(dir, "talk.db")}
	var err error
	if p.gateway, err = devcluster.StartGateway(t.Context(), devcluster.GatewayOptions{
		Program: program, Dir: dir, Store: "sqlite:" + p.store, Args: []string{"-limits", "none"},
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.gateway.Close(); err != nil {
			t.Error(err)
		}
	})
	if p.proxy, err = startProxy(p.gateway.Addr(), every, m); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.proxy.close)
	p.rec = recorder.New(&p.out)
	for _, name := range []string{"ann", "bob"} {
		cfg := client.Config{Servers: []string{p.proxy.url()}, Name: name, Room: realRoom}
		p.people = append(p.people, newPerson(t, p.rec.Client(name), client.NewDialerIn(talk.Extended), nil, cfg))
	}
	await(t, "both to be there", func() bool { return p.head() > 0 })
	return p
}

// head is the seq that both have been shown; 0 while they differ or owe something.
func (p *pair) head() int64 {
	_, a, owedA := p.people[0].who.At()
	_, b, owedB := p.people[1].who.At()
	if a != b || owedA+owedB > 0 {
		return 0
	}
	return a
}

// talk lets both say n things each, not faster than they are stored.
func (p *pair) talk(n int) {
	for range n {
		await(p.t, "outboxes with room", func() bool {
			_, _, a := p.people[0].who.At()
			_, _, b := p.people[1].who.At()
			return max(a, b) < 50
		})
		for _, who := range p.people {
			p.said++
			who.say(client.Post{Text: fmt.Sprintf("message number %d", p.said)})
		}
	}
}

// end lets everything heal, reads the store, and checks.
func (p *pair) end() *checker.Report {
	p.proxy.on.Store(false)
	p.talk(1) // what got lost is missed when something follows
	await(p.t, "both to have read what was said", func() bool {
		_, a, _ := p.people[0].who.At()
		_, b, _ := p.people[1].who.At()
		return a == b && a >= int64(p.said+len(p.people))
	})
	p.proxy.cut() // an author who was told nothing true of a message asks again on a new line
	p.talk(1)     // and is not taken for back before the line is known to be lost
	await(p.t, "both to see everything", func() bool { return p.head() > 0 })
	p.rec.Head(realRoom, p.head())
	for _, who := range p.people {
		who.in(func(who *person) { who.who.End(time.Now()) })
		who.leave()
	}
	if err := p.gateway.Drain(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	store, err := sqlitestore.Open(p.store, sqlitestore.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	defer store.Close()
	if err := p.rec.ReadStore(p.t.Context(), store, realRoom, 0); err != nil {
		p.t.Fatal(err)
	}
	if err := p.rec.Close(); err != nil {
		p.t.Fatal(err)
	}
	recording, err := checker.Decode(p.out.Bytes())
	if err != nil {
		p.t.Fatal(err)
	}
	return checker.Check(checker.Options{}, recording)
}

// part mutates a part of a frame, if it has one like it.
func part(like string, change func(string) string) mutation {
	pattern := regexp.MustCompile(like)
	return func(frame []byte) ([][]byte, []byte) {
		changed := pattern.ReplaceAllStringFunc(string(frame), change)
		return [][]byte{[]byte(changed)}, nil
	}
}

func flipLast(s string) string {
	last := byte('0')
	if s[len(s)-2] == '0' {
		last = '1'
	}
	return s[:len(s)-2] + string(last) + s[len(s)-1:]
}

// TestRealGatewayBehindAMutatingProxy: clients heal what a line does to a stream, and
// it is found, as is what a liar does to it.
func TestRealGatewayBehindAMutatingProxy(t *testing.T) {
	t.Parallel()
	program := gatewayProgram(t)
	const uuid = `[0-9a-f-]{36}"`
	for _, tc := range []struct {
		name   string
		every  int
		kinds  []checker.Kind // must be found; nothing else may
		healed bool           // nobody is shown anything wrong
		mutate mutation
	}{
		{"loses", 150, []checker.Kind{checker.Skipped}, true, func([]byte) ([][]byte, []byte) { return nil, nil }},
		{"doubles", 10, []checker.Kind{checker.Repeated}, true, func(f []byte) ([][]byte, []byte) { return [][]byte{f, f}, nil }},
		{"reorders", 150, []checker.Kind{checker.Skipped, checker.Misplaced}, true, func(f []byte) ([][]byte, []byte) { return nil, f }},
		{"forges the text", 60, []checker.Kind{checker.Forged}, false, part(`"text":"message`, func(string) string { return `"text":"massage` })},
		{"forges the name", 60, []checker.Kind{checker.Forged}, false, part(`"username":"[^"]*"`, func(string) string { return `"username":"root"` })},
		{"forges the author", 60, []checker.Kind{checker.Forged}, false, part(`"uuid":"`+uuid, flipLast)},
		{"forges the id", 60, []checker.Kind{checker.Phantom, checker.FalseStored}, false, part(`"id":"`+uuid, flipLast)},
		{"forges the time", 60, []checker.Kind{checker.Disagreement}, false, part(`"unixtime":\d+`, func(s string) string { return s + "0" })},
		{"says stored what is not", 40, []checker.Kind{checker.FalseStored}, false, part(`^\{"Stored".*"seq":\d+`, func(s string) string {
			i := strings.LastIndexByte(s, ':') + 1
			seq, _ := strconv.Atoi(s[i:]) // digits, by the pattern
			return s[:i] + strconv.Itoa(seq+1)
		})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, program, tc.every, tc.mutate)
			for p.said < 600 || p.proxy.done.Load() < 5 {
				p.talk(1)
			}
			report := p.end()
			t.Logf("%d frames mutated: %v", p.proxy.done.Load(), report.Err())
			found := 0
			for _, k := range tc.kinds {
				if report.Counts[k] == 0 && !tc.healed {
					t.Errorf("%s: not found\n%s", k, report)
				}
				found += report.Counts[k]
				delete(report.Counts, k)
			}
			if len(report.Counts)+len(report.Unsound) > 0 {
				t.Errorf("also found: %v\n%s", report.Counts, report)
			}
			// of what is healed, that of a Stored is no matter, nor is what a new line brings
			if lies := int(p.proxy.done.Load()); found == 0 || found > lies || found < lies && !tc.healed {
				t.Errorf("%d of %d lies were found\n%s", found, lies, report)
			}
		})
	}
}

// TestRealGatewayIsKilled: a fault with its mark, people who go on talking, and
// how long they were without news.
func TestRealGatewayIsKilled(t *testing.T) {
	t.Parallel()
	p := newPair(t, gatewayProgram(t), 1, func(f []byte) ([][]byte, []byte) { return [][]byte{f}, nil })
	p.proxy.on.Store(false)
	p.talk(20)
	pid := p.gateway.PID()
	began := time.Now()
	if err := p.gateway.Kill(); err != nil {
		t.Fatal(err)
	}
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	fault := p.rec.Fault(began, "gateway killed", os.IsNotExist(err), fmt.Sprintf("process %d: %v", pid, err))
	p.talk(20)
	if err := p.gateway.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.rec.FaultOver(fault, time.Now())
	for end := time.Now().Add(6 * time.Second); time.Now().Before(end); {
		p.talk(1)
		await(t, "both to be up to date", func() bool { return p.head() > 0 })
	}
	report := p.end()
	t.Log(report)
	if report.Err() != nil || len(report.Faults) != 1 || report.Faults[0].Blackout.Count != 2 || report.Faults[0].NotBack != 0 {
		t.Errorf("%s", report)
	}
	if report.Faults[0].Blackout.Max > patience || report.Sent < 80 {
		t.Errorf("%+v", report.Faults[0])
	}
}

var _ recorder.Source = (*sqlitestore.Store)(nil)
