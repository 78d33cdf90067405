package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFilesAreCurrent holds the files to what is declared.
func TestFilesAreCurrent(t *testing.T) {
	files, err := generate("../message.go")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what message.go declares: run go generate in talk", name)
		}
	}
}

// TestDeclarationsAreRefused has what would make no code.
func TestDeclarationsAreRefused(t *testing.T) {
	declared, err := os.ReadFile("../message.go")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"an unknown option": {`wire:"seq,optional"`, `wire:"seq,often"`},
		"no struct":         {"type Ping struct", "type Other struct"},
		"no Go":             {"package talk", "package"},
	} {
		t.Run(name, func(t *testing.T) {
			source := strings.Replace(string(declared), change[0], change[1], 1)
			if source == string(declared) {
				t.Fatal("nothing was changed")
			}
			path := filepath.Join(t.TempDir(), "message.go")
			if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := generate(path); err == nil {
				t.Error("taken")
			}
		})
	}
}
