package devcluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// PostgresOptions describes a PostgreSQL server on this machine. The zero value
// is a server with a fresh database in a temporary directory.
type PostgresOptions struct {
	// Dir holds the data and the log; it is made if missing. What an earlier
	// server left there is used again. Default: a temporary one, removed by Close.
	Dir string
	// Port on 127.0.0.1. Default: a free one.
	Port int
	// Bin is the directory of PostgreSQL's programs. Default: that of the postgres
	// in PATH, else the newest below /usr/lib/postgresql.
	Bin string
	// Settings override those of deploy/postgres.
	Settings map[string]string
}

// Postgres is a real PostgreSQL server. As root it runs as the user postgres,
// since PostgreSQL refuses to run as root. Its methods may be called from
// several goroutines; Close ends it, and so does the end of this process.
type Postgres struct {
	options   PostgresOptions
	temporary bool // Dir is to be removed
	password  string
	user      *syscall.Credential // nil: this process's
	procs     *spawner
	number    int // of its name among the servers that stand by for each other; 0 is the first

	mu       sync.Mutex
	server   *process // nil: not running
	frozen   bool
	closed   bool
	standbys int // that were started for it
}

// StopMode is how a server is told to end.
type StopMode syscall.Signal

const (
	Smart     = StopMode(syscall.SIGTERM) // waits until all clients have gone
	Fast      = StopMode(syscall.SIGINT)  // rolls back what is under way
	Immediate = StopMode(syscall.SIGQUIT) // leaves recovery to the next start
)

const (
	postgresUser     = "tuitalk" // role and database
	postgresPatience = 60 * time.Second
)

// StartPostgres makes a database cluster if there is none and starts the server.
// It returns when the server answers.
func StartPostgres(ctx context.Context, options PostgresOptions) (*Postgres, error) {
	p := &Postgres{options: options}
	if err := p.prepare(ctx); err != nil {
		p.removeDir()
		return nil, fmt.Errorf("prepare postgres: %w", err)
	}
	p.procs = newSpawner()
	if err := p.startOnFreePort(ctx); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// startOnFreePort tries other ports while somebody else is faster.
func (p *Postgres) startOnFreePort(ctx context.Context) error {
	if p.options.Port != 0 {
		return p.Start(ctx)
	}
	const attempts = 5
	var err error
	for range attempts {
		if p.options.Port, err = FreePort(); err != nil {
			return fmt.Errorf("start postgres: %w", err)
		}
		if err = p.Start(ctx); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

// DSN is the URL of the database, with the password.
func (p *Postgres) DSN() string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(postgresUser, p.password), Host: p.Addr(), Path: postgresUser}
	return u.String()
}

// Addr is the server's host:port.
func (p *Postgres) Addr() string { return "127.0.0.1:" + strconv.Itoa(p.options.Port) }

// Dir holds the data and the log.
func (p *Postgres) Dir() string { return p.options.Dir }

// LogFile is the server's log.
func (p *Postgres) LogFile() string { return filepath.Join(p.options.Dir, "postgres.log") }

func (p *Postgres) dataDir() string { return filepath.Join(p.options.Dir, "data") }

// Start starts the server and waits until it answers, which after a crash
// includes the recovery. A running server is left as it is.
func (p *Postgres) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, postgresPatience)
	defer cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errors.New("start postgres: it is closed")
	}
	if p.server != nil && !p.server.exited() {
		return nil
	}
	args := []string{"-D", p.dataDir(), "-p", strconv.Itoa(p.options.Port)}
	for _, s := range p.settings() {
		args = append(args, "-c", s)
	}
	logged, err := os.Stat(p.LogFile())
	if err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	server, err := p.spawn(filepath.Join(p.options.Bin, "postgres"), args...)
	if err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	p.server, p.frozen = server, false
	if err := p.awaitReady(ctx, server); err != nil {
		server.signal(syscall.SIGKILL)
		<-server.done
		p.server = nil
		return fmt.Errorf("start postgres: %w; its log: %s", p.portTaken(err, logged.Size()), p.logTail(logged.Size()))
	}
	return nil
}

// awaitReady waits until the server's own status file says that it takes clients.
func (p *Postgres) awaitReady(ctx context.Context, server *process) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		lines := strings.Split(readString(filepath.Join(p.dataDir(), "postmaster.pid")), "\n")
		if len(lines) >= 8 && lines[0] == strconv.Itoa(server.pid()) && strings.TrimSpace(lines[7]) == "ready" {
			return nil
		}
		select {
		case <-tick.C:
		case <-server.done:
			return errors.New("the server ended")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *Postgres) portTaken(err error, logged int64) error {
	if strings.Contains(p.logTail(logged), "Address already in use") {
		return fmt.Errorf("%w: %w", err, errPortTaken)
	}
	return err
}

// logTail is what the server has said since its log was so long.
func (p *Postgres) logTail(since int64) string {
	log := readString(p.LogFile())
	return strings.TrimSpace(log[min(int(since), len(log)):])
}

func readString(name string) string {
	b, _ := os.ReadFile(name) // what is missing says nothing
	return string(b)
}

// Stop tells the server to end and waits for it. A frozen one must be thawed
// first, or killed.
func (p *Postgres) Stop(ctx context.Context, mode StopMode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stop(ctx, mode)
}

func (p *Postgres) stop(ctx context.Context, mode StopMode) error {
	if p.server == nil {
		return nil
	}
	if p.frozen {
		return errors.New("stop postgres: it is frozen")
	}
	if err := p.server.signal(syscall.Signal(mode)); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop postgres: %w", err)
	}
	select {
	case <-p.server.done:
		p.server = nil
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop postgres: %w", ctx.Err())
	}
}

// Restart stops the server if it runs and starts it again, on the same port
// with the same data.
func (p *Postgres) Restart(ctx context.Context) error {
	if err := p.Stop(ctx, Fast); err != nil {
		return err
	}
	return p.Start(ctx)
}

// Close ends the server, whatever its state, and removes a temporary directory.
func (p *Postgres) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	err := p.kill()
	p.procs.close()
	return errors.Join(err, p.removeDir())
}

func (p *Postgres) removeDir() error {
	if !p.temporary {
		return nil
	}
	return os.RemoveAll(p.options.Dir)
}

func newPassword() string { return rand.Text() }
