//go:build integration

package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tuitalk/bench/result"
)

// TestAttack makes a few attacks on the real gateway, each on one of its own, and
// looks whether the report says what happened.
func TestAttack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	names := []string{"fetch-allowed", "flood-posts", "broken-frames", "stolen-identity"}
	b := start(t, "attack", "-quick", "-gateway", programs.gateway, "-only", strings.Join(names, ","), "-max-honest-failures", "100000",
		"-json", file("a.json"), "-html", file("a.html"), "-junit", file("a.xml"), "-markdown", file("a.md"))
	code := b.code(t)
	found, err := readFile(file("a.json"), result.ReadAttacks)
	if err != nil {
		t.Fatalf("%v; it ended with %d: %s", err, code, b.err.String())
	}
	if len(found.Attacks) != len(names) {
		t.Fatalf("%d attacks were made: %s", len(found.Attacks), b.err.String())
	}
	for i := range found.Attacks {
		checkAttack(t, &found.Attacks[i])
	}
	for _, name := range []string{"a.html", "a.md", "a.xml"} {
		text, err := os.ReadFile(file(name))
		if err != nil || !strings.Contains(string(text), "flood-posts") {
			t.Errorf("%s: %v, %d bytes", name, err, len(text))
		}
	}
	var suite struct {
		Suite struct {
			Failures int `xml:"failures,attr"`
		} `xml:"testsuite"`
	}
	text, err := os.ReadFile(file("a.xml"))
	if err != nil || xml.Unmarshal(text, &suite) != nil || (suite.Suite.Failures > 0) != (code == exitFailed) {
		t.Errorf("it ended with %d, and JUnit tells of %d failures", code, suite.Suite.Failures)
	}
	again := start(t, "report", file("a.json"), "-html", file("again.html"))
	if again.code(t); !strings.Contains(again.out.String(), "stolen-identity") {
		t.Errorf("report says %s", again.out.String())
	}
}

// checkAttack looks at what must be so, however busy the machine is.
func checkAttack(t *testing.T, a *result.Attack) {
	t.Helper()
	if a.Failed != "" || a.Stuck || a.Ended == "" {
		t.Errorf("%s: failed %q, ended %q", a.Name, a.Failed, a.Ended)
	}
	for phase, f := range map[string]*result.Felt{"before": &a.Before, "during": &a.During, "after": &a.After} {
		if f.Post.Count() == 0 || f.Join.Count() == 0 || f.Seconds <= 0 {
			t.Errorf("%s, %s: %d posts, %d joins in %g s", a.Name, phase, f.Post.Count(), f.Join.Count(), f.Seconds)
		}
	}
	if !a.Cost.Known || a.Cost.RSS <= 0 || a.Cost.Files <= 0 {
		t.Errorf("%s: cost %+v", a.Name, a.Cost)
	}
	g := &a.Got
	if g.Opened == 0 || g.BytesOut == 0 || g.Opened > g.Tried {
		t.Errorf("%s: got %+v", a.Name, g)
	}
	ended := result.Total(g.Closed) + result.Total(g.Refused)
	switch a.Name {
	case "flood-posts":
		if g.Sent == 0 || len(g.Answers) == 0 {
			t.Errorf("a flood sent %d and was answered %v", g.Sent, g.Answers)
		}
	case "broken-frames":
		if ended == 0 && len(a.Breaches) == 0 {
			t.Errorf("broken frames: %+v", g)
		}
	case "stolen-identity":
		if len(a.Breaches) > 0 || ended == 0 {
			t.Errorf("identities: %v, %+v", a.Breaches, g)
		}
	}
}

// Ctrl-C ends an attack in order, and what was found until then is told.
func TestAttackIsInterrupted(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.json")
	b := start(t, "attack", "-gateway", programs.gateway, "-only", "idle-upgraded", "-during", "1m", "-json", file)
	awaitChild(t, b.Process.Pid)
	if err := b.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := b.code(t); code != exitFailed {
		t.Errorf("it ended with %d: %s", code, b.err.String())
	}
	found, err := readFile(file, result.ReadAttacks)
	if err != nil || found.Incomplete == "" {
		t.Errorf("%+v, %v", found, err)
	}
	if left := childrenOf(b.Process.Pid); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// awaitChild waits until a process has started another.
func awaitChild(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); len(childrenOf(pid)) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no gateway was started")
		}
	}
}

func childrenOf(pid int) (all []string) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil
	}
	for _, name := range files {
		if text, err := os.ReadFile(name); err == nil {
			all = append(all, strings.Fields(string(text))...)
		}
	}
	slices.Sort(all)
	return all
}
