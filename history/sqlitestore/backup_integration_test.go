//go:build integration

package sqlitestore

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tuitalk/history/historytest"
)

// TestBackupAsTheManualSays: with the distribution's sqlite3, while a gateway has the
// database open; what comes of it is a database of this program.
func TestBackupAsTheManualSays(t *testing.T) {
	manual, err := os.ReadFile("../../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	const command = `sqlite3 tuitalk.db ".backup backup.db"`
	if !strings.Contains(string(manual), "`"+command+"`") {
		t.Errorf("the manual does not say %s", command)
	}
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "tuitalk.db"), Options{})
	fill(t, s, "x", 30)
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v: %s", err, out)
	}
	restored := open(t, filepath.Join(dir, "backup.db"), Options{})
	want, err := historytest.ReadLog(t.Context(), s, 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := historytest.ReadLog(t.Context(), restored, 0)
	if err != nil || len(got) != len(want) {
		t.Errorf("%d entries of %d, %v", len(got), len(want), err)
	}
}
