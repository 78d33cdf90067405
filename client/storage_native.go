//go:build unix

package client

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tuitalk/talk"
)

// maxWindows bounds the files of one directory.
const maxWindows = 1000

// maxStateBytes bounds a file that is read: an outbox, escaped, and its head.
const maxStateBytes = 8*maxOutboxBytes + 64<<10

// lockTries and lockPause bound the wait for another window that writes the
// shared identity, which takes it a moment.
const (
	lockTries = 50
	lockPause = 10 * time.Millisecond
)

// FileStorage keeps a state, and Prefs as a view wants them, in a directory of its own for each server:
//
//	identity      who the user is there, for all windows; guarded by identity.lock
//	window-n      what one window keeps; guarded by window-n.lock for as long
//	              as the window lives
//	prefs/        small things of convenience, one in each file
//	*.tmp         being written; without meaning after a crash
//	*.damaged-t   put aside at Unix time t
type FileStorage struct {
	dir     string
	name    string      // window-n
	lock    *os.File    // of window-n
	orphans []*orphan   // adopted by the last Load, until they are saved here
	written []byte      // what window-n contains; nil: unknown
	shared  talk.Secret // the identity that this window began with or has left for all
}

// orphan is the file of a window that is gone.
type orphan struct {
	path string
	lock *os.File
}

var _ Storage = (*FileStorage)(nil)

// OpenStorage opens the state of one window for these servers under dir, the
// first that no other process has. Nothing of it is ever read for others.
func OpenStorage(dir string, servers []string) (*FileStorage, error) {
	dir = filepath.Join(dir, serversName(servers))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	for n := 1; n <= maxWindows; n++ {
		name := "window-" + strconv.Itoa(n)
		lock, err := lockFile(filepath.Join(dir, name+".lock"))
		if err == nil {
			return &FileStorage{dir: dir, name: name, lock: lock}, nil
		}
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("open the state: %w", err)
		}
	}
	return nil, fmt.Errorf("open the state: %d windows are open in %s", maxWindows, dir)
}

var errLocked = errors.New("another window has it")

// lockFile takes a lock that ends with the process.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// Load reads this window's state, and takes over what windows that are gone
// have left unsent. Their files are removed when Save has it.
func (s *FileStorage) Load() (State, error) {
	var d damage
	window, err := s.read(s.name, &d)
	if err != nil {
		return State{}, err
	}
	shared, err := s.read("identity", &d)
	if err != nil {
		return State{}, err
	}
	st := settleIdentity(window, shared)
	if st.Secret.IsZero() {
		st.Secret = NewSecret()
		if err := s.share(st); err == nil { // else Save says so
			if shared, err := s.read("identity", &d); err == nil && !shared.Secret.IsZero() {
				st.Secret = shared.Secret // another window was first
			}
		}
	}
	s.shared = st.Secret
	others, err := filepath.Glob(filepath.Join(s.dir, "window-*"))
	if err != nil {
		return State{}, fmt.Errorf("read the state: %w", err)
	}
	for _, path := range others {
		name := filepath.Base(path)
		if name == s.name || strings.Contains(name, ".") {
			continue
		}
		if err := s.adopt(&st, name, &d); err != nil {
			return State{}, err
		}
	}
	return st, d.err()
}

// adopt takes over the outbox of another window if that window is gone.
func (s *FileStorage) adopt(st *State, name string, d *damage) error {
	lock, err := lockFile(filepath.Join(s.dir, name+".lock"))
	if errors.Is(err, errLocked) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the state: %w", err)
	}
	left, err := s.read(name, d)
	if err != nil || !adoptable(*st, left) {
		_ = lock.Close()
		return err
	}
	st.adopt(left)
	s.orphans = append(s.orphans, &orphan{filepath.Join(s.dir, name), lock})
	return nil
}

// read reads a file of the directory; a missing one is an empty state. What is
// damaged is put aside and noted.
func (s *FileStorage) read(name string, d *damage) (State, error) {
	path := filepath.Join(s.dir, name)
	data, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	if err != nil && !errors.Is(err, ErrDamaged) {
		return State{}, fmt.Errorf("read the state: %w", err)
	}
	var st State
	if err == nil {
		st, err = decodeState(data)
	}
	if err != nil {
		aside := path + ".damaged-" + strconv.FormatInt(time.Now().UnixNano(), 10)
		if err := os.Rename(path, aside); err != nil {
			return State{}, fmt.Errorf("put a damaged state aside: %w", err)
		}
		*d = append(*d, fmt.Sprintf("%s cannot be read (%v) and is now %s", path, err, aside))
	}
	return st, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxStateBytes || !info.Mode().IsRegular() {
		return nil, ErrDamaged
	}
	return os.ReadFile(path)
}

// Save writes what has changed.
func (s *FileStorage) Save(st State) error {
	data := encodeState(st)
	if s.written == nil || !bytes.Equal(data, s.written) {
		if err := s.replace(s.name, data); err != nil {
			s.written = nil
			return fmt.Errorf("save the state: %w", err)
		}
		s.written = data
	}
	for _, o := range s.orphans {
		if err := os.Remove(o.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what was taken over: %w", err)
		}
		_ = o.lock.Close()
	}
	s.orphans = nil
	return s.share(st)
}

// share writes the identity, unless another window has changed it meanwhile: then
// this window keeps its own until its next start.
func (s *FileStorage) share(st State) error {
	data := encodeState(identityOf(st))
	if same, err := readFile(filepath.Join(s.dir, "identity")); err == nil && bytes.Equal(same, data) {
		return nil
	}
	lock, err := lockFile(filepath.Join(s.dir, "identity.lock"))
	for try := 1; errors.Is(err, errLocked) && try < lockTries; try++ {
		time.Sleep(lockPause)
		lock, err = lockFile(filepath.Join(s.dir, "identity.lock"))
	}
	if err != nil {
		return fmt.Errorf("save the identity: %w", err)
	}
	defer lock.Close()
	if there, err := readFile(filepath.Join(s.dir, "identity")); err == nil {
		shared, err := decodeState(there)
		if err == nil && shared.Secret != st.Secret && shared.Secret != s.shared {
			return nil
		}
	}
	if err := s.replace("identity", data); err != nil {
		return fmt.Errorf("save the identity: %w", err)
	}
	s.shared = st.Secret
	return nil
}

// replace puts data in the place of a file, as a whole or not at all.
func (s *FileStorage) replace(name string, data []byte) error {
	path := filepath.Join(s.dir, name)
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		_ = os.Remove(path + ".tmp")
		return err
	}
	return syncDir(s.dir)
}

// syncDir makes a rename durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Pref is a small thing of convenience, of this window or shared by all of the
// user's; "" when there is none.
func (s *FileStorage) Pref(shared bool, key string) string {
	data, err := readFile(filepath.Join(s.dir, "prefs", s.prefName(shared, key)))
	if err != nil {
		return ""
	}
	return string(data)
}

// SetPref keeps it, or forgets it when value is "". A crash of the machine may
// lose it.
func (s *FileStorage) SetPref(shared bool, key, value string) error {
	path := filepath.Join(s.dir, "prefs", s.prefName(shared, key))
	if value == "" {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp := filepath.Join(filepath.Dir(path), s.name+".tmp") // no other window writes it
	if err := os.WriteFile(tmp, []byte(value), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

func (s *FileStorage) prefName(shared bool, key string) string {
	if shared {
		return key
	}
	return s.name + "." + key
}

// Close lets another window have this state.
func (s *FileStorage) Close() error {
	for _, o := range s.orphans {
		_ = o.lock.Close()
	}
	s.orphans = nil
	return s.lock.Close()
}
