//go:build integration

package devcluster_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
)

func startPostgres(t *testing.T, options devcluster.PostgresOptions) *devcluster.Postgres {
	t.Helper()
	p, err := devcluster.StartPostgres(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// query asks with PostgreSQL's own client.
func query(t *testing.T, p *devcluster.Postgres, sql string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "psql", "-AtX", "-v", "ON_ERROR_STOP=1", "-c", sql, p.DSN()).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, devcluster.PostgresOptions{Settings: map[string]string{"work_mem": "7MB"}})
	ask := func(sql, want string) {
		t.Helper()
		if got, err := query(t, p, sql); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", sql, got, err, want)
		}
	}
	ask(`SELECT current_user || ' ' || current_database() || ' ' || pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()`,
		"tuitalk tuitalk UTF8")
	ask(`SHOW work_mem`, "7MB")
	ask(`SHOW log_error_verbosity`, "terse") // of deploy/postgres
	if out, err := query(t, p, `CREATE TABLE kept AS SELECT 42 AS n`); err != nil {
		t.Fatal(out, err)
	}
	addr := p.Addr()
	for name, end := range map[string]func() error{
		"kill":           p.Kill,
		"stop":           func() error { return p.Stop(t.Context(), devcluster.Fast) },
		"smart stop":     func() error { return p.Stop(t.Context(), devcluster.Smart) },
		"immediate stop": func() error { return p.Stop(t.Context(), devcluster.Immediate) },
		"kill frozen":    func() error { return errors.Join(p.Freeze(), p.Kill()) },
	} {
		if err := end(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if conn, err := net.DialTimeout("tcp", p.Addr(), time.Second); err == nil {
			conn.Close()
			t.Errorf("after %s it still takes connections", name)
		}
		if err := p.Start(t.Context()); err != nil {
			t.Fatalf("after %s: %v", name, err)
		}
		ask(`SELECT n FROM kept`, "42")
	}
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask(`SELECT n FROM kept`, "42")
	if p.Addr() != addr {
		t.Errorf("it moved from %s to %s", addr, p.Addr())
	}
	if wrong, err := exec.Command("psql", "-AtX", "-c", "SELECT 1", strings.Replace(p.DSN(), "tuitalk:", "tuitalk:x", 1)).CombinedOutput(); err == nil {
		t.Errorf("a wrong password is taken: %s", wrong)
	}
}

func TestPostgresFreezes(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, devcluster.PostgresOptions{})
	if err := p.Freeze(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", p.Addr(), time.Second)
	if err != nil {
		t.Fatalf("a frozen server's kernel does not accept: %v", err)
	}
	conn.Close()
	if err := p.Stop(t.Context(), devcluster.Fast); err == nil {
		t.Error("a frozen server stopped")
	}
	asked := make(chan string)
	go func() {
		out, _ := query(t, p, "SELECT 'thawed'")
		asked <- out
	}()
	if err := p.Thaw(); err != nil {
		t.Fatal(err)
	}
	if out := <-asked; out != "thawed" {
		t.Errorf("after the thaw: %q", out)
	}
}

func TestPostgresLeavesNothing(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, devcluster.PostgresOptions{})
	if shared, err := filepath.Glob(filepath.Join(p.Dir(), "data", "pg_dynshmem", "mmap.*")); err != nil || len(shared) == 0 {
		t.Errorf("what its processes share is not in its directory: %v, %v", shared, err)
	}
	if err := p.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil { // also of a frozen one
		t.Fatal(err)
	}
	if _, err := os.Stat(p.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its directory is left: %v", err)
	}
	left, err := exec.Command("sh", "-c", "ps -eo args | grep -F -- "+p.Dir()+" | grep -v grep").Output()
	if err == nil {
		t.Errorf("processes are left: %s", left)
	}
	if err := p.Start(t.Context()); err == nil {
		t.Error("a closed server starts")
	}
}

func TestPostgresRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options devcluster.PostgresOptions
		says    string
	}{
		"no programs":   {devcluster.PostgresOptions{Bin: "/usr/lib/nothing"}, "no such file"},
		"a setting":     {devcluster.PostgresOptions{Settings: map[string]string{"work_mem": "rubbish"}}, "work_mem"},
		"its directory": {devcluster.PostgresOptions{Dir: "/dev/null/x"}, "not a directory"},
	} {
		p, err := devcluster.StartPostgres(t.Context(), test.options)
		if err == nil {
			p.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if p, err := devcluster.StartPostgres(t.Context(), devcluster.PostgresOptions{Port: taken.Addr().(*net.TCPAddr).Port}); err == nil {
		p.Close()
		t.Error("it started on a port that is taken")
	} else if !strings.Contains(err.Error(), "port is taken") {
		t.Error(err)
	}
}
