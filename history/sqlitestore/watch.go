package sqlitestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"tuitalk/history"
)

// fileID is what a file is, whatever its names are.
type fileID struct{ device, inode uint64 }

// look returns what the file of a name is, its size and when it was last written.
func look(name string) (id fileID, size, written int64, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return id, 0, 0, err
	}
	return idOf(info), info.Size(), info.ModTime().UnixNano(), nil
}

func idOf(info fs.FileInfo) fileID {
	st := info.Sys().(*syscall.Stat_t)
	return fileID{uint64(st.Dev), st.Ino}
}

// beside are the ends of the names of the database's files.
var beside = [...]string{"", "-wal", "-shm"}

// watch notices when the database's files are not those any more that SQLite has
// open: what is written into a file that has no name is gone with the process.
// Owned by who has the turn.
type watch struct {
	path string
	ids  [len(beside)]fileID // zero: SQLite has not made it yet
	// The database file as this store left it. Only checkpoints write it.
	size, written int64
}

func newWatch(path string, id fileID) watch { return watch{path: path, ids: [len(beside)]fileID{id}} }

// again is for when SQLite may make the files beside the database anew.
func (w *watch) again() { clear(w.ids[1:]) }

// check returns an error unless all the files are where they were.
func (w *watch) check() error {
	for i, end := range beside {
		id, _, _, err := look(w.path + end)
		switch {
		case err == nil && w.ids[i] == fileID{}:
			w.ids[i] = id
		case errors.Is(err, fs.ErrNotExist) && w.ids[i] == fileID{}:
		case err != nil || id != w.ids[i]:
			return fmt.Errorf("%w: %s is not the file any more that this gateway opened: it was removed, moved or replaced. "+
				"Nothing is stored until it is back; else stop this gateway, put a backup there (and remove %s-wal and %s-shm), and start again",
				history.ErrUnavailable, w.path+end, w.path, w.path)
		}
	}
	return nil
}

// overwritten tells whether somebody else has written the database file since
// note. shorter: it lost a part, which no program does that uses SQLite.
func (w *watch) overwritten() (other, shorter bool) {
	_, size, written, err := look(w.path)
	if err != nil || w.written == 0 {
		return false, false // check tells
	}
	return size != w.size || written != w.written, size < w.size
}

// note takes the database file as it is for one that this store has written.
func (w *watch) note() {
	if _, size, written, err := look(w.path); err == nil {
		w.size, w.written = size, written
	}
}

// sound is called before a transaction. Another program may write a checkpoint,
// as SQLite's own shell does; so what was written is looked at before it is called
// damage.
func (s *Store) sound() error {
	if err := s.watch.check(); err != nil {
		return err
	}
	other, shorter := s.watch.overwritten()
	if !other {
		return nil
	}
	err := fmt.Errorf("%w: it is shorter", history.ErrCorrupt)
	if !shorter {
		err = s.inspectAnew()
	}
	if err != nil && !errors.Is(err, history.ErrUnavailable) {
		return fmt.Errorf("%w: another program has overwritten %s: stop this gateway, then put a backup there, remove %s-wal and %s-shm, and start again (%v)",
			history.ErrCorrupt, s.path, s.path, s.path, err)
	}
	if err == nil {
		s.watch.note()
	}
	return err
}
