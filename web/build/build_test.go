package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

// assembled runs assemble on the real sources with a module of no meaning.
func assembled(t *testing.T, dir, module string) sizes {
	t.Helper()
	out := newOutput(dir)
	s, err := assemble(out, filepath.Join("..", "static"), []byte(module), []byte("/* runtime */"))
	if err != nil {
		t.Fatal(err)
	}
	if err := out.sweep(); err != nil {
		t.Fatal(err)
	}
	return s
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryNameInThePageIsAFile(t *testing.T) {
	dir := t.TempDir()
	assembled(t, dir, "module")
	page := string(read(t, filepath.Join(dir, "index.html")))
	found := regexp.MustCompile(`(?:href|src)="/([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(found) != 4 {
		t.Fatalf("the page names %d files", len(found))
	}
	for _, match := range found {
		if len(read(t, filepath.Join(dir, match[1]))) == 0 {
			t.Errorf("%s is empty", match[1])
		}
	}
	for _, name := range names(t, dir) {
		if strings.HasSuffix(name, ".js") {
			script := string(read(t, filepath.Join(dir, name)))
			if !strings.Contains(script, "/* runtime */") || !regexp.MustCompile(`fetch\("/app-[0-9a-f]{16}\.wasm"\)`).MatchString(script) {
				t.Errorf("%s lacks the runtime or the module's name", name)
			}
		}
	}
}

func TestPackedFilesAreTheFiles(t *testing.T) {
	dir := t.TempDir()
	assembled(t, dir, strings.Repeat("module ", 1000))
	for _, name := range names(t, dir) {
		var r io.Reader
		packed := bytes.NewReader(read(t, filepath.Join(dir, name)))
		switch filepath.Ext(name) {
		case ".br":
			r = brotli.NewReader(packed)
		case ".gz":
			var err error
			if r, err = gzip.NewReader(packed); err != nil {
				t.Fatal(err)
			}
		default:
			continue
		}
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		plain := read(t, filepath.Join(dir, strings.TrimSuffix(name, filepath.Ext(name))))
		if !bytes.Equal(got, plain) {
			t.Errorf("%s is another file", name)
		}
	}
}

func TestARunLeavesNothingOfTheOneBefore(t *testing.T) {
	dir := t.TempDir()
	for name := range keptNames {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("kept"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	assembled(t, dir, "one")
	first := names(t, dir)
	assembled(t, dir, "two")
	second := names(t, dir)
	if len(first) != len(second) {
		t.Errorf("%d files, then %d: %v", len(first), len(second), second)
	}
	assembled(t, dir, "one")
	if again := names(t, dir); strings.Join(again, " ") != strings.Join(first, " ") {
		t.Errorf("the same sources gave %v, then %v", first, again)
	}
	for name := range keptNames {
		if string(read(t, filepath.Join(dir, name))) != "kept" {
			t.Errorf("%s was changed", name)
		}
	}
}

func TestAMissingPlaceIsAnError(t *testing.T) {
	if _, err := fill([]byte("a page"), stylePlace, "style.css"); err == nil {
		t.Error("a page without a place for the style sheet was taken")
	}
}
