//go:build integration

package sqlitestore

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tuitalk/history"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

// disk mounts a small disk of its own; only root can.
func disk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	mount(t, "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir)
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

func mount(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "mount", args...).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
}

// fillUp writes a file until the disk is full.
func fillUp(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 4096); err == nil; {
		_, err = f.Write(chunk)
	}
}

// TestDiskFull: when the disk is full, what was stored stays, what was not is
// refused as a whole, and all goes on when there is space again.
func TestDiskFull(t *testing.T) {
	dir := disk(t, "4m")
	path, ballast := filepath.Join(dir, "talk.db"), filepath.Join(dir, "ballast")
	s := open(t, path, Options{})
	n := 0
	var unclear []talk.Entry
	for round := range 3 {
		for {
			batch := make([]talk.Entry, 1+n%50)
			for i := range batch {
				batch[i] = historytest.Post(1, "ada", fmt.Sprint(n+i), strings.Repeat("x", 300))
			}
			results, err := s.Append(t.Context(), batch)
			if err != nil {
				if !errors.Is(err, history.ErrUnavailable) {
					t.Fatalf("append: %v", err)
				}
				unclear = batch
				break
			}
			if n += len(batch); results[len(batch)-1].Seq != int64(n) {
				t.Fatalf("entry %d has seq %d", n, results[len(batch)-1].Seq)
			}
			if n > 400 && round == 0 {
				fillUp(t, ballast)
			}
		}
		log, err := historytest.ReadLog(t.Context(), s, 1)
		if err != nil || len(log) != n {
			t.Fatalf("%d entries are there, %d were acknowledged; %v", len(log), n, err)
		}
		for s.Check(t.Context()) == nil { // a counter takes little space, but some
		}
		if err := s.Check(t.Context()); !errors.Is(err, history.ErrUnavailable) {
			t.Errorf("check: %v", err)
		}
		if round == 1 {
			s.Close()                    // which cannot empty the write-ahead log either
			s = open(t, path, Options{}) // what is there can be read
			if log, err := historytest.ReadLog(t.Context(), s, 1); err != nil || len(log) != n {
				t.Errorf("%d entries are there after a restart, %d were acknowledged; %v", len(log), n, err)
			}
			if _, err := s.Append(t.Context(), unclear); !errors.Is(err, history.ErrUnavailable) {
				t.Errorf("append after a restart: %v", err)
			}
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if err := s.Check(t.Context()); err != nil {
			t.Errorf("check with space: %v", err)
		}
		results, err := s.Append(t.Context(), unclear)
		if err != nil || results[0].Seq != int64(n+1) || results[0].Repeat {
			t.Fatalf("append with space: %+v, %v", results, err)
		}
		n += len(unclear)
		fillUp(t, ballast)
	}
}

func TestReadOnlyDisk(t *testing.T) {
	dir := disk(t, "4m")
	path := filepath.Join(dir, "talk.db")
	s := open(t, path, Options{})
	fill(t, s, "x", 30)
	s.Close()
	mount(t, "-o", "remount,ro", dir)
	for range 2 {
		if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), "can be written") || !strings.Contains(err.Error(), "read-only") {
			t.Errorf("open: %v", err)
		}
	}
	mount(t, "-o", "remount,rw", dir)
	fill(t, open(t, path, Options{}), "y", 30)
}

// TestReadOnlyFile runs as a user for whom modes of files matter.
func TestReadOnlyFile(t *testing.T) {
	dir := disk(t, "64m")
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // the test's own folder
		t.Fatal(err)
	}
	path, program := filepath.Join(dir, "talk.db"), filepath.Join(dir, "writer")
	open(t, path, Options{}).Close()
	copyFile(t, os.Args[0], program)
	for _, test := range []struct{ chmod, says string }{
		{"a=rx", "the folder of the database must be one that can be written"},
		{"a=rwx", "the database must be a file that can be written"}, // its file belongs to root
	} {
		if out, err := exec.Command("chmod", test.chmod, dir).CombinedOutput(); err != nil {
			t.Fatalf("chmod: %v: %s", err, out)
		}
		cmd := exec.CommandContext(t.Context(), "setpriv", "--reuid=65534", "--clear-groups", program)
		cmd.Env = append(os.Environ(), writerPath+"="+path)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), test.says) || !strings.Contains(string(out), "permission denied") {
			t.Errorf("the writer says %q, %v", out, err)
		}
	}
}

// TestBindMounts: through a mount of its folder the database is the same one, and
// a mount of the file alone has no place for its write-ahead log.
func TestBindMounts(t *testing.T) {
	dir, other := disk(t, "8m"), t.TempDir()
	path := filepath.Join(dir, "talk.db")
	s := open(t, path, Options{})
	fill(t, s, "x", 3)
	bind := func(from, to string) {
		mount(t, "--bind", from, to)
		t.Cleanup(func() {
			if out, err := exec.Command("umount", to).CombinedOutput(); err != nil {
				t.Errorf("umount: %v: %s", err, out)
			}
		})
	}
	folder, file := filepath.Join(other, "folder"), filepath.Join(other, "talk.db")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	bind(dir, folder)
	bind(path, file)
	for _, name := range []string{filepath.Join(folder, "talk.db"), file} {
		if _, err := Open(name, Options{}); !errors.Is(err, ErrInUse) {
			t.Errorf("open %s: %v", name, err)
		}
	}
	fill(t, s, "y", 3)
	s.Close()
	if _, err := Open(file, Options{}); err == nil || !strings.Contains(err.Error(), "mount its folder instead") {
		t.Errorf("open the file that is mounted: %v", err)
	}
	wantLog(t, open(t, filepath.Join(folder, "talk.db"), Options{}), 2)
}
