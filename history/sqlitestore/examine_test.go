package sqlitestore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExamineBesideAWALThatWasNotClosed: after a crash what tells whose database it is may
// stand in the -wal alone.
func TestExamineBesideAWALThatWasNotClosed(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	s, err := Open(filepath.Join(from, "talk.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"talk.db", "talk.db-wal"} { // as a power cut leaves them
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := Examine(filepath.Join(to, "talk.db"))
	if err != nil || !strings.Contains(found, "recovered") {
		t.Errorf("found %q, %v", found, err)
	}
	again, err := Open(filepath.Join(to, "talk.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if found, err = Examine(filepath.Join(to, "talk.db")); err != nil || !strings.Contains(found, "is a database of this program") {
		t.Errorf("closed: found %q, %v", found, err)
	}
}
