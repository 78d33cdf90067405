package sqlitestore

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// ofdGetLock is F_OFD_GETLK: it finds the locks of this process, too.
const ofdGetLock = 36

// TestRefusedOpenKeepsSQLitesLocks: the locks by which SQLite in other processes sees
// that a database is open belong to this process, and end when any descriptor of the
// file is closed. Who is refused because this process has the file open, by whatever
// name, does not touch it.
func TestRefusedOpenKeepsSQLitesLocks(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "talk.db"), filepath.Join(dir, "link.db")
	s := open(t, path, Options{})
	fill(t, s, "x", 3)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	locked := func() bool {
		lock := syscall.Flock_t{Type: syscall.F_WRLCK}
		if err := syscall.FcntlFlock(file.Fd(), ofdGetLock, &lock); err != nil {
			t.Fatal(err)
		}
		return lock.Type != syscall.F_UNLCK
	}
	if !locked() {
		t.Fatal("SQLite has no lock on an open database")
	}
	if err := os.Link(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link} {
		if _, err := Open(name, Options{}); !errors.Is(err, ErrInUse) {
			t.Errorf("%s: %v", name, err)
		}
		if !locked() {
			t.Errorf("SQLite's locks are gone after %s was refused", name)
		}
	}
	s.Close() // before the descriptor
	_ = file.Close()
}
