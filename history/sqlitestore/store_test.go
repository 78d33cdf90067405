package sqlitestore

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/history"
	"tuitalk/history/historytest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(writerPath); path != "" {
		writeForEver(path)
	}
	historytest.Main(m)
}

func TestContract(t *testing.T) {
	historytest.Run(t, func(t *testing.T) historytest.Fixture {
		f := &fixture{t: t, path: filepath.Join(t.TempDir(), "talk.db")}
		t.Cleanup(f.Reopen)
		return f
	})
}

// fixture is one file; all its handles are the same Store.
type fixture struct {
	t     *testing.T
	path  string
	now   atomic.Pointer[time.Time] // nil: the real time
	store *Store
}

func (f *fixture) clock() time.Time {
	if now := f.now.Load(); now != nil {
		return *now
	}
	return time.Now()
}

func (f *fixture) SetTime(unix int64) {
	now := time.Unix(unix, 0)
	f.now.Store(&now)
}

func (f *fixture) Store(int) history.Store {
	if f.store == nil {
		s, err := Open(f.path, Options{Clock: f.clock})
		if err != nil {
			f.t.Fatal(err)
		}
		f.store = s
	}
	return f.store
}

func (f *fixture) Reopen() {
	if f.store == nil {
		return
	}
	if err := f.store.Close(); err != nil {
		f.t.Error(err)
	}
	f.store = nil
}
