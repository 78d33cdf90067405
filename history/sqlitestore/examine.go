package sqlitestore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"tuitalk/history"
)

// Where the first page of a database has what tells whose it is.
const (
	headerBytes = 100
	headerMagic = "SQLite format 3\x00"
	versionAt   = 60
	programAt   = 68
)

// Examine says what there is at the path of a database, and makes and changes none. The
// error is what keeps Open from it, with the remedy; that a gateway has it open is not.
func Examine(path string) (found string, err error) {
	file, err := prepareFile(path)
	if err != nil {
		return "", folderRemedy(err, filepath.Dir(path))
	}
	switch held, holder, err := heldBy(file); {
	case err != nil:
		return "", ownerRemedy(err)
	case held:
		return file + " is open in a running gateway" + holder, nil
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return file + " will be made", nil
	}
	if err != nil {
		return "", ownerRemedy(err)
	}
	defer f.Close()
	if wal, err := os.Stat(file + "-wal"); err == nil && wal.Size() > 0 {
		return file + " was not closed, and is recovered when it is opened", nil // whose it is may stand in that
	}
	return examineHeader(f, file)
}

// folderRemedy ends the sentence about a folder that cannot hold a database.
func folderRemedy(err error, folder string) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w: let the user of the gateway own it (StateDirectory of its unit does)", err)
	}
	if _, missing := os.Stat(folder); errors.Is(missing, fs.ErrNotExist) {
		return fmt.Errorf("%w: make it, or correct -store", err)
	}
	return err
}

// ownerRemedy is for a file that cannot be opened for writing.
func ownerRemedy(err error) error {
	return fmt.Errorf("the database must be a file that can be written: %w: let the user of the gateway own it and what stands beside it (-wal, -shm, .lock)", err)
}

// heldBy tells whether, and where, a gateway has the database open.
func heldBy(path string) (held bool, holder string, err error) {
	name := path + ".lock"
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, "", nil
	}
	if err != nil {
		return false, "", err
	}
	defer f.Close() // which also gives back the lock
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, readHolder(f, name, path), nil
	}
	return false, "", err
}

// examineHeader tells whose database a file is.
func examineHeader(f *os.File, path string) (string, error) {
	head := make([]byte, headerBytes)
	n, err := io.ReadFull(f, head)
	if n == 0 && errors.Is(err, io.EOF) {
		return path + " is empty and will be filled", nil
	}
	files, globErr := fs.Glob(migrations, "migrations/*.sql")
	switch {
	case err != nil || globErr != nil || string(head[:len(headerMagic)]) != headerMagic || binary.BigEndian.Uint32(head[programAt:]) != applicationID:
		return "", fmt.Errorf("%s is no database of this program: restore it from a backup, or give -store another file", path)
	case int(binary.BigEndian.Uint32(head[versionAt:])) > len(files):
		return "", fmt.Errorf("%w: the schema of %s has version %d and this program knows %d: use the newer program",
			history.ErrSchema, path, binary.BigEndian.Uint32(head[versionAt:]), len(files))
	}
	return path + " is a database of this program", nil
}
