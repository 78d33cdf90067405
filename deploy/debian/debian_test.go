//go:build integration

// Package debian builds what is installed on a machine.
package debian

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// output runs a command, which must succeed.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var wrong bytes.Buffer
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, wrong.String())
	}
	return string(out)
}

// packages builds all, as of a version, by their names.
func packages(t *testing.T, version, debian string) map[string]string {
	t.Helper()
	dir, found := t.TempDir(), map[string]string{}
	output(t, "./build.sh", runtime.GOARCH, version, dir)
	for _, name := range []string{"tuitalk-gateway", "tuitalk", "tuitalk-bench"} {
		found[name] = filepath.Join(dir, name+"_"+debian+"_"+runtime.GOARCH+".deb")
	}
	return found
}

// TestPackages: what each has, as dpkg reads it; built again they are the same.
func TestPackages(t *testing.T) {
	all, again := packages(t, "v1.2.3-4-gabc", "1.2.3+4.gabc"), packages(t, "v1.2.3-4-gabc", "1.2.3+4.gabc")
	for name, manual := range map[string]string{"tuitalk-gateway": "man8/tuitalk-gateway.8.gz", "tuitalk": "man1/tuitalk.1.gz", "tuitalk-bench": "man1/tuitalk-bench.1.gz"} {
		file := all[name]
		list := output(t, "dpkg-deb", "-c", file)
		for _, want := range []string{"./usr/bin/" + name, "./usr/share/man/" + manual, "./usr/share/bash-completion/completions/" + name, "./usr/share/doc/" + name + "/copyright"} {
			if !strings.Contains(list, want+"\n") {
				t.Errorf("%s has no %s:\n%s", name, want, list)
			}
		}
		if version := output(t, "dpkg-deb", "-f", file, "Version"); version != "1.2.3+4.gabc\n" {
			t.Errorf("%s has the version %q", name, version)
		}
		one, err := os.ReadFile(file)
		two, errTwo := os.ReadFile(again[name])
		if err != nil || errTwo != nil || !bytes.Equal(one, two) {
			t.Errorf("%s is another one when it is built again: %v, %v", name, err, errTwo)
		}
		root := t.TempDir()
		output(t, "dpkg-deb", "-x", file, root)
		checkInstalled(t, root, name, manual)
	}
	if conffiles := output(t, "dpkg-deb", "-I", all["tuitalk-gateway"], "conffiles"); conffiles != "/etc/tuitalk/gateway.env\n" {
		t.Errorf("its settings are %q", conffiles)
	}
}

// checkInstalled: the program is static and is of this version, man finds nothing wrong
// with its page, nor bash with its completion.
func checkInstalled(t *testing.T, root, name, manual string) {
	t.Helper()
	if said := output(t, filepath.Join(root, "usr/bin", name), "-version"); said != name+" v1.2.3-4-gabc\n" {
		t.Errorf("the program is %q", said)
	}
	if said := output(t, "readelf", "-l", filepath.Join(root, "usr/bin", name)); strings.Contains(said, "INTERP") {
		t.Errorf("%s is not static:\n%s", name, said)
	}
	page := output(t, "gzip", "-dc", filepath.Join(root, "usr/share/man", manual))
	cmd := exec.Command("groff", "-man", "-ww", "-Kutf8", "-Tutf8")
	cmd.Stdin = strings.NewReader(page)
	var wrong bytes.Buffer
	cmd.Stderr = &wrong
	text, err := cmd.Output()
	if err != nil || wrong.Len() > 0 || len(text) < 2000 {
		t.Errorf("the page of %s: %v, %d bytes\n%s", name, err, len(text), wrong.String())
	}
	if host, err := os.Hostname(); err != nil || strings.Contains(page, "default "+host+"\n") {
		t.Errorf("the page of %s names this machine: %v", name, err)
	}
	output(t, "bash", "-n", filepath.Join(root, "usr/share/bash-completion/completions", name))
}

// TestNotes: the part of the changelog that a version has.
func TestNotes(t *testing.T) {
	const changelog = "# Changelog\n\n## Unreleased\n\n- new\n\n## 1.2.0 (2026-01-02)\n\n- old\n  more\n\n## 1.1.0\n- older\n"
	for version, want := range map[string]string{
		"v1.2.0": "- old\n  more\n\n", "v1.1.0": "- older\n", "v1.2.0-3-gabc": "- new\n\n", "abc-dirty": "- new\n\n",
	} {
		cmd := exec.Command("./notes.sh", version)
		cmd.Stdin = strings.NewReader(changelog)
		if out, err := cmd.Output(); err != nil || string(out) != want {
			t.Errorf("%s: %q, %v; want %q", version, out, err, want)
		}
	}
	cmd := exec.Command("./notes.sh", "v3.0.0")
	cmd.Stdin = strings.NewReader(changelog)
	if out, err := cmd.CombinedOutput(); !slices.Contains(strings.Split(string(out), "\n"), `CHANGELOG.md has no part "## 3.0.0"`) || err == nil {
		t.Errorf("of a version that it has not: %q, %v", out, err)
	}
}
