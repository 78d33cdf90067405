//go:build integration

// Package systemd holds the units of a fleet's machines.
package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// units that systemd itself checks. Only whether they are right is checked, not
// that they run: that takes a machine which systemd started.
var units = []string{"tuitalk-gateway.service", "tuitalk-redis@.service"}

var (
	execStart = regexp.MustCompile(`(?m)^(ExecStart=)\S+`)
	ours      = regexp.MustCompile(`(?m)^(Exec\w+=)/usr/bin/tuitalk-\S+`)
)

// unitsHere copies the units to a folder, with a program that is there.
func unitsHere(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range units {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(execStart.FindAll(text, -1)); n != 1 {
			t.Fatalf("%s starts %d programs", name, n)
		}
		text = execStart.ReplaceAll(text, []byte("${1}/bin/true"))
		text = ours.ReplaceAll(text, []byte("${1}/bin/true"))
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSystemdTakesTheUnits(t *testing.T) {
	dir := unitsHere(t)
	for _, name := range units {
		out, err := exec.Command("systemd-analyze", "verify", "--man=no", filepath.Join(dir, name)).CombinedOutput()
		if err != nil || len(strings.TrimSpace(string(out))) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		// 0 is locked up, 100 is free to do anything; systemd calls 40 and less OK.
		out, err = exec.Command("systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=30", filepath.Join(dir, name)).CombinedOutput()
		if err != nil {
			t.Errorf("%s is exposed: %v\n%s", name, err, out)
		}
	}
}

// A name that systemd does not know is only a warning to it, so that a misspelt
// setting would be none.
func TestSystemdFindsAMisspeltSetting(t *testing.T) {
	dir := unitsHere(t)
	name := filepath.Join(dir, units[0])
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(text), "WatchdogSec", "WatchdogSecs", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.Command("systemd-analyze", "verify", "--man=no", name).CombinedOutput()
	if !strings.Contains(string(out), "WatchdogSecs") {
		t.Errorf("it said %q", out)
	}
}

// The drop-in's settings are checked as part of a unit.
func TestSystemdTakesTheDropIn(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile("nginx.service.d/tuitalk.conf")
	if err != nil {
		t.Fatal(err)
	}
	unit := string(text) + "ExecStart=/bin/true\n"
	name := filepath.Join(dir, "nginx-tuitalk.service")
	if err := os.WriteFile(name, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", "--man=no", name).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
