//go:build integration

package pgstore

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tuitalk/deploy/devcluster"
	"tuitalk/history"
	"tuitalk/history/historytest"
)

// server is the one that all tests share, each with a schema of its own, but
// for those that harm it.
var server struct {
	sync.Once
	*devcluster.Postgres
	err     error
	schemas atomic.Int32
}

func init() {
	afterTests = append(afterTests, func() {
		if server.Postgres != nil {
			if err := server.Close(); err != nil {
				fmt.Fprintln(os.Stderr, "close postgres:", err)
			}
		}
	})
}

// newSchema returns the address of an empty schema on the shared server.
func newSchema(t testing.TB) string {
	t.Helper()
	server.Do(func() {
		server.Postgres, server.err = devcluster.StartPostgres(context.Background(), devcluster.PostgresOptions{})
	})
	if server.err != nil {
		t.Fatal(server.err)
	}
	name := fmt.Sprint("test", server.schemas.Add(1))
	execute(t, server.DSN(), "CREATE SCHEMA "+name)
	return withSetting(t, server.DSN(), "search_path", name)
}

func withSetting(t testing.TB, dsn, name, value string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// connect opens a connection for what a test does behind the store's back.
func connect(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func execute(t testing.TB, dsn, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dsn string, options Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), dsn, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestContract(t *testing.T) {
	t.Parallel()
	historytest.Run(t, func(t *testing.T) historytest.Fixture {
		f := &fixture{t: t, dsn: newSchema(t), stores: make(map[int]*Store)}
		t.Cleanup(f.Reopen)
		return f
	})
}

// fixture is one schema; each handle is a store with connections of its own.
type fixture struct {
	t      *testing.T
	dsn    string
	mu     sync.Mutex
	stores map[int]*Store
	now    atomic.Pointer[time.Time] // nil: the real time
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

func (f *fixture) Store(i int) history.Store {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stores[i] == nil {
		s, err := Open(f.t.Context(), f.dsn, Options{Clock: f.clock, Writers: 3, Readers: 2})
		if err != nil {
			f.t.Fatal(err)
		}
		f.stores[i] = s
	}
	return f.stores[i]
}

func (f *fixture) Reopen() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, s := range f.stores {
		if err := s.Close(); err != nil {
			f.t.Error(err)
		}
		delete(f.stores, i)
	}
}
