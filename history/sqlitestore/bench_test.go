package sqlitestore

import (
	"path/filepath"
	"testing"

	"tuitalk/history/historytest"
)

func BenchmarkAppend(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "talk.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	historytest.BenchmarkAppend(b, s)
}

func BenchmarkMove(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "talk.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	historytest.BenchmarkMove(b, s)
}
