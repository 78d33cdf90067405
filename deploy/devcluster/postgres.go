package devcluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"tuitalk/deploy/postgres"
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
	procs     *procStarter
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
	postgresUser    = "tuitalk" // role and database
	postgresTimeout = 60 * time.Second
)

// StartPostgres makes a database cluster if there is none and starts the server.
// It returns when the server answers.
func StartPostgres(ctx context.Context, options PostgresOptions) (*Postgres, error) {
	p := &Postgres{options: options}
	if err := p.prepare(ctx); err != nil {
		p.removeDir()
		return nil, fmt.Errorf("prepare postgres: %w", err)
	}
	p.procs = newProcStarter()
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

// StartStandby makes a copy of the server's data, or uses what an earlier standby
// of it left in the directory, and starts a standby on it. It returns when the
// standby is in step, and from then on the server calls nothing committed that is
// not on the standby's disk as well. The standby is the caller's to close; it has
// the server's role and password and, unless told otherwise, its settings.
// At most two run at a time.
func (p *Postgres) StartStandby(ctx context.Context, options PostgresOptions) (*Postgres, error) {
	ctx, cancel := context.WithTimeout(ctx, postgresTimeout)
	defer cancel()
	if options.Bin == "" {
		options.Bin = p.options.Bin
	}
	options.Settings = mergeSettings(p.options.Settings, options.Settings)
	s := &Postgres{options: options, password: p.password}
	err := s.locate()
	if err == nil {
		err = s.chooseName(p)
	}
	if err != nil {
		s.removeDir()
		return nil, fmt.Errorf("prepare the standby: %w", err)
	}
	s.procs = newProcStarter()
	if err := s.standBy(ctx, p); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// mergeSettings returns both, of which the later win.
func mergeSettings(all ...map[string]string) map[string]string {
	merged := make(map[string]string)
	for _, m := range all {
		maps.Copy(merged, m)
	}
	return merged
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

// name is the server's application_name when it stands by.
func (p *Postgres) name() string { return "tuitalk" + strconv.Itoa(p.number+1) }

// Start starts the server and waits until it answers, which after a crash
// includes the recovery. A running server is left as it is.
func (p *Postgres) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, postgresTimeout)
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

// spawn starts a program as the server's user, in a process group of its own,
// its output appended to the log. The kernel kills it when this process ends.
func (p *Postgres) spawn(name string, args ...string) (*process, error) {
	out, err := os.OpenFile(p.LogFile(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.options.Dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: p.user}
	p.procs.do(func() { err = cmd.Start() })
	if err != nil {
		return nil, err
	}
	server := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(server.done)
		_ = cmd.Wait() // how it ended is in its log
	}()
	return server, nil
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

// process is the server's, nil if it is dead.
func (p *Postgres) process() *process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.server
}

// State tells what the kernel says of the server: Running, Stopped or Dead.
func (p *Postgres) State() string { return p.process().state() }

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

// Kill ends all processes of the server at once with SIGKILL, as a loss of
// power would, and waits until they are gone.
func (p *Postgres) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kill()
}

func (p *Postgres) kill() error {
	if p.server == nil {
		return nil
	}
	family, err := p.signalAll(syscall.SIGKILL)
	<-p.server.done
	for _, child := range family {
		awaitState(child.pid, child.start, "Z", "X")
	}
	p.server, p.frozen = nil, false
	if err != nil {
		return fmt.Errorf("kill postgres: %w", err)
	}
	return nil
}

// Freeze stops all processes of the server with SIGSTOP: its kernel still
// accepts connections and data, but nothing answers.
func (p *Postgres) Freeze() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil || p.server.exited() {
		return errors.New("freeze postgres: it does not run")
	}
	p.frozen = true
	if _, err := p.signalAll(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("freeze postgres: %w", err)
	}
	return nil
}

// Thaw wakes a server that Freeze stopped.
func (p *Postgres) Thaw() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		return errors.New("thaw postgres: it does not run")
	}
	p.frozen = false
	if _, err := p.signalAll(syscall.SIGCONT); err != nil {
		return fmt.Errorf("thaw postgres: %w", err)
	}
	return nil
}

// signalAll sends a signal to the server's children, which it returns, and then
// to the server. The server is stopped before, so that it starts no more of
// them; each has a process group of its own, so they are found by their parent.
func (p *Postgres) signalAll(s syscall.Signal) ([]child, error) {
	if err := p.server.signal(syscall.SIGSTOP); errors.Is(err, os.ErrProcessDone) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	awaitState(p.server.pid(), "", "T", "Z", "X")
	family, err := children(p.server.pid())
	errs := []error{err}
	for _, c := range family {
		if err := syscall.Kill(c.pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, err)
		}
	}
	if err := p.server.signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		errs = append(errs, err)
	}
	return family, errors.Join(errs...)
}

// reload has a running server read its files again.
func (p *Postgres) reload() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil || p.server.exited() {
		return errors.New("it does not run")
	}
	return p.server.signal(syscall.SIGHUP)
}

// standBy makes a server that does not run the standby of another, which runs,
// and returns when it is in step. Data of an earlier primary are replaced; see
// copyData.
func (p *Postgres) standBy(ctx context.Context, primary *Postgres) error {
	if err := p.prepareStandby(ctx, primary); err != nil {
		return fmt.Errorf("prepare the standby: %w", err)
	}
	err := p.startOnFreePort(ctx)
	if err == nil {
		err = primary.follow(ctx, p.name())
	}
	if err != nil {
		return fmt.Errorf("start the standby: %w", err)
	}
	return nil
}

// nextStandby gives the names that are not the server's own in turn.
func (p *Postgres) nextStandby() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := (p.number + 1 + p.standbys%(serverNames-1)) % serverNames
	p.standbys++
	return n
}

// follow makes commits wait for a standby once the one with this name streams.
// Not before: else what writes would stand still while it catches up.
func (p *Postgres) follow(ctx context.Context, name string) error {
	if err := p.awaitTrue(ctx, streams+named(name)); err != nil {
		return fmt.Errorf("it does not stream from its primary: %w", err)
	}
	if err := p.write(filepath.Join(p.dataDir(), replicationConf), postgres.Replication); err != nil {
		return err
	}
	if err := p.reload(); err != nil {
		return err
	}
	if err := p.awaitTrue(ctx, streams+inStep+named(name)); err != nil {
		return fmt.Errorf("it is not in step: %w", err)
	}
	return nil
}

// AwaitStandby waits until a standby is in step: all that is committed from then
// on is on its disk too.
func (p *Postgres) AwaitStandby(ctx context.Context) error {
	if err := p.awaitTrue(ctx, streams+inStep); err != nil {
		return fmt.Errorf("no standby is in step: %w", err)
	}
	return nil
}

// Promote makes a standby the primary and returns when it can be written. It has
// no standby of its own then, so its commits wait for none until StartStandby.
// The earlier primary must be dead, or must have no other standby, so that
// nothing that it commits is called stored; see PostgresPair for what becomes of it.
func (p *Postgres) Promote(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, postgresTimeout)
	defer cancel()
	if !p.isStandby() {
		return errors.New("promote postgres: it is no standby")
	}
	err := os.Remove(filepath.Join(p.dataDir(), replicationConf))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = p.reload()
	}
	if err == nil {
		err = p.run(ctx, "", "pg_ctl", "promote", "--pgdata="+p.dataDir(), "--wait", "--timeout="+strconv.Itoa(int(postgresTimeout.Seconds())))
	}
	if err == nil {
		err = p.awaitTrue(ctx, `SELECT NOT pg_is_in_recovery() AND current_setting('synchronous_standby_names') = ''`)
	}
	if err != nil {
		return fmt.Errorf("promote postgres: %w", err)
	}
	return nil
}

// waitsFor returns an error unless what this server calls committed is on the
// standby's disk too. One that is dead or stopped cannot be asked: its files tell.
func (p *Postgres) waitsFor(ctx context.Context, name string) error {
	errNot := errors.New("the primary does not wait for the standby")
	if !p.exists(replicationConf) {
		return errNot
	}
	if p.State() != Running {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	answer, err := p.ask(ctx, streams+inStep+named(name))
	switch {
	case err != nil:
		return fmt.Errorf("the primary lives and does not tell whether it waits for the standby: %w", err)
	case answer != "t":
		return errNot
	}
	return nil
}

// keepsFor tells whether the server still has all that a standby has missed.
func (p *Postgres) keepsFor(ctx context.Context, name string) (bool, error) {
	answer, err := p.ask(ctx, "SELECT count(*) > 0 FROM pg_replication_slots WHERE slot_name = '"+name+"' AND wal_status IS DISTINCT FROM 'lost'")
	return answer == "t", err
}

// Questions that begin with streams tell whether there is such a standby.
const (
	streams = `SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming'`
	inStep  = ` AND sync_state IN ('sync', 'quorum')`
)

func named(name string) string { return " AND application_name = '" + name + "'" }

// awaitTrue asks until the answer is true. Errors: it is dead; of the context, with
// what the server said last.
func (p *Postgres) awaitTrue(ctx context.Context, question string) error {
	tick := time.NewTicker(standbyCheck)
	defer tick.Stop()
	for {
		answer, err := p.ask(ctx, question)
		if err == nil && answer == "t" {
			return nil
		}
		if err != nil && p.State() == Dead {
			return fmt.Errorf("%s is dead: %w", p.Addr(), err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// ask asks the server, and again if it is a standby that gave up the question for what it
// has to replay.
func (p *Postgres) ask(ctx context.Context, question string) (answer string, err error) {
	for {
		answer, err = p.askOnce(ctx, question)
		if err == nil || !strings.Contains(err.Error(), "conflict with recovery") {
			return answer, err
		}
		select {
		case <-time.After(standbyCheck):
		case <-ctx.Done():
			return "", errors.Join(ctx.Err(), err)
		}
	}
}

// askOnce asks the server with PostgreSQL's own client.
func (p *Postgres) askOnce(ctx context.Context, question string) (string, error) {
	u := url.URL{Scheme: "postgres", User: url.User(postgresUser), Host: p.Addr(), Path: postgresUser}
	cmd := exec.CommandContext(ctx, psql(p.options.Bin), "-AtXq", "-c", question, u.String())
	cmd.Env = append(os.Environ(), "PGPASSWORD="+p.password)
	out, err := cmd.CombinedOutput()
	if text := strings.TrimSpace(string(out)); err == nil {
		return text, nil
	} else if text != "" {
		return "", fmt.Errorf("%w: %s", err, text)
	}
	return "", err
}
