package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tuitalk/history"
)

// prepareFile finds the one name of the database file, however it was called, and
// proves that its folder, and so the files that SQLite keeps beside it, can be
// written. The file may be missing, but not while something of it is left.
func prepareFile(path string) (string, error) {
	if path == "" || path == ":memory:" {
		return "", errors.New("it needs the name of a file")
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the folder %s does not exist", filepath.Dir(path))
	}
	if err != nil {
		return "", err
	}
	if path, err = filepath.Abs(filepath.Join(folder, filepath.Base(path))); err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if err := writableFolder(filepath.Dir(path)); err != nil {
		return "", err
	}
	return path, noLeftovers(path)
}

// noLeftovers refuses to make a new database where one has been: it would be
// empty, and what is left of the old one, its newest entries, would be discarded.
func noLeftovers(path string) error {
	if info, err := os.Stat(path); err == nil && (info.Size() > 0 || !info.Mode().IsRegular()) {
		return nil
	}
	var left []string
	for _, end := range []string{"-wal", "-shm", "-journal", ".lock"} {
		if info, err := os.Stat(path + end); err == nil && (info.Size() > 0 || end == "-shm") && !(end == "-journal" && ofNothing(path+end)) {
			left = append(left, path+end)
		}
	}
	if len(left) == 0 {
		return nil
	}
	names := strings.Join(left, ", ")
	return fmt.Errorf("%s is missing or empty, but there was a database: %s is left of it. "+
		"Put the file back where it was; or, to begin with an empty one, remove %s", path, names, names)
}

// ofNothing tells of the journal by which SQLite would undo the making of a
// database: it leads back to no pages. A start that is killed leaves it.
func ofNothing(journal string) bool {
	f, err := os.Open(journal)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 20) // magic, records, nonce, pages before
	_, err = io.ReadFull(f, head)
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || err == nil && binary.BigEndian.Uint32(head[16:]) == 0
}

func writableFolder(folder string) error {
	f, err := os.CreateTemp(folder, ".tuitalk-*")
	if err != nil {
		return fmt.Errorf("the folder of the database must be one that can be written: %w", err)
	}
	f.Close()
	return os.Remove(f.Name())
}

// inspect looks for damage before anybody relies on the file. Damage of pages
// that it does not read is found by the statement that meets it.
func (s *Store) inspect(ctx context.Context) error {
	return inspect(ctx, s.conn, s.path, s.options.CheckBytes)
}

// inspectAnew is inspect by a new connection, which has nothing in memory, and
// whether the newest of what this store has written is there.
func (s *Store) inspectAnew() error {
	pool, err := openPool(s.path, 1, true)
	if err != nil {
		return err
	}
	defer pool.Close()
	conn, err := pool.Conn(context.Background())
	if err != nil {
		return failed("check", err)
	}
	defer conn.Close()
	err = inspect(context.Background(), conn, s.path, s.options.CheckBytes)
	if err == nil {
		err = s.newest.in(context.Background(), conn)
	}
	if err == nil {
		err = s.watch.whole(context.Background(), conn)
	}
	return failed("check", err)
}

// whole tells whether a file that became shorter still has all of its pages.
func (w *watch) whole(ctx context.Context, conn *sql.Conn) error {
	var bytes int64
	if err := conn.QueryRowContext(ctx, `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`).Scan(&bytes); err != nil {
		return err
	}
	if _, size, _, err := look(w.path); err == nil && size < w.size && size < bytes {
		return fmt.Errorf("%w: it is shorter", history.ErrCorrupt)
	}
	return nil
}

func inspect(ctx context.Context, conn *sql.Conn, path string, most int64) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() <= most {
		var verdict string
		if err := conn.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
			return err
		}
		if verdict != "ok" {
			return fmt.Errorf("%w: %s", history.ErrCorrupt, verdict)
		}
	}
	var rooms int64
	const headless = `SELECT count(*) FROM rooms WHERE head_seq <>
		coalesce((SELECT max(seq) FROM entries WHERE entries.room_id = rooms.room_id), 0)`
	if err := conn.QueryRowContext(ctx, headless).Scan(&rooms); err != nil {
		return err
	}
	if rooms != 0 {
		return fmt.Errorf("%w: %d rooms have lost their newest entry", history.ErrCorrupt, rooms)
	}
	return nil
}
