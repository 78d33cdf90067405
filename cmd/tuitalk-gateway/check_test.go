package main

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tuitalk/cmd/setting/settingtest"
	"tuitalk/gateway"
	"tuitalk/history/sqlitestore"
)

// checked runs the real program with -check on free addresses.
func checked(t *testing.T, args ...string) (said string, code int) {
	t.Helper()
	out, wrong, code := settingtest.Start(t, nil, append([]string{"-check", "-listen", "127.0.0.1:0", "-admin", "none"}, args...)...)
	return out + wrong, code
}

// TestCheckOfWhatIsRight changes nothing: there is no database afterwards.
func TestCheckOfWhatIsRight(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "talk.db")
	for range 2 {
		said, code := checked(t, "-store", "sqlite:"+file)
		if code != 0 || strings.Count(said, "ok     ") != 5 || !strings.Contains(said, "talk.db will be made\n") || strings.Contains(said, "WRONG") {
			t.Errorf("ended with %d:\n%s", code, said)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 0 {
		t.Errorf("it made %v, %v", left, err)
	}
	store, err := sqlitestore.Open(file, sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if said, code := checked(t, "-store", "sqlite:"+file); code != 0 || !strings.Contains(said, "talk.db is open in a running gateway (process ") {
		t.Errorf("beside a gateway: ended with %d:\n%s", code, said)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if said, code := checked(t, "-store", "sqlite:"+file); code != 0 || !strings.Contains(said, "talk.db is a database of this program") {
		t.Errorf("of a database: ended with %d:\n%s", code, said)
	}
}

// TestCheckSaysEachFault with its remedy, and which of them is a setting.
func TestCheckSaysEachFault(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	foreign := filepath.Join(t.TempDir(), "letter.txt")
	if err := os.WriteFile(foreign, []byte(strings.Repeat("dear all, ", 50)), 0o600); err != nil {
		t.Fatal(err)
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close() // nobody listens there any more
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"-store postgres://u:sekret@" + gone.Addr().String() + "/db -bus redis://" + web.Listener.Addr().String(), exitFailed, "what answers there is not Redis: correct host and port in -bus"},
		{"-grace 5", exitSettings, `-grace: "5" is not a time with its unit, as 30s`},
		{"-max-conns 900000000", exitSettings, "-max-conns 900000000 needs 900000256 open files, and this process may have "},
		{"-listen " + other.Addr().String(), exitFailed, "is somebody else's: stop who listens there (ss -ltnp names the process), or choose another -listen"},
		{"-admin " + other.Addr().String(), exitFailed, "or choose another -admin"},
		{"-listen 192.0.2.1:8080", exitFailed, "192.0.2.1:8080 is no address of this machine now"},
		{"-store sqlite:/nowhere/talk.db", exitFailed, "the folder /nowhere does not exist: make it, or correct -store"},
		{"-store sqlite:" + foreign, exitFailed, "letter.txt is no database of this program"},
		{"-store postgres://u:sekret@" + gone.Addr().String() + "/db", exitFailed, "nobody listens at -store: start PostgreSQL"},
		{"-store postgres://u:sekret@" + gone.Addr().String() + "/db -bus redis://:sekret@" + gone.Addr().String(), exitFailed, "none of -bus answers"},
		{"-store postgres://u:sekret@127.0.0.1/db?sslmode=verify-ca&sslrootcert=/nowhere/ca.pem", exitFailed, "/nowhere/ca.pem"},
	} {
		said, code := checked(t, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(said, c.says) || strings.Contains(said, "sekret") {
			t.Errorf("%s: ended with %d:\n%swant %d and %q", c.args, code, said, c.code, c.says)
		}
	}
}

// TestCheckKeepsNobodyFromAnAddress: a gateway may start there while it is looked at.
func TestCheckKeepsNobodyFromAnAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:0", ":0", "[::1]:0", "localhost:0", "0.0.0.0:0"} {
		before, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		taken := before.Addr().String()
		if err := tryBind(taken); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: somebody listens there: %v", taken, err)
		}
		before.Close()
		at, err := net.ResolveTCPAddr("tcp", taken)
		if err != nil {
			t.Fatal(err)
		}
		fd, socketAddr, err := socketFor(at)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1), syscall.Bind(fd, socketAddr)); err != nil {
			t.Errorf("%s: look: %v", taken, err)
		}
		if err := tryBind(taken); err != nil {
			t.Errorf("%s: look while somebody looks: %v", taken, err)
		}
		l, err := net.Listen("tcp", taken)
		if err != nil {
			t.Errorf("%s: listen while somebody looks: %v", taken, err)
		} else {
			l.Close()
		}
		syscall.Close(fd)
	}
}

// TestOpenFilesOfTheDefault: what -max-conns is without being set can be opened.
func TestOpenFilesOfTheDefault(t *testing.T) {
	if need, have := gateway.FilesFor(gateway.Defaults().Limits.MaxConns), gateway.FileLimit(); need > have {
		t.Errorf("it needs %d files and may have %d", need, have)
	}
}

// TestAMissingFileIsNoWrongSetting: while a machine boots it may not be there yet.
func TestAMissingFileIsNoWrongSetting(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"-config /nowhere/settings",
		"-store postgres://h/db?sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
		"-store postgres://h/db?sslmode=verify-full&sslcert=/nowhere/c.pem&sslkey=/nowhere/k.pem",
	} {
		if _, stderr, code := settingtest.Start(t, nil, strings.Fields(args)...); code != exitFailed || !strings.Contains(stderr, "/nowhere/") {
			t.Errorf("%s: ended with %d, saying %q", args, code, stderr)
		}
	}
}

// TestReload: the level of the log changes at once, what else has changed is named, and
// wrong settings change nothing.
func TestReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "settings")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("log-level info\n")
	args := []string{"-config", file}
	c, flags := newConfig()
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	r := newReloader(c, flags, args)
	for _, step := range []struct {
		file, says string
		level      slog.Level
	}{
		{"log-level debug\n", `msg="settings read again (SIGHUP)" log_level=DEBUG`, slog.LevelDebug},
		{"log-level loud\n", "they are wrong, and those from before hold", slog.LevelDebug},
		{"log-level warn\ngrace 7s\nmax-conns-per-address 3\n", `need a restart" settings="grace max-conns-per-address" log_level=WARN`, slog.LevelWarn},
	} {
		write(step.file)
		var out bytes.Buffer
		r.reload(slog.New(slog.NewTextHandler(&out, nil)))
		if !strings.Contains(out.String(), step.says) || c.level.Level() != step.level {
			t.Errorf("%q: the level is %v, and it said %s", step.file, c.level.Level(), out.String())
		}
	}
}
