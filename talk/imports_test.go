package talk

import (
	"go/build"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestImports keeps the package small in a browser: what it takes in there is
// what costs little. fmt, reflect and any JSON library cost hundreds of kilobytes.
func TestImports(t *testing.T) {
	cheap := map[string]bool{"errors": true, "math/bits": true, "strconv": true, "strings": true, "unicode": true,
		"unicode/utf16": true, "unicode/utf8": true, "github.com/rivo/uniseg": true}
	browser := build.Default
	browser.GOOS, browser.GOARCH = "js", "wasm"
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if inBrowser, err := browser.MatchFile(".", name); err != nil {
			t.Fatal(err)
		} else if !inBrowser || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if path, err := strconv.Unquote(spec.Path.Value); err != nil || !cheap[path] {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
