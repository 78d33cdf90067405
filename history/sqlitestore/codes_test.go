package sqlitestore

import (
	"bytes"
	"errors"
	"go/build"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"tuitalk/history"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

// meaningsOfAll is what each result code of SQLite means, and each extended one.
func meaningsOfAll() map[error][]int {
	return map[error][]int{
		history.ErrBadEntry: {
			sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_CONSTRAINT_CHECK, sqlite3.SQLITE_CONSTRAINT_COMMITHOOK,
			sqlite3.SQLITE_CONSTRAINT_DATATYPE, sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, sqlite3.SQLITE_CONSTRAINT_FUNCTION,
			sqlite3.SQLITE_CONSTRAINT_NOTNULL, sqlite3.SQLITE_CONSTRAINT_PINNED, sqlite3.SQLITE_CONSTRAINT_TRIGGER,
			sqlite3.SQLITE_CONSTRAINT_VTAB, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH,
		},
		history.ErrCorrupt: {
			sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_ROWID,
			sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CORRUPT_INDEX, sqlite3.SQLITE_CORRUPT_SEQUENCE, sqlite3.SQLITE_CORRUPT_VTAB,
			sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA,
		},
		history.ErrUnavailable: {
			sqlite3.SQLITE_ERROR, sqlite3.SQLITE_INTERNAL, sqlite3.SQLITE_PERM, sqlite3.SQLITE_ABORT, sqlite3.SQLITE_ABORT_ROLLBACK,
			sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_BUSY_TIMEOUT,
			sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_READONLY_CANTINIT,
			sqlite3.SQLITE_READONLY_CANTLOCK, sqlite3.SQLITE_READONLY_DBMOVED, sqlite3.SQLITE_READONLY_DIRECTORY,
			sqlite3.SQLITE_READONLY_RECOVERY, sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR,
			sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC,
			sqlite3.SQLITE_IOERR_DIR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_IOERR_FSTAT, sqlite3.SQLITE_IOERR_UNLOCK,
			sqlite3.SQLITE_IOERR_RDLOCK, sqlite3.SQLITE_IOERR_DELETE, sqlite3.SQLITE_IOERR_NOMEM, sqlite3.SQLITE_IOERR_LOCK,
			sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP, sqlite3.SQLITE_IOERR_MMAP,
			sqlite3.SQLITE_NOTFOUND, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CANTOPEN_ISDIR,
			sqlite3.SQLITE_CANTOPEN_FULLPATH, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_EMPTY, sqlite3.SQLITE_SCHEMA,
			sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_RANGE,
			sqlite3.SQLITE_NOTICE, sqlite3.SQLITE_WARNING, sqlite3.SQLITE_AUTH_USER, sqlite3.SQLITE_CANTOPEN_CONVPATH,
			sqlite3.SQLITE_CANTOPEN_DIRTYWAL, sqlite3.SQLITE_CANTOPEN_NOTEMPDIR, sqlite3.SQLITE_CANTOPEN_SYMLINK,
			sqlite3.SQLITE_ERROR_KEY, sqlite3.SQLITE_ERROR_MISSING_COLLSEQ, sqlite3.SQLITE_ERROR_RESERVESIZE,
			sqlite3.SQLITE_ERROR_RETRY, sqlite3.SQLITE_ERROR_SNAPSHOT, sqlite3.SQLITE_ERROR_UNABLE, sqlite3.SQLITE_IOERR_ACCESS,
			sqlite3.SQLITE_IOERR_AUTH, sqlite3.SQLITE_IOERR_BADKEY, sqlite3.SQLITE_IOERR_BEGIN_ATOMIC, sqlite3.SQLITE_IOERR_BLOCKED,
			sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK, sqlite3.SQLITE_IOERR_CLOSE, sqlite3.SQLITE_IOERR_CODEC,
			sqlite3.SQLITE_IOERR_COMMIT_ATOMIC, sqlite3.SQLITE_IOERR_CONVPATH, sqlite3.SQLITE_IOERR_DELETE_NOENT,
			sqlite3.SQLITE_IOERR_DIR_CLOSE, sqlite3.SQLITE_IOERR_GETTEMPPATH, sqlite3.SQLITE_IOERR_IN_PAGE,
			sqlite3.SQLITE_IOERR_NOMEM_BKPT, sqlite3.SQLITE_IOERR_ROLLBACK_ATOMIC, sqlite3.SQLITE_IOERR_SEEK,
			sqlite3.SQLITE_IOERR_SHMLOCK, sqlite3.SQLITE_IOERR_VNODE, sqlite3.SQLITE_LOCKED_SHAREDCACHE,
			sqlite3.SQLITE_LOCKED_VTAB, sqlite3.SQLITE_NOTICE_RBU, sqlite3.SQLITE_NOTICE_RECOVER_ROLLBACK,
			sqlite3.SQLITE_NOTICE_RECOVER_WAL, sqlite3.SQLITE_WARNING_AUTOINDEX,
		},
	}
}

func TestMeaningOfEachCode(t *testing.T) {
	for want, codes := range meaningsOfAll() {
		for _, code := range codes {
			if got := meaningOf(code); got != want {
				t.Errorf("%d: %v, want %v", code, got, want)
			}
		}
	}
}

// TestNoCodeOfTheLibraryIsForgotten: a newer SQLite may have more codes. Somebody has to
// say what each of them means.
func TestNoCodeOfTheLibraryIsForgotten(t *testing.T) {
	thought := map[int]bool{sqlite3.SQLITE_ROW: true, sqlite3.SQLITE_DONE: true} // no errors
	for _, codes := range meaningsOfAll() {
		for _, code := range codes {
			thought[code] = true
		}
	}
	known := libraryCodes(t)
	if len(known) < 100 {
		t.Fatalf("only %d codes are found: the library is written otherwise", len(known))
	}
	for name, code := range known {
		if !thought[code] {
			t.Errorf("what does %s mean?", name)
		}
	}
}

var constant = regexp.MustCompile(`(?m)^const (SQLITE_\w+) = (\d+)$`)

// libraryCodes finds the result codes among the constants of the library: those that it has
// a sentence for, and those that extend one of them by name and in the upper bytes.
func libraryCodes(t *testing.T) map[string]int {
	t.Helper()
	lib, err := build.Import("modernc.org/sqlite/lib", ".", build.FindOnly)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(lib.Dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]int{}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			if !bytes.HasPrefix(line, []byte("const SQLITE_")) {
				continue
			}
			if m := constant.FindSubmatch(line); m != nil {
				if code, err := strconv.Atoi(string(m[2])); err == nil { // else it is too large for one
					constants[string(m[1])] = code
				}
			}
		}
	}
	codes := map[string]int{}
	for name, code := range constants {
		base := name
		if code > 0xff {
			for base = name[:strings.LastIndexByte(name, '_')]; base != "SQLITE" && constants[base] != code&0xff; {
				base = base[:strings.LastIndexByte(base, '_')]
			}
		}
		if strings.HasSuffix(sqlite.ErrorCodeString[code&0xff], "("+base+")") {
			codes[name] = code
		}
	}
	return codes
}

// TestNothingIsRefusedWhileNothingIsTaken: a database that takes no entry at all
// has refused none, whatever it says; of those that it takes one by one, only
// the guilty one is.
func TestNothingIsRefusedWhileNothingIsTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "talk.db")
	s := open(t, path, Options{})
	run(t, path, `CREATE TRIGGER object BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'no'); END`)
	entries := []talk.Entry{historytest.Post(1, "ada", "a", "a"), historytest.Post(1, "ada", "b", "bad"), historytest.Post(1, "ada", "c", "c")}
	if results, err := s.Append(t.Context(), entries); !errors.Is(err, history.ErrUnavailable) || errors.Is(err, history.ErrBadEntry) {
		t.Errorf("%+v, %v", results, err)
	}
	if moved, err := s.Move(t.Context(), []history.Move{history.ProbeMove(1)}); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("move: %+v, %v", moved, err)
	}
	run(t, path, `DROP TRIGGER object`)
	run(t, path, `CREATE TRIGGER object BEFORE INSERT ON entries WHEN NEW.body = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END`)
	results, err := s.Append(t.Context(), entries)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if guilty := entries[i].Text == "bad"; errors.Is(r.Err, history.ErrBadEntry) != guilty || (r.Seq > 0) == guilty {
			t.Errorf("entry %d: %+v", i, r)
		}
	}
	if log, err := historytest.ReadLog(t.Context(), s, 1); err != nil || len(log) != 2 {
		t.Errorf("%d entries, %v", len(log), err)
	}
}
