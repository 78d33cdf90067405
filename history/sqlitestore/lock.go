package sqlitestore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrInUse: another process, or another Store of this one, has the file open.
var ErrInUse = errors.New("the database is in use by another gateway")

// lock keeps everybody else from a database, whatever name they know it by.
//
// There are two exclusive flocks, which the kernel releases when the files are
// closed, also by a crash. The one on path.lock is as old as the program, and its
// file holds the process id, for the people who meet ErrInUse. It is never removed:
// whoever waits for it would lock a ghost. The one on the database itself meets
// those who come by a hard link or a bind mount.
type lock struct {
	named, database *os.File
	id              fileID
}

// opened are the databases that this process has open. To open one once more, and
// close it, would release SQLite's own locks on it: they belong to the process.
var opened struct {
	mu  sync.Mutex
	ids map[fileID]bool
}

// lockDatabase creates the database file if it is missing, and locks it.
func lockDatabase(path string) (*lock, error) {
	named, err := lockFile(path+".lock", path)
	if err != nil {
		return nil, err
	}
	l := &lock{named: named}
	if err := l.lockDatabase(path); err != nil {
		named.Close()
		return nil, err
	}
	return l, nil
}

func (l *lock) lockDatabase(path string) (err error) {
	opened.mu.Lock()
	defer opened.mu.Unlock()
	if info, err := os.Stat(path); err == nil && opened.ids[idOf(info)] {
		return fmt.Errorf("%s: %w (process %d, by another name)", path, ErrInUse, os.Getpid())
	} else if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if l.database, err = lockFile(path, path); err != nil {
		return err
	}
	info, err := l.database.Stat()
	if err == nil {
		err = soleName(path, info)
	}
	if err != nil {
		l.database.Close()
		return err
	}
	if l.id = idOf(info); opened.ids == nil {
		opened.ids = make(map[fileID]bool)
	}
	opened.ids[l.id] = true
	return nil
}

// soleName refuses a file whose write-ahead log, which stands beside one of its
// names, could be missed by who comes by another.
func soleName(path string, info fs.FileInfo) error {
	if n := info.Sys().(*syscall.Stat_t).Nlink; n > 1 {
		return fmt.Errorf("%s has %d names (hard links), and its write-ahead log would belong to one of them: "+
			"remove the others, or start with a copy of the file", path, n)
	}
	if mounted(path) {
		return fmt.Errorf("%s is mounted by itself, without the write-ahead log beside it: mount its folder instead", path)
	}
	return nil
}

// mounted tells whether a file is a mount point.
func mounted(path string) bool {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false
	}
	escaped := strings.NewReplacer("\\", `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`).Replace(path)
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 4 && f[4] == escaped {
			return true
		}
	}
	return false
}

// release is for the time when SQLite has closed the database.
func (l *lock) release() error {
	opened.mu.Lock()
	defer opened.mu.Unlock()
	delete(opened.ids, l.id)
	return errors.Join(l.database.Close(), l.named.Close())
}

// lockFile opens a file, which it makes if it is missing, and locks it.
func lockFile(name, path string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the database must be a file that can be written: %w", err)
	}
	err = lockAlone(f)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		holder := readHolder(f, name, path)
		f.Close()
		return nil, fmt.Errorf("%s: %w%s", path, ErrInUse, holder)
	}
	f.Close()
	return nil, fmt.Errorf("lock %s: %w", name, err)
}

// lockWait bounds the wait for those who only look, each for a moment; lookAgain is the
// pause between two attempts.
const (
	lockWait  = 2 * time.Second
	lookAgain = time.Millisecond
)

// lockAlone locks a file that nobody has locked. Who looks whether somebody has, as
// Examine does, shares the lock for a moment, which is no reason not to start.
func lockAlone(f *os.File) (err error) {
	for end := time.Now().Add(lockWait); ; time.Sleep(lookAgain) {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) || time.Now().After(end) {
			return err
		}
		if shared := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); shared != nil {
			return err // it is somebody's alone
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_UN); err != nil {
			return err
		}
	}
}

// writeHolder notes who holds the lock, for the people who meet ErrInUse, and that
// there is a database now; see noLeftovers. A full disk is no reason not to start.
func (l *lock) writeHolder() error {
	if err := l.named.Truncate(0); err != nil {
		return err
	}
	_, err := l.named.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return nil
	}
	return err
}

func readHolder(f *os.File, name, path string) string {
	if name == path {
		return ", which knows it by another name"
	}
	b, err := io.ReadAll(io.LimitReader(f, 32))
	pid, perr := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || perr != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}
