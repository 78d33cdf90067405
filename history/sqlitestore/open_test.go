package sqlitestore

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"tuitalk/history"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

func open(t *testing.T, path string, options Options) *Store {
	t.Helper()
	s, err := Open(path, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// fill stores n entries in rooms 0, 1 and 2, in one batch.
func fill(t *testing.T, s *Store, name string, n int) {
	t.Helper()
	if err := tryFill(t, s, name, n); err != nil {
		t.Fatal(err)
	}
}

func tryFill(t *testing.T, s *Store, name string, n int) error {
	t.Helper()
	entries := make([]talk.Entry, n)
	for i := range entries {
		entries[i] = historytest.Post(int32(i%3), "ada", fmt.Sprint(name, i), strings.Repeat("text ", 40))
	}
	_, err := s.Append(t.Context(), entries)
	return err
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other.db")
	run(t, other, `CREATE TABLE somebody (elses INTEGER)`)
	newer := filepath.Join(dir, "newer.db")
	open(t, newer, Options{}).Close()
	run(t, newer, `PRAGMA user_version = 99`)
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, path, says string
		is               error
	}{
		{"no name", "", "name of a file", nil},
		{"memory", ":memory:", "name of a file", nil},
		{"no folder", filepath.Join(dir, "missing", "talk.db"), "does not exist", nil},
		{"a folder", dir, "must be a file", nil},
		{"a pipe", pipe, "not a regular file", nil},
		{"another program's", other, "another program", history.ErrSchema},
		{"a newer one", newer, "version 99", history.ErrSchema},
	} {
		s, err := Open(test.path, Options{})
		if err == nil {
			s.Close()
			t.Errorf("%s: opened", test.name)
			continue
		}
		if !strings.Contains(err.Error(), test.says) || (test.is != nil && !errors.Is(err, test.is)) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// run runs statements on a file that no Store has open.
func run(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statements); err != nil {
		t.Fatal(err)
	}
}

func TestOpenTwice(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "talk.db")
	s := open(t, path, Options{})
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link, filepath.Join(dir, ".", "x", "..", "talk.db")} {
		second, err := Open(name, Options{})
		if err == nil {
			second.Close()
		}
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
			t.Errorf("%s: %v", name, err)
		}
	}
	fill(t, s, "still works", 3)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the write-ahead log is left after Close: %v", err)
	}
	open(t, path, Options{})
}

func TestFileMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd ?#% näme.db")
	fill(t, open(t, path, Options{}), "x", 3)
	for _, name := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

// TestSchemaRefuses goes around the check that all stores share: what the
// schema refuses by itself is refused alone.
func TestSchemaRefuses(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "talk.db"), Options{})
	for name, spoil := range map[string]func(*talk.Entry){
		"NUL":       func(e *talk.Entry) { e.Text = "a\x00b" },
		"long text": func(e *talk.Entry) { e.Text = strings.Repeat("é", 2001) },
		"long name": func(e *talk.Entry) { e.Name = strings.Repeat("x", 65) },
		"no author": func(e *talk.Entry) { e.Author = talk.UUID{} },
		"no id":     func(e *talk.Entry) { e.ID = talk.UUID{} },
		"kind":      func(e *talk.Entry) { e.Kind = 3 },
		"sent at":   func(e *talk.Entry) { e.SentAt = 1 << 63 },
	} {
		entries := make([]talk.Entry, 9)
		for i := range entries {
			entries[i] = historytest.Post(1, "ada", fmt.Sprint(name, i), "good")
		}
		spoil(&entries[4])
		before, err := s.Heads(t.Context(), []int32{1})
		if err != nil {
			t.Fatal(err)
		}
		results := make([]history.Result, len(entries))
		transactions := 0
		err = history.Batch{Len: len(entries), Check: func(int) error { return nil }, Apply: func(indices []int) error {
			transactions++
			return s.appendEntries(t.Context(), entries, indices, results)
		}, Probe: func(int) error { return s.probeAppend(t.Context(), 0) }, Refuse: func(i int, err error) { results[i] = history.Result{Err: err} }}.Bisect()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		seq := before[0].Seq
		for i, r := range results {
			if i == 4 {
				if !errors.Is(r.Err, history.ErrBadEntry) {
					t.Errorf("%s: %+v", name, r)
				}
			} else if seq++; r.Seq != seq {
				t.Errorf("%s: good entry %d: %+v, want seq %d", name, i, r, seq)
			}
		}
		if transactions < 3 {
			t.Errorf("%s: %d transactions: the schema did not refuse it", name, transactions)
		}
	}
	if _, err := historytest.ReadLog(t.Context(), s, 1); err != nil {
		t.Error(err)
	}
}

// planStep is a step that finds its rows by an index. l is a subquery of one row.
var planStep = regexp.MustCompile(`^(SEARCH \w+ USING .*\((room_id=|room_id>|\(room_id,).*\)|(CORRELATED )?SCALAR SUBQUERY \d|CO-ROUTINE l|SCAN l)$`)

// TestQueryPlans: every statement goes by an index, without sorting, however
// many entries there are.
func TestQueryPlans(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "talk.db"), Options{})
	for name, query := range map[string]string{
		"After": afterQuery, "Before": beforeQuery, "SpanBefore": spanQuery, "Room": listedQuery, "Broken": brokenQuery,
	} {
		rows, err := s.reads.Query("EXPLAIN QUERY PLAN " + regexp.MustCompile(`\?\d`).ReplaceAllString(query, "1"))
		if err != nil {
			t.Fatal(name, err)
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if !planStep.MatchString(detail) {
				t.Errorf("%s: %s", name, detail)
			}
		}
	}
}

// TestDurable: a commit returns when it is on the disk.
func TestDurable(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "talk.db"), Options{})
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal"} {
		var got string
		if err := s.conn.QueryRowContext(t.Context(), `PRAGMA `+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, want %s; %v", pragma, got, want, err)
		}
	}
}

// TestReconnects: a connection that is lost is replaced.
func TestReconnects(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "talk.db"), Options{})
	fill(t, s, "before", 30)
	for range 3 {
		s.conn.Close()
		if err := tryFill(t, s, "after", 30); !errors.Is(err, history.ErrUnavailable) {
			t.Errorf("append: %v", err)
		}
		fill(t, s, "after", 30)
	}
	wantLog(t, s, 20)
}

// TestADatabaseOfAnOlderVersion: what a file of each older version holds is there
// afterwards, and goes on.
func TestADatabaseOfAnOlderVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "talk.db")
	base, err := migrations.ReadFile("migrations/0001_base.sql")
	if err != nil {
		t.Fatal(err)
	}
	run(t, path, string(base)+fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = 1;
		INSERT INTO users VALUES (randomblob(16), 1);
		INSERT INTO rooms VALUES (7, 1, 1000, 2, 1, 0);
		INSERT INTO entries VALUES (7, 1, x'11111111111111111111111111111111', randomblob(16), 0, 'ada', '', 1000, 0);
		INSERT INTO members VALUES (7, x'11111111111111111111111111111111', 'ada', 1, 0);
		INSERT INTO sessions SELECT 7, x'11111111111111111111111111111111', value, value, 1, value, 1000
			FROM (SELECT x'22222222222222222222222222222222' AS value UNION SELECT x'33333333333333333333333333333333');`, applicationID))
	s := open(t, path, Options{})
	defer s.Close()
	broken, err := s.Broken(t.Context(), history.SessionKey{}, 10)
	if err != nil || len(broken) != 2 || broken[0].LeaveID == broken[1].LeaveID || broken[0].LeaveID.IsZero() || broken[1].LeaveID.IsZero() {
		t.Fatalf("broken: %+v, %v", broken, err)
	}
	var moves []history.Move
	for _, b := range broken {
		moves = append(moves, history.Move{Action: history.Leave, Key: b.SessionKey, Epoch: b.Epoch, EntryID: b.LeaveID, Quiet: 300})
	}
	moved, err := s.Move(t.Context(), moves)
	if err != nil || moved[1].Entry == nil || moved[1].Entry.Seq != 2 || moved[1].Entry.ID != broken[1].LeaveID {
		t.Errorf("leave: %+v, %v", moved, err)
	}
	fill(t, s, "x", 3)
}
