package sqlitestore

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tuitalk/history"
	"tuitalk/history/historytest"
)

// spoil overwrites the pages of a file behind the first ones with rubbish.
func spoil(t *testing.T, path string, keepPages int) {
	t.Helper()
	const page = 4096
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < (keepPages+20)*page {
		t.Fatalf("the file has only %d bytes", len(b))
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(bytes.Repeat([]byte{0xa5}, len(b)-keepPages*page), int64(keepPages*page)); err != nil {
		t.Fatal(err)
	}
}

func TestCorruptAtOpen(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"pages":         func(t *testing.T, path string) { spoil(t, path, 30) },
		"header":        func(t *testing.T, path string) { spoil(t, path, 0) },
		"truncated":     func(t *testing.T, path string) { os.Truncate(path, 20*4096+100) },
		"another file":  func(t *testing.T, path string) { os.WriteFile(path, bytes.Repeat([]byte("no database "), 1000), 0o600) },
		"lost an entry": func(t *testing.T, path string) { run(t, path, `DELETE FROM entries WHERE room_id = 1 AND seq = 1000`) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "talk.db")
			s := open(t, path, Options{})
			fill(t, s, "x", 3000)
			s.Close()
			damage(t, path)
			for range 2 { // nothing gets worse by trying again
				_, err := Open(path, Options{})
				if !errors.Is(err, history.ErrCorrupt) || !strings.Contains(err.Error(), "restore it from a backup") || !strings.Contains(err.Error(), path) {
					t.Errorf("open: %v", err)
				}
			}
		})
	}
}

func TestCorruptionMetLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "talk.db")
	s := open(t, path, Options{})
	fill(t, s, "x", 3000)
	s.Close()
	s = open(t, path, Options{CheckBytes: -1})
	spoil(t, path, 30)
	if _, err := s.After(t.Context(), 1, 0, 1000); !errors.Is(err, history.ErrCorrupt) {
		t.Fatalf("read: %v", err)
	}
	// From now on nothing is written, so that it gets no worse.
	if err := tryFill(t, s, "y", 1); !errors.Is(err, history.ErrCorrupt) {
		t.Errorf("append: %v", err)
	}
	if err := s.Check(t.Context()); !errors.Is(err, history.ErrCorrupt) {
		t.Errorf("check: %v", err)
	}
	s.Close()
	if _, err := Open(path, Options{}); !errors.Is(err, history.ErrCorrupt) {
		t.Errorf("open: %v", err)
	}
}

// TestCorruptionMetByWriting has a room forget its newest entries: their seqs
// must not be given again.
func TestCorruptionMetByWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "talk.db")
	s := open(t, path, Options{})
	fill(t, s, "x", 30)
	run(t, path, `UPDATE rooms SET head_seq = head_seq - 5 WHERE room_id = 1`)
	for range 2 {
		if err := tryFill(t, s, "y", 3); !errors.Is(err, history.ErrCorrupt) {
			t.Errorf("append: %v", err)
		}
	}
	if log, err := s.After(t.Context(), 0, 0, 100); err != nil || len(log) != 10 {
		t.Errorf("room 0 has %d entries, %v", len(log), err)
	}
}

// TestFull makes SQLite report a full disk; see also the test with a real one.
func TestFull(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "talk.db"), Options{})
	fill(t, s, "before", 300)
	var pages int
	if err := s.conn.QueryRowContext(t.Context(), `PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(n int) {
		if _, err := s.conn.ExecContext(t.Context(), fmt.Sprint(`PRAGMA max_page_count = `, n)); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages + 5)
	for range 3 {
		if err := tryFill(t, s, "full", 3000); !errors.Is(err, history.ErrUnavailable) {
			t.Fatalf("append: %v", err)
		}
		wantLog(t, s, 100)
	}
	limit(1 << 30)
	fill(t, s, "full", 3000)
	wantLog(t, s, 1100)
}

// wantLog checks the logs of rooms 0 to 2.
func wantLog(t *testing.T, s *Store, n int) {
	t.Helper()
	for room := range int32(3) {
		log, err := historytest.ReadLog(t.Context(), s, room)
		if err != nil || len(log) != n {
			t.Errorf("room %d has %d entries, want %d; %v", room, len(log), n, err)
		}
	}
}
