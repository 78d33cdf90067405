package sqlitestore

import (
	"context"
	"database/sql"
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
// note.
func (w *watch) overwritten() bool {
	_, size, written, err := look(w.path)
	if err != nil || w.written == 0 {
		return false // check tells
	}
	return size != w.size || written != w.written
}

// note takes the database file as it is for one that this store has written.
func (w *watch) note() {
	if _, size, written, err := look(w.path); err == nil {
		w.size, w.written = size, written
	}
}

// newest is the newest of what a store has written, and a file that is not an older
// one must have. The beat moves on with every renewal of a lease, so also while
// nobody says anything.
type newest struct {
	beat         int64
	roomID       int32
	head, epochs int64 // of that room
}

// in looks for it by a connection.
func (n newest) in(ctx context.Context, conn *sql.Conn) error {
	var at newest
	err := conn.QueryRowContext(ctx, `SELECT c.value, coalesce(r.head_seq, 0), coalesce(r.epochs, 0)
		FROM counters c LEFT JOIN rooms r ON r.room_id = ? WHERE c.name = 'beats'`, n.roomID).Scan(&at.beat, &at.head, &at.epochs)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (at.beat < n.beat || at.head < n.head || at.epochs < n.epochs) {
		return fmt.Errorf("%w: it is an older one", history.ErrCorrupt)
	}
	return err
}

// sound is called before a transaction. Another program may write a checkpoint,
// as SQLite's own shell does, and make the file shorter (VACUUM); so what was
// written is looked at before it is called damage.
func (s *Store) sound() error {
	if err := s.watch.check(); err != nil {
		return err
	}
	if !s.watch.overwritten() {
		return nil
	}
	err := s.inspectAnew()
	if err != nil && !errors.Is(err, history.ErrUnavailable) {
		return fmt.Errorf("%w: another program has overwritten %s: stop this gateway, then put a backup there, remove %s-wal and %s-shm, and start again (%v)",
			history.ErrCorrupt, s.path, s.path, s.path, err)
	}
	if err == nil {
		s.watch.note()
	}
	return err
}
