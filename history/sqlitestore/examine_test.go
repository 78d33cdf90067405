package sqlitestore

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestOpenWhileItIsExamined: who looks whether a gateway has the database shares its lock
// for a moment, and keeps nobody from it.
func TestOpenWhileItIsExamined(t *testing.T) {
	path := filepath.Join(t.TempDir(), "talk.db")
	looker, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer looker.Close()
	if err := syscall.Flock(int(looker.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() {
		s, err := Open(path, Options{})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	for openFiles(t, path+".lock") < 2 && len(opened) == 0 {
		runtime.Gosched() // until it has come to the lock
	}
	if err := syscall.Flock(int(looker.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

// openFiles counts this process's descriptors of a file.
func openFiles(t *testing.T, name string) (n int) {
	t.Helper()
	all, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range all {
		if to, err := os.Readlink(fd); err == nil && to == name {
			n++
		}
	}
	return n
}

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
