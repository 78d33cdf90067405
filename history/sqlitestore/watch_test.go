package sqlitestore

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tuitalk/history"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o755); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// TestFileTakenAway: nothing is called stored while a file of the database is not
// where it was; when it is back, all goes on, and what was stored is there.
func TestFileTakenAway(t *testing.T) {
	for _, end := range beside {
		for name, instead := range map[string]func(t *testing.T, path string){
			"moved":    func(*testing.T, string) {},
			"replaced": func(t *testing.T, path string) { copyFile(t, path+".away", path) },
			"emptied":  func(t *testing.T, path string) { copyFile(t, os.DevNull, path) },
		} {
			t.Run("db"+end+" "+name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "talk.db")
				s := open(t, path, Options{})
				fill(t, s, "before", 30)
				rename(t, path+end, path+end+".away")
				instead(t, path+end)
				for range 3 {
					if err := tryFill(t, s, "lost", 3); !errors.Is(err, history.ErrUnavailable) || !strings.Contains(err.Error(), "stop this gateway") {
						t.Fatalf("append: %v", err)
					}
				}
				if err := s.Check(t.Context()); !errors.Is(err, history.ErrUnavailable) {
					t.Errorf("check: %v", err)
				}
				if log, err := s.After(t.Context(), 1, 0, 100); err != nil || len(log) != 10 {
					t.Errorf("read: %d entries, %v", len(log), err)
				}
				rename(t, path+end+".away", path+end)
				fill(t, s, "lost", 3)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				wantLog(t, open(t, path, Options{}), 11)
			})
		}
	}
}

// TestFileRemoved: what was called stored before is the last that was.
func TestFileRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "talk.db")
	s := open(t, path, Options{})
	fill(t, s, "before", 30)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := tryFill(t, s, "after", 3); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("append: %v", err)
	}
	s.Close()
	if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), "there was a database") {
		t.Errorf("open: %v", err)
	}
}

// TestFileOverwritten: a backup is copied over the file of a running gateway.
func TestFileOverwritten(t *testing.T) {
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "talk.db"), filepath.Join(dir, "backup.db")
	s := open(t, path, Options{})
	fill(t, s, "a", 300)
	s.Close()
	copyFile(t, path, backup)
	s = open(t, path, Options{})
	fill(t, s, "b", 3000)
	s.Close()
	s = open(t, path, Options{})
	fill(t, s, "c", 3)
	copyFile(t, backup, path)
	for range 2 {
		if err := tryFill(t, s, "d", 3); !errors.Is(err, history.ErrCorrupt) || !strings.Contains(err.Error(), "another program has overwritten") {
			t.Errorf("append: %v", err)
		}
	}
}

// TestFileOverwrittenByASoundBackup: the backup is all right by itself, of the same
// size, and nothing waits in the write-ahead log.
func TestFileOverwrittenByASoundBackup(t *testing.T) {
	for name, something := range map[string]func(t *testing.T, s *Store){
		"entries": func(t *testing.T, s *Store) { fill(t, s, "b", 6) },
		"a move": func(t *testing.T, s *Store) {
			if _, err := s.Move(t.Context(), []history.Move{history.ProbeMove(1)}); err != nil {
				t.Fatal(err)
			}
		},
		"a renewal": func(t *testing.T, s *Store) {
			if err := s.Renew(t.Context(), talk.UUID{1}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, backup := filepath.Join(dir, "talk.db"), filepath.Join(dir, "backup.db")
			s := open(t, path, Options{})
			checkpoint := func() { run(t, path, `PRAGMA wal_checkpoint(TRUNCATE)`) }
			fill(t, s, "a", 303)
			if err := s.Renew(t.Context(), talk.UUID{1}); err != nil {
				t.Fatal(err)
			}
			checkpoint()
			copyFile(t, path, backup)
			something(t, s)
			checkpoint()
			fill(t, s, "a", 3) // repeats: they write nothing, and see the checkpoint
			copyFile(t, backup, path)
			for range 2 {
				if err := tryFill(t, s, "c", 3); !errors.Is(err, history.ErrCorrupt) || !strings.Contains(err.Error(), "another program has overwritten") {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
}

// TestFileVacuumed: SQLite's own shell may make the file shorter.
func TestFileVacuumed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "talk.db")
	s := open(t, path, Options{})
	for _, name := range []string{"a", "b", "c"} {
		fill(t, s, name, 3000)
		run(t, path, `PRAGMA wal_checkpoint(TRUNCATE)`)
		fill(t, s, name, 3)
		run(t, path, `VACUUM; PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	fill(t, s, "d", 300)
	wantLog(t, s, 3100)
	s.Close()
	wantLog(t, open(t, path, Options{}), 3100)
}

// TestFileTruncated: a part of it is gone, also of one that is not read whole.
func TestFileTruncated(t *testing.T) {
	for _, most := range []int64{0, -1} {
		path := filepath.Join(t.TempDir(), "talk.db")
		s := open(t, path, Options{CheckBytes: most})
		fill(t, s, "a", 3000)
		run(t, path, `PRAGMA wal_checkpoint(TRUNCATE)`)
		fill(t, s, "a", 3)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, info.Size()-4096); err != nil {
			t.Fatal(err)
		}
		if err := tryFill(t, s, "b", 3); !errors.Is(err, history.ErrCorrupt) || !strings.Contains(err.Error(), "another program has overwritten") {
			t.Errorf("append: %v", err)
		}
	}
}

// TestFileCheckpointed: another program that uses SQLite may write the file.
func TestFileCheckpointed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "talk.db")
	s := open(t, path, Options{})
	for range 3 {
		fill(t, s, "a", 300)
		run(t, path, `PRAGMA wal_checkpoint(PASSIVE)`)
		fill(t, s, "b", 300)
	}
	wantLog(t, s, 200)
}

// TestStartBesideLeftovers: no new database is made in silence where one has been,
// and what is left of it is not touched.
func TestStartBesideLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "talk.db")
	s := open(t, path, Options{})
	fill(t, s, "x", 30)
	for name, left := range map[string][]string{
		"log": {"-wal"}, "log and index": {"-wal", "-shm"}, "index": {"-shm"}, "lock": {".lock"}, "all": {"-wal", "-shm", ".lock"},
	} {
		for _, empty := range []bool{false, true} {
			other := filepath.Join(t.TempDir(), "talk.db")
			for _, end := range left {
				copyFile(t, path+end, other+end)
			}
			if empty {
				copyFile(t, os.DevNull, other)
			}
			for range 2 {
				_, err := Open(other, Options{})
				if err == nil || !strings.Contains(err.Error(), "is missing or empty") || !strings.Contains(err.Error(), "remove "+other+left[0]) {
					t.Fatalf("%s: %v", name, err)
				}
			}
			for _, end := range left {
				a, aerr := os.ReadFile(path + end)
				b, berr := os.ReadFile(other + end)
				if aerr != nil || berr != nil || string(a) != string(b) {
					t.Errorf("%s: %s was changed", name, end)
				}
				if err := os.Remove(other + end); err != nil {
					t.Fatal(err)
				}
			}
			fill(t, open(t, other, Options{}), "x", 3)
		}
	}
}

// TestStartThatWasKilled: it had begun to make the database, and nobody has to
// remove what it left. The journal is one of SQLite's, at the moment of the kill.
func TestStartThatWasKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "talk.db")
	copyFile(t, os.DevNull, path)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`CREATE TABLE made (half TEXT)`); err != nil {
		t.Fatal(err)
	}
	killed := filepath.Join(t.TempDir(), "talk.db")
	for _, end := range []string{"", "-journal"} {
		copyFile(t, path+end, killed+end)
	}
	if info, err := os.Stat(killed + "-journal"); err != nil || info.Size() == 0 {
		t.Fatalf("there is no journal: %v, %v", info, err)
	}
	s := open(t, killed, Options{})
	fill(t, s, "x", 30)
	wantLog(t, s, 10)
	_ = tx.Rollback()
}

// TestOpenByAnotherName: by a hard link there would be two write-ahead logs of one
// database.
func TestOpenByAnotherName(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "talk.db"), filepath.Join(dir, "link.db")
	s := open(t, path, Options{})
	fill(t, s, "x", 30)
	if err := os.Link(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(link, Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("open in this process: %v", err)
	}
	cmd, out := writer(t, link)
	said, err := out.ReadString('\n')
	_ = cmd.Process.Kill() // if it was let in, it never ends
	_ = cmd.Wait()
	if err != nil || !strings.Contains(said, ErrInUse.Error()) {
		t.Errorf("open in another process: %q, %v", said, err)
	}
	fill(t, s, "y", 30)
	run(t, path, `SELECT 1`)
	wantLog(t, s, 20)
	s.Close()
	if _, err := Open(link, Options{}); err == nil || !strings.Contains(err.Error(), "2 names") {
		t.Errorf("open of one of two: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	log, err := historytest.ReadLog(t.Context(), open(t, link, Options{}), 1)
	if err != nil || len(log) != 20 {
		t.Errorf("%d entries, %v", len(log), err)
	}
}
