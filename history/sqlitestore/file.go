package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tuitalk/history"
)

// prepareFile creates the database file if it is missing and proves that it,
// its folder and so the files that SQLite keeps beside it can be written. The
// result is the one name of the file, however it was called.
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
	return path, writableFile(path)
}

func writableFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("the database must be a file that can be written: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	return nil
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
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	if info.Size() <= s.options.CheckBytes {
		var verdict string
		if err := s.conn.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
			return err
		}
		if verdict != "ok" {
			return fmt.Errorf("%w: %s", history.ErrCorrupt, verdict)
		}
	}
	var rooms int64
	const headless = `SELECT count(*) FROM rooms WHERE head_seq <>
		coalesce((SELECT max(seq) FROM entries WHERE entries.room_id = rooms.room_id), 0)`
	if err := s.conn.QueryRowContext(ctx, headless).Scan(&rooms); err != nil {
		return err
	}
	if rooms != 0 {
		return fmt.Errorf("%w: %d rooms have lost their newest entry", history.ErrCorrupt, rooms)
	}
	return nil
}
