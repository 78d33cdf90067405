package web

import (
	"os"
	"regexp"
	"testing"
)

var inlineHandler = regexp.MustCompile(`<[^>]*\son[a-z]+=`)

func readSource(t *testing.T, name string) string {
	t.Helper()
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}
