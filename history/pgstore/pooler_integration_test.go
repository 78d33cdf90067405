//go:build integration

package pgstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tuitalk/deploy/devcluster"
	"tuitalk/history"
	"tuitalk/history/historytest"
)

// pgBouncer starts the real one before the server of an address, and returns its address.
func pgBouncer(t *testing.T, dsn string, settings ...string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	port, err := devcluster.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "tuitalk-pgbouncer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	password, _ := u.User.Password()
	conf := fmt.Sprintf("[databases]\n* = host=%s port=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = plain\nauth_file = %s/users\n%s\n",
		u.Hostname(), u.Port(), port, dir, strings.Join(settings, "\n"))
	for name, text := range map[string]string{"pgbouncer.ini": conf, "users": fmt.Sprintf("%q %q\n", u.User.Username(), password)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{filepath.Join(dir, "pgbouncer.ini")}
	if os.Getuid() == 0 { // as which it does not run
		args = append([]string{"-u", "postgres"}, args...)
	}
	cmd := exec.Command("pgbouncer", args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", u.Host)
		if err == nil {
			conn.Close()
			return u.String()
		}
		if time.Now().After(end) {
			t.Fatalf("PgBouncer does not listen: %v", err)
		}
	}
}

// freshDatabase makes a database on the shared server: PgBouncer takes no search_path of
// a client, by which other tests have schemas of their own.
func freshDatabase(t *testing.T, name string) string {
	t.Helper()
	newSchema(t) // starts the server
	execute(t, server.DSN(), "CREATE DATABASE "+name)
	u, err := url.Parse(server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// TestPgBouncer: in session mode all is as without it, in the others no gateway starts. A
// pool that is too small now may have room later.
func TestPgBouncer(t *testing.T) {
	dsn := freshDatabase(t, "bounced")
	for _, test := range []struct {
		settings           []string
		says               string
		worksWell, mayPass bool
	}{
		{[]string{"pool_mode = session"}, "PostgreSQL 15", true, false},
		{[]string{"pool_mode = transaction"}, "set pool_mode = session", false, false},
		{[]string{"pool_mode = transaction", "server_round_robin = 1"}, "set pool_mode = session", false, false},
		{[]string{"pool_mode = transaction", "default_pool_size = 1"}, "set pool_mode = session", false, false},
		{[]string{"pool_mode = statement"}, "set pool_mode = session", false, false},
		{[]string{"pool_mode = session", "default_pool_size = 1"}, "set default_pool_size (PgBouncer) to 19", false, true},
	} {
		through := pgBouncer(t, dsn, test.settings...)
		found, err := Examine(t.Context(), through)
		if err != nil {
			found = err.Error()
		}
		if (err == nil) != test.worksWell || !strings.Contains(found, test.says) {
			t.Errorf("%v: %q, %v; want %q", test.settings, found, err, test.says)
		}
		s, err := Open(t.Context(), through, Options{})
		if (err == nil) != test.worksWell || err != nil && errors.Is(err, errUnusable) == test.mayPass {
			t.Errorf("%v: open: %v", test.settings, err)
		}
		if err != nil {
			continue
		}
		checkSession(t, s)
		s.Close()
	}
	through := pgBouncer(t, dsn, "pool_mode = session")
	if _, err := Examine(t.Context(), withSetting(t, through, "search_path", "public")); err == nil || !strings.Contains(err.Error(), "take search_path and other settings out of the address") {
		t.Errorf("a setting in the address: %v", err)
	}
}

// TestPgBouncerIsBusy: where others have all its server connections, as when a whole fleet
// starts, the store waits for its own, and says what is missing.
func TestPgBouncerIsBusy(t *testing.T) {
	t.Parallel()
	const most = 8
	through := pgBouncer(t, freshDatabase(t, "busy"), "pool_mode = session", fmt.Sprint("default_pool_size = ", most))
	others := make([]*pgx.Conn, most-1)
	for i := range others {
		others[i] = connect(t, through)
		if err := others[i].Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, through, Options{Writers: 2, Readers: 2, Refused: func(err error) { t.Errorf("refused: %v", err) }})
	if err := s.Check(t.Context()); !errors.Is(err, history.ErrUnavailable) || !strings.Contains(err.Error(), "set default_pool_size (PgBouncer) to 19") {
		t.Errorf("without a second connection: %v", err)
	}
	for _, conn := range others {
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	await(t, "the store works", func() bool { return s.Check(t.Context()) == nil })
	checkSession(t, s)
}

// TestPgBouncerIsCutOff: wherever in the look at a pooler a connection is lost, that says
// nothing of the pooler: the next attempt finds that all is well.
func TestPgBouncerIsCutOff(t *testing.T) {
	t.Parallel()
	through := pgBouncer(t, freshDatabase(t, "cut"), "pool_mode = session")
	for query := range 6 {
		s := open(t, cutOff(t, through, query), Options{Refused: func(err error) { t.Errorf("cut before query %d: refused: %v", query, err) }})
		await(t, "the store works", func() bool { return s.Check(t.Context()) == nil })
	}
}

// cutOff is an address that leads to the server of another; the connection that asks for
// the server's process is cut once, after so many that were answered.
func cutOff(t *testing.T, dsn string, after int) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	target := u.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				t.Error(err)
				client.Close()
				return
			}
			end := func() { client.Close(); server.Close() }
			running.Go(func() { defer end(); _, _ = io.Copy(client, server) }) // until one of them closes
			running.Go(func() {
				defer end()
				for buf := make([]byte, 64<<10); ; {
					n, err := client.Read(buf)
					if err != nil || bytes.Contains(buf[:n], []byte("pg_backend_pid()")) && asked.Add(1) == int32(after)+1 {
						return
					}
					if _, err := server.Write(buf[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { listener.Close(); running.Wait() }) // the store, opened later, is closed before
	u.Host = listener.Addr().String()
	return u.String()
}

// checkSession has a store store, and looks at what its sessions are set to.
func checkSession(t *testing.T, s *Store) {
	t.Helper()
	fill(t, s, "x", 3, 1)
	if log, err := historytest.ReadLog(t.Context(), s, 0); err != nil || len(log) == 0 {
		t.Errorf("%d entries, %v", len(log), err)
	}
	for _, p := range []pool{s.writes, s.reads} {
		for name, want := range sessionSettings {
			got := ""
			err := p.query(t.Context(), func(r row) error { return r.Scan(&got) }, `SELECT current_setting($1)`, name)
			if name == "tcp_user_timeout" {
				want = "3000" // as the kernel tells it, in ms
			}
			if err != nil || got != want {
				t.Errorf("%s is %q, %v", name, got, err)
			}
		}
	}
}
